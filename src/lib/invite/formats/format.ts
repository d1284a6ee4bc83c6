import { InviteError } from "../../errors.ts";
import { encodeUtf8, parseUtf8 } from "../../text.ts";

/**
 * What a dialog is told. `stored` says that the server has our message of that
 * number; `written`, on the receiving side, that the payload is safe.
 */
export type DialogEvent =
  | { readonly type: "verified"; readonly appVersions: unknown }
  | { readonly type: "message"; readonly plaintext: Uint8Array }
  | { readonly type: "stored"; readonly index: number }
  | { readonly type: "written" };

/** Where a dialog is; it can be written down as JSON and gone on with later. */
export interface DialogState {
  readonly stage: "start" | "introduced" | "offered" | "answered";
  /** What is offered; on the receiving side what is sent back, if anything. */
  readonly payload: string;
}

/**
 * How a dialog ended on the issuing side. `answer` is what the other side sent
 * back for the issuer's use.
 */
export type IssueOutcome =
  | { readonly type: "delivered"; readonly answer?: JsonObject }
  | { readonly type: "handed-over" }
  | { readonly type: "refused"; readonly reason: string };

/**
 * How it ended on the receiving side: `accepted` once what the step sends has
 * arrived, `refused` by the sender, or what came is `unusable` and the sender is
 * told.
 */
export type AcceptOutcome = { readonly type: "accepted" } | { readonly type: "refused"; readonly reason: string } | { readonly type: "unusable"; readonly reason: string };

export interface IssueStep {
  readonly state: DialogState;
  /** Messages to send, in order. */
  readonly send: readonly Uint8Array[];
  readonly outcome?: IssueOutcome;
}

export interface AcceptStep {
  readonly state: DialogState;
  readonly send: readonly Uint8Array[];
  /** What was received, to be written; then the dialog is told `written`. */
  readonly payload?: string;
  readonly outcome?: AcceptOutcome;
}

/**
 * How two programs talk once the wormhole between them is verified. Pure:
 * nothing waits in here. An event that an issuer is told again, as its process
 * died before it was done with it, changes nothing.
 */
export interface Format {
  readonly appid: string;
  /** Sent with our version message. */
  readonly appVersions: JsonObject;

  /**
   * The message that carries a payload.
   *
   * @throws {InviteError} INVITE_PAYLOAD where the payload is not of this format
   */
  readonly encodeOffer: (payload: string) => Uint8Array;
  readonly issue: (state: DialogState, event: DialogEvent) => IssueStep;
  readonly accept: (state: DialogState, event: DialogEvent) => AcceptStep;

  /** Tells the receiver, instead of the payload, why there is none. */
  readonly encodeIssuerRefusal: (reason: string) => Uint8Array;
  /** Tells the sender that the payload was not taken, and why. */
  readonly encodeReceiverRefusal: (reason: string) => Uint8Array;
}

/** @param payload - what is offered, or what the receiving side sends back */
export function startDialog(payload = ""): DialogState {
  return { stage: "start", payload };
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** @returns nothing where it is not the JSON of an object */
export function parseObject(plaintext: Uint8Array): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(parseUtf8(plaintext, "message"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function encodeMessage(value: JsonObject): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/** Longer ones are cut: they are shown to a person. */
const MAX_REASON_LENGTH = 500;

/** What the other side gave as its reason, which may be anything. */
export function reasonOf(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) as string | undefined);
  return text === undefined || text === "" ? "no reason given" : text.slice(0, MAX_REASON_LENGTH);
}

/**
 * The payload of a format that sends an object.
 *
 * @throws {InviteError} INVITE_PAYLOAD
 */
export function parsePayloadObject(payload: string): JsonObject {
  const value = parsePayloadJson(payload);
  if (!isObject(value)) throw payloadError("is not an object", "give a JSON object");
  return value;
}

/** @throws {InviteError} INVITE_PAYLOAD, which never quotes the payload: it may be secret */
export function parsePayloadJson(payload: string): unknown {
  if (payload.startsWith("\ufeff")) throw payloadError("begins with a byte order mark, which JSON has not", "save it as UTF-8 without one");
  try {
    return JSON.parse(payload);
  } catch {
    throw payloadError("is not JSON", "for any other text, give --format text");
  }
}

/** @param problem - reads on after "the payload" */
export function payloadError(problem: string, hint: string): InviteError {
  return new InviteError("INVITE_PAYLOAD", `the payload ${problem}`, { hint });
}
