import { KeyholeError, WormholeError } from "../errors.ts";
import { parseCode } from "./code.ts";
import { bytesOfHex } from "./hex.ts";
import { asObject, field, parseJsonText, type Json } from "./json.ts";
import { isScalar } from "./spake2.ts";
import type { Command, Connection, Reason, StoredEvent, WormholeState } from "./state.ts";

/**
 * A state as it is written down: JSON on one line. It holds the code and the
 * key, so whoever can read it can speak in our place.
 */
export function encodeState(state: WormholeState): string {
  return JSON.stringify(state);
}

/**
 * Reads what `encodeState` wrote, and nothing else.
 *
 * @throws {WormholeError} WORMHOLE_STATE
 */
export function parseState(text: string): WormholeState {
  const value = parseJsonText(text);
  if (value === undefined) throw stateError("is not JSON");
  const wrong = findWrong(value, STATE);
  if (wrong !== undefined) throw stateError(wrong === "" ? "is not an object" : `has a wrong or unknown field ${JSON.stringify(wrong)}`);
  const state = value as unknown as WormholeState;
  checkCode(state);
  return state;
}

function checkCode({ nameplate, password }: WormholeState): void {
  try {
    parseCode(`${nameplate ?? "0"}-${password}`);
  } catch (error) {
    if (error instanceof KeyholeError) throw stateError(`has no code that can be one: ${error.message}`);
    throw error;
  }
}

function stateError(found: string): WormholeError {
  return new WormholeError("WORMHOLE_STATE", `state of a wormhole ${found}`, { hint: "it is written by keyhole and not to be edited; issue a new code" });
}

type Check = (value: Json | undefined) => boolean;
type Shape<T> = Readonly<Record<keyof T, Check>>;

/** @returns the first field that is not as it must be; "" where there is no object */
function findWrong<T>(value: Json | undefined, shape: Shape<T>): string | undefined {
  const object = asObject(value);
  if (object === undefined) return "";
  const checks = Object.entries<Check>(shape);
  const wrong = checks.find(([name, check]) => !check(field(object, name)));
  return wrong?.[0] ?? Object.keys(object).find((name) => !Object.hasOwn(shape, name));
}

function object<T>(shape: Shape<T>): Check {
  return (value) => findWrong(value, shape) === undefined;
}

const isBoolean: Check = (value) => typeof value === "boolean";
const isText: Check = (value) => typeof value === "string";
const isJson: Check = (value) => value !== undefined;
const isCount: Check = (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isTime: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isHex: Check = (value) => typeof value === "string" && value.length % 2 === 0 && /^[0-9a-f]*$/.test(value);
const isKey: Check = (value) => isHex(value) && (value as string).length === 64;
const oneOf =
  (...values: readonly Json[]): Check =>
  (value) =>
    value !== undefined && values.includes(value);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && (value as readonly Json[]).every(check);

const COMMANDS: readonly Command[] = ["allocate", "claim", "open", "release", "close"];
const REASONS: readonly Reason[] = ["closed", "wrong-guess", "silent-guess", "crowded", "reclaimed", "lost", "server-error"];
const NOTICES = ["crowded", "silent-claim"];
const MOODS = ["happy", "lonely", "scary", "errory", "unwelcome"];

type Of<Type extends StoredEvent["type"]> = Extract<StoredEvent, { readonly type: Type }>;
type EventShapes = { readonly [Type in StoredEvent["type"]]: Shape<Of<Type>> };

const EVENTS: EventShapes = {
  welcome: { type: isText, motd: orNull(isText) },
  code: { type: isText, code: isText },
  contacted: { type: isText },
  verified: { type: isText, verifier: isKey, appVersions: isJson },
  message: { type: isText, index: isCount, plaintext: isHex },
  stored: { type: isText, index: isCount },
  notice: { type: isText, notice: oneOf(...NOTICES) },
  ended: { type: isText, reason: oneOf(...REASONS), detail: orNull(isText) },
};

const isEvent: Check = (value) => {
  const type = field(asObject(value) ?? {}, "type");
  return typeof type === "string" && Object.hasOwn(EVENTS, type) && findWrong(value, EVENTS[type as StoredEvent["type"]] as Shape<StoredEvent>) === undefined;
};

const CONNECTION: Shape<Connection> = {
  stage: oneOf("none", "greeting", "minting", "bound"),
  watch: isBoolean,
  asked: listOf(oneOf(...COMMANDS)),
  added: isCount,
  missing: orNull(listOf(isText)),
};

const STATE: Shape<WormholeState> = {
  format: oneOf(1),
  role: oneOf("issuer", "receiver"),
  appid: isText,
  side: isText,
  version: isJson,
  password: isText,
  allocates: isBoolean,
  nameplate: orNull(isText),
  allocatedAt: orNull(isTime),
  isClaimAsked: isBoolean,
  isReleased: isBoolean,
  mailbox: orNull(isText),
  isClosed: isBoolean,
  scalar: orNull((value) => isKey(value) && isScalar(bytesOfHex(value as string))),
  key: orNull(isKey),
  isContacted: isBoolean,
  peer: orNull(isText),
  guessDeadline: orNull(isTime),
  isVerified: isBoolean,
  hasVersion: isBoolean,
  outbox: listOf(object({ phase: isText, body: isHex, isStored: isBoolean })),
  nextSend: isCount,
  nextReceive: isCount,
  unopened: listOf(object({ side: isText, phase: isText, body: orNull(isHex) })),
  ahead: listOf(object({ index: isCount, plaintext: isHex })),
  events: listOf(isEvent),
  greeting: orNull(isText),
  ending: orNull(object({ reason: oneOf(...REASONS), mood: oneOf(...MOODS), detail: orNull(isText) })),
  isFinished: isBoolean,
  connection: object(CONNECTION),
};
