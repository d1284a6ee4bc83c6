import { encodeUtf8, parseUtf8 } from "../../text.ts";
import { encodeMessage, isObject, parseObject, parsePayloadObject, payloadError, reasonOf, type AcceptStep, type DialogEvent, type DialogState, type Format, type IssueStep, type JsonObject } from "./format.ts";

const ISSUER_ABILITY = "server-v1";
const RECEIVER_ABILITY = "client-v1";

/** Number of the issuer's message that carries the configuration. */
const CONFIGURATION = 1;

/** `tahoe create-client --join` fails half-way without these. */
const REQUIRED = ["shares-needed", "shares-happy", "shares-total"];

/** What else it reads. */
const OPTIONAL = ["nickname", "introducer"];

/**
 * The invites of Tahoe-LAFS and Gridsync.
 *
 * Issuer: `{"abilities": {"server-v1": {}}}`. Receiver: `{"abilities":
 * {"client-v1": {}}}`. Issuer: the configuration, an object. Nothing
 * acknowledges it, so it is handed over once the server has it.
 * Source: tahoe-lafs 1.20, scripts/tahoe_invite.py and create_node.py.
 */
export const tahoeFormat: Format = {
  appid: "tahoe-lafs.org/invite",
  appVersions: {},
  encodeOffer,
  issue,
  accept,
  encodeIssuerRefusal: encodeError,
  encodeReceiverRefusal: encodeError,
};

function encodeOffer(payload: string): Uint8Array {
  const configuration = parsePayloadObject(payload);
  for (const name of REQUIRED) {
    if (!isText(configuration[name]) && !Number.isSafeInteger(configuration[name])) throw payloadError(`lacks ${name}`, `a configuration for tahoe has ${[...REQUIRED, ...OPTIONAL].join(", ")}`);
  }
  for (const name of OPTIONAL) {
    if (!isText(configuration[name] ?? "")) throw payloadError(`has a value for ${name} that is not text`, "give it as a JSON string");
  }
  return encodeUtf8(payload);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function encodeError(reason: string): Uint8Array {
  return encodeMessage({ error: reason });
}

function introduction(ability: string): Uint8Array {
  return encodeMessage({ abilities: { [ability]: {} } });
}

/** @returns why this is not the introduction of a side with that ability; nothing where it is */
function whyNot(message: JsonObject | undefined, ability: string): string | undefined {
  if (message === undefined) return "the introduction is not a JSON object";
  if ("error" in message) return reasonOf(message.error);
  return isObject(message.abilities) && ability in message.abilities ? undefined : `the other side lacks the ability ${ability}`;
}

function issue(state: DialogState, event: DialogEvent): IssueStep {
  if (event.type === "verified" && state.stage === "start") return { state: { ...state, stage: "introduced" }, send: [introduction(ISSUER_ABILITY)] };
  if (event.type === "message" && state.stage === "introduced") {
    const reason = whyNot(parseObject(event.plaintext), RECEIVER_ABILITY);
    if (reason !== undefined) return { state, send: [], outcome: { type: "refused", reason } };
    return { state: { ...state, stage: "offered" }, send: [encodeOffer(state.payload)] };
  }
  if (event.type === "stored" && event.index === CONFIGURATION) return { state: { ...state, stage: "answered" }, send: [], outcome: { type: "handed-over" } };
  return { state, send: [] };
}

function accept(state: DialogState, event: DialogEvent): AcceptStep {
  switch (event.type) {
    case "verified":
      return { state, send: [introduction(RECEIVER_ABILITY)] };
    case "message":
      if (state.stage === "start") return takeIntroduction(state, parseObject(event.plaintext));
      return state.stage === "introduced" ? takeConfiguration(state, event.plaintext) : { state, send: [] };
    case "written":
      return { state: { ...state, stage: "answered" }, send: [], outcome: { type: "accepted" } };
    case "stored":
      return { state, send: [] };
  }
}

function takeIntroduction(state: DialogState, message: JsonObject | undefined): AcceptStep {
  if (message !== undefined && "error" in message) return { state, send: [], outcome: { type: "refused", reason: reasonOf(message.error) } };
  const reason = whyNot(message, ISSUER_ABILITY);
  return reason === undefined ? { state: { ...state, stage: "introduced" }, send: [] } : unusable(state, reason);
}

function takeConfiguration(state: DialogState, plaintext: Uint8Array): AcceptStep {
  const configuration = parseObject(plaintext);
  if (configuration === undefined) return unusable(state, "the configuration is not a JSON object");
  // As it came: the reader may know fields that this program does not.
  return { state: { ...state, stage: "offered" }, send: [], payload: parseUtf8(plaintext, "configuration") };
}

function unusable(state: DialogState, reason: string): AcceptStep {
  return { state, send: [encodeError(reason)], outcome: { type: "unusable", reason } };
}
