import { InviteError } from "../../errors.ts";
import { parseUtf8 } from "../../text.ts";
import { encodeMessage, isObject, parseObject, parsePayloadObject, payloadError, reasonOf, type AcceptStep, type DialogEvent, type DialogState, type Format, type IssueStep, type JsonObject } from "./format.ts";

const PROTOCOL = "invite-v1";
const MODES = ["read-write", "read-only"];

/** Number of the issuer's message that ends the dialog. */
const ACKNOWLEDGEMENT = 1;

/** Read-only capabilities of Tahoe directories. Source: tahoe-lafs, uri.py. */
const READ_ONLY_DIRECTORY = /^URI:DIR2-(?:RO|MDMF-RO|CHK|LIT):\S+$/;

/**
 * The invites of Magic Folder.
 *
 * Issuer: `join-folder` with the folder. Receiver: `join-folder-accept`, with
 * the capability of a directory of its own if it may write, or
 * `join-folder-reject`. Issuer: `join-folder-ack`. Each is an object with
 * `"protocol": "invite-v1"` and its name as `kind`. Both sides say beforehand,
 * with their versions, that they speak it.
 * Source: magic-folder 24.3, invite.py.
 */
export const magicFolderFormat: Format = {
  appid: "private.storage/magic-folder/invites",
  appVersions: { "magic-folder": { "supported-messages": [PROTOCOL] } },
  encodeOffer,
  issue,
  accept,
  // There is no such message before join-folder; this one makes the joining side stop.
  encodeIssuerRefusal: (reason) => encode("join-folder-ack", { success: false, error: reason }),
  encodeReceiverRefusal: encodeRejection,
};

/**
 * The capability that a receiver sends back.
 *
 * @throws {InviteError} INVITE_PERSONAL, which never quotes it
 */
export function checkPersonal(capability: string): void {
  if (READ_ONLY_DIRECTORY.test(capability)) return;
  throw new InviteError("INVITE_PERSONAL", "that is not the read-only capability of a directory", { hint: "give the one that begins with URI:DIR2-RO:" });
}

function encode(kind: string, fields: JsonObject): Uint8Array {
  return encodeMessage({ kind, protocol: PROTOCOL, ...fields });
}

function encodeRejection(reason: string): Uint8Array {
  return encode("join-folder-reject", { "reject-reason": reason });
}

function encodeOffer(payload: string): Uint8Array {
  const folder = parsePayloadObject(payload);
  for (const [name, expected] of [["kind", "join-folder"], ["protocol", PROTOCOL]] as const) {
    if ((folder[name] ?? expected) !== expected) throw payloadError(`has another ${name} than ${expected}`, "it may be left out");
  }
  for (const name of ["folder-name", "participant-name"]) {
    if (typeof (folder[name] ?? "") !== "string") throw payloadError(`has a value for ${name} that is not text`, "give it as a JSON string");
  }
  const { collective, mode = MODES[0] } = folder;
  // One that may write would let everybody who is invited change the folder for all.
  if (typeof collective !== "string" || !READ_ONLY_DIRECTORY.test(collective)) {
    throw payloadError("has no collective that is the read-only capability of a directory", "give the one that begins with URI:DIR2-RO:");
  }
  if (typeof mode !== "string" || !MODES.includes(mode)) throw payloadError("has an unknown mode", `expected ${MODES.join(" or ")}`);
  return encode("join-folder", { ...folder, mode });
}

/** @returns why the other side cannot be talked with; nothing where it can */
function whyNot(appVersions: unknown): string | undefined {
  const own = isObject(appVersions) ? appVersions["magic-folder"] : undefined;
  const messages = isObject(own) ? own["supported-messages"] : undefined;
  return Array.isArray(messages) && messages.includes(PROTOCOL) ? undefined : `the other side does not speak ${PROTOCOL}`;
}

/** @returns the message, if it is one of this protocol */
function parse(plaintext: Uint8Array): JsonObject | undefined {
  const message = parseObject(plaintext);
  return message?.protocol === PROTOCOL ? message : undefined;
}

function issue(state: DialogState, event: DialogEvent): IssueStep {
  if (event.type === "verified" && state.stage === "start") {
    const reason = whyNot(event.appVersions);
    if (reason !== undefined) return { state, send: [], outcome: { type: "refused", reason } };
    return { state: { ...state, stage: "offered" }, send: [encodeOffer(state.payload)] };
  }
  if (event.type === "message" && state.stage === "offered") return takeReply(state, parse(event.plaintext));
  if (event.type === "stored" && event.index === ACKNOWLEDGEMENT && state.stage === "answered") {
    return { state, send: [], outcome: { type: "delivered", answer: JSON.parse(state.payload) as JsonObject } };
  }
  return { state, send: [] };
}

function takeReply(state: DialogState, reply: JsonObject | undefined): IssueStep {
  const refused = (reason: string): IssueStep => ({ state, send: [], outcome: { type: "refused", reason } });
  const invalid = (reason: string): IssueStep => ({ ...refused(reason), send: [encode("join-folder-ack", { success: false, error: reason })] });
  if (reply?.kind === "join-folder-reject") return refused(reasonOf(reply["reject-reason"]));
  if (reply?.kind !== "join-folder-accept") return invalid(`the reply is no ${PROTOCOL} one`);
  const { mode, "participant-name": participant } = parsePayloadObject(state.payload);
  const { personal } = reply;
  if (personal !== undefined) {
    if (mode === "read-only") return invalid("the reply has a capability for writing, which was not offered");
    if (typeof personal !== "string" || !READ_ONLY_DIRECTORY.test(personal)) return invalid("the reply has a capability that is not the read-only one of a directory");
  }
  // From here on the answer is what counts, and what is written down.
  const answer = JSON.stringify({ ...(personal === undefined ? {} : { personal }) });
  return { state: { stage: "answered", payload: answer }, send: [encode("join-folder-ack", { ...(participant === undefined ? {} : { "participant-name": participant }), success: true })] };
}

function accept(state: DialogState, event: DialogEvent): AcceptStep {
  switch (event.type) {
    case "verified": {
      const reason = whyNot(event.appVersions);
      return reason === undefined ? { state, send: [] } : unusable(state, reason);
    }
    case "message":
      if (state.stage === "start") return takeInvite(state, event.plaintext);
      return state.stage === "answered" ? takeAcknowledgement(state, parse(event.plaintext)) : { state, send: [] };
    case "written":
      return { state: { ...state, stage: "answered" }, send: [encode("join-folder-accept", state.payload === "" ? {} : { personal: state.payload })] };
    case "stored":
      return { state, send: [] };
  }
}

function takeInvite(state: DialogState, plaintext: Uint8Array): AcceptStep {
  const invite = parse(plaintext);
  if (invite?.kind === "join-folder-ack") return takeAcknowledgement(state, invite);
  if (invite?.kind !== "join-folder") return unusable(state, `the message is no ${PROTOCOL} invite`);
  if (typeof invite.collective !== "string" || !READ_ONLY_DIRECTORY.test(invite.collective)) return unusable(state, "the invite has no read-only collective");
  // To one who may only read, the issuing side takes a capability amiss.
  const personal = invite.mode === "read-write" ? state.payload : "";
  return { state: { stage: "offered", payload: personal }, send: [], payload: parseUtf8(plaintext, "invite") };
}

function takeAcknowledgement(state: DialogState, message: JsonObject | undefined): AcceptStep {
  const isDone = message?.kind === "join-folder-ack" && message.success === true;
  return { state, send: [], outcome: isDone ? { type: "accepted" } : { type: "refused", reason: reasonOf(message?.error) } };
}

function unusable(state: DialogState, reason: string): AcceptStep {
  return { state, send: [encodeRejection(reason)], outcome: { type: "unusable", reason } };
}
