import { encodeMessage, isObject, parseObject, payloadError, reasonOf, type AcceptStep, type DialogEvent, type DialogState, type Format, type IssueStep, type JsonObject } from "./format.ts";

const APPID = "lothar.com/wormhole/text-or-file-xfer";

/** The text protocol of `wormhole send --text` and `wormhole receive`. */
export const textFormat: Format = textFormatOf(() => undefined);

/**
 * The same for texts of some kind.
 *
 * Sender: `{"offer": {"message": TEXT}}`. Receiver: `{"answer": {"message_ack":
 * "ok"}}`. Either: `{"error": REASON}`. Keys beside these are ignored.
 * Source: magic-wormhole, cmd_send.py and cmd_receive.py; file-transfer-protocol.md.
 *
 * @param check - throws INVITE_PAYLOAD for a text that is not of the kind
 */
export function textFormatOf(check: (text: string) => void): Format {
  const checkText = (text: string): void => {
    // JSON can hold half of one, UTF-8 cannot.
    if (!text.isWellFormed()) throw payloadError("holds half a surrogate pair, which no text can", "take that out");
    check(text);
  };
  const encodeOffer = (payload: string): Uint8Array => {
    checkText(payload);
    return encodeMessage({ offer: { message: payload } });
  };
  return {
    appid: APPID,
    appVersions: {},
    encodeOffer,
    issue: (state, event) => {
      if (event.type === "verified" && state.stage === "start") return { state: { ...state, stage: "offered" }, send: [encodeOffer(state.payload)] };
      return event.type === "message" ? takeAnswer(state, parseObject(event.plaintext)) : { state, send: [] };
    },
    accept: (state, event) => accept(state, event, checkText),
    encodeIssuerRefusal: encodeError,
    encodeReceiverRefusal: encodeError,
  };
}

function encodeError(reason: string): Uint8Array {
  return encodeMessage({ error: reason });
}

function takeAnswer(state: DialogState, message: JsonObject | undefined): IssueStep {
  const refused = (reason: string): IssueStep => ({ state, send: [], outcome: { type: "refused", reason } });
  if (message === undefined) return refused("the answer is not a JSON object");
  if ("error" in message) return refused(reasonOf(message.error));
  // Two senders with one code would wait for each other for ever.
  if ("offer" in message) return { ...refused("the receiver sends too"), send: [encodeError("both sides send")] };
  if (!("answer" in message)) return { state, send: [] };
  const isAcknowledged = isObject(message.answer) && message.answer.message_ack === "ok";
  return isAcknowledged ? { state: { ...state, stage: "answered" }, send: [], outcome: { type: "delivered" } } : refused("the answer is not an acknowledgement");
}

function accept(state: DialogState, event: DialogEvent, check: (text: string) => void): AcceptStep {
  switch (event.type) {
    case "verified":
      return { state, send: [] };
    case "message":
      return state.stage === "start" ? takeOffer(state, parseObject(event.plaintext), check) : { state, send: [] };
    case "written":
      return { state: { ...state, stage: "answered" }, send: [encodeMessage({ answer: { message_ack: "ok" } })], outcome: { type: "accepted" } };
    case "stored":
      return { state, send: [] };
  }
}

function takeOffer(state: DialogState, message: JsonObject | undefined, check: (text: string) => void): AcceptStep {
  const unusable = (reason: string): AcceptStep => ({ state, send: [encodeError(reason)], outcome: { type: "unusable", reason } });
  if (message === undefined) return unusable("the message is not a JSON object");
  if ("error" in message) return { state, send: [], outcome: { type: "refused", reason: reasonOf(message.error) } };
  if (!("offer" in message)) return { state, send: [] };
  const { offer } = message;
  const text = isObject(offer) ? offer.message : undefined;
  if (typeof text !== "string") return unusable(`${describeOffer(offer)} is offered, and this side takes text only`);
  try {
    check(text);
  } catch (error) {
    return unusable((error as Error).message);
  }
  return { state: { ...state, stage: "offered" }, send: [], payload: text };
}

function describeOffer(offer: unknown): string {
  const kind = isObject(offer) ? ["file", "directory"].find((name) => name in offer) : undefined;
  return kind === undefined ? "something unknown" : `a ${kind}`;
}
