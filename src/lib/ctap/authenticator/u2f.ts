import { concatBytes, encodeHex } from "../../bytes.ts";
import { encodeUtf8 } from "../../text.ts";
import { STATUS_WORD } from "../apdu.ts";
import type { CborValue } from "../cbor.ts";
import { COSE_ALGORITHM, type CoseKey } from "../cose.ts";
import { selfSignedCertificate } from "./certificate.ts";
import { credentialKey } from "./credential-key.ts";
import { findCredential, newCredential } from "./credentials.ts";
import type { Context, Conversation } from "./session.ts";

// CTAP1. Source: FIDO U2F Raw Message Formats 1.2.

// Status words of ISO/IEC 7816-4 that U2F does not name.
const COMMAND_NOT_ALLOWED = 0x6986;
const WRONG_PARAMETERS = 0x6b00;

const REGISTER = 0x01;
const AUTHENTICATE = 0x02;
const VERSION = 0x03;

const CHECK_ONLY = 0x07;
const SIGN = 0x03;
const SIGN_WITHOUT_TOUCH = 0x08;

const HASH_LENGTH = 32;
const RESERVED = 0x05;

/** Ends a command with a status word; never leaves the authenticator. */
class U2fRefusal extends Error {
  readonly statusWord: number;

  constructor(statusWord: number) {
    super(`status word 0x${statusWord.toString(16)}`);
    this.name = "U2fRefusal";
    this.statusWord = statusWord;
  }
}

/**
 * Answers an APDU. Where it asks for a touch, a host is told to come again
 * until the touch is there.
 */
export function* answerU2f(context: Context, request: Uint8Array): Conversation {
  try {
    const data = yield* execute(context, parseApdu(request));
    return concatBytes(data, statusWord(STATUS_WORD.noError));
  } catch (error) {
    if (error instanceof U2fRefusal) return statusWord(error.statusWord);
    throw error;
  }
}

/** The answer that sends a host away to come again. */
export function notYetTouched(): Uint8Array {
  return statusWord(STATUS_WORD.conditionsNotSatisfied);
}

function* execute(context: Context, { cla, ins, p1, data }: Apdu): Conversation {
  if (cla !== 0) throw new U2fRefusal(STATUS_WORD.claNotSupported);
  if (ins === VERSION) {
    if (data.length > 0) throw new U2fRefusal(STATUS_WORD.wrongLength);
    return encodeUtf8("U2F_V2");
  }
  if (ins !== REGISTER && ins !== AUTHENTICATE) throw new U2fRefusal(STATUS_WORD.insNotSupported);
  // It cannot verify its user. Source: CTAP 2.1 §7.2.
  if (context.state.alwaysUv) throw new U2fRefusal(COMMAND_NOT_ALLOWED);
  return ins === REGISTER ? yield* register(context, data) : yield* authenticate(context, p1, data);
}

/** challenge(32) | application(32) → 05 | public key(65) | length(1) | key handle | certificate | signature */
function* register(context: Context, data: Uint8Array): Conversation {
  if (data.length !== 2 * HASH_LENGTH) throw new U2fRefusal(STATUS_WORD.wrongLength);
  const challenge = data.subarray(0, HASH_LENGTH);
  const application = data.subarray(HASH_LENGTH);
  yield { what: "u2f-register", rpId: encodeHex(application) };
  const { id, source } = newCredential(context.state, application, {
    algorithm: COSE_ALGORITHM.es256,
    isDiscoverable: false,
    hasHmacSecret: false,
    hasLargeBlobKey: false,
    protection: 1,
  });
  const key = credentialKey(source.seed, source.algorithm);
  const point = encodePoint(key.publicKey);
  const signature = key.sign(concatBytes(Uint8Array.of(0), application, challenge, id, point));
  return concatBytes(Uint8Array.of(RESERVED), point, Uint8Array.of(id.length), id, selfSignedCertificate(point, key.sign), signature);
}

/** challenge(32) | application(32) | length(1) | key handle → user presence(1) | counter(4) | signature */
function* authenticate(context: Context, control: number, data: Uint8Array): Conversation {
  const handle = data.subarray(2 * HASH_LENGTH + 1);
  if (data[2 * HASH_LENGTH] !== handle.length) throw new U2fRefusal(STATUS_WORD.wrongLength);
  const challenge = data.subarray(0, HASH_LENGTH);
  const application = data.subarray(HASH_LENGTH, 2 * HASH_LENGTH);
  if (control !== CHECK_ONLY && control !== SIGN && control !== SIGN_WITHOUT_TOUCH) throw new U2fRefusal(WRONG_PARAMETERS);

  const credential = findCredential(context.state, application, handle);
  // One that is for verified users alone is as if it were not there. Source: CTAP 2.1 §12.1.
  if (credential?.source.algorithm !== COSE_ALGORITHM.es256 || credential.source.protection === 3) throw new U2fRefusal(STATUS_WORD.wrongData);
  if (control === CHECK_ONLY) throw new U2fRefusal(STATUS_WORD.conditionsNotSatisfied);
  if (control === SIGN) yield { what: "u2f-authenticate", rpId: encodeHex(application) };

  const { state } = context;
  state.counter += 1;
  const presence = new Uint8Array(5);
  presence[0] = control === SIGN ? 1 : 0;
  new DataView(presence.buffer).setUint32(1, state.counter);
  const { sign } = credentialKey(credential.source.seed, credential.source.algorithm);
  return concatBytes(presence, sign(concatBytes(application, presence, challenge)));
}

interface Apdu {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly data: Uint8Array;
}

/** Of the short and the extended form; how much of an answer is wanted counts for nothing. Source: ISO/IEC 7816-4 §5.1. */
function parseApdu(bytes: Uint8Array): Apdu {
  const [cla, ins, p1, p2] = bytes;
  if (cla === undefined || ins === undefined || p1 === undefined || p2 === undefined) throw new U2fRefusal(STATUS_WORD.wrongLength);
  return { cla, ins, p1, data: parseBody(bytes.subarray(4)) };
}

function parseBody(body: Uint8Array): Uint8Array {
  const isExtended = body[0] === 0 && body.length >= 3;
  const sizeLength = isExtended ? 3 : 1;
  const wantedLength = isExtended ? 2 : 1;
  if (body.length <= sizeLength) return new Uint8Array(); // no data, or none but the length of the answer
  const length = isExtended ? ((body[1] ?? 0) << 8) | (body[2] ?? 0) : (body[0] ?? 0);
  const left = body.length - sizeLength - length;
  if (left !== 0 && left !== wantedLength) throw new U2fRefusal(STATUS_WORD.wrongLength);
  return body.subarray(sizeLength, sizeLength + length);
}

function statusWord(word: number): Uint8Array {
  return Uint8Array.of(word >> 8, word & 0xff);
}

/** 04 | x(32) | y(32) */
function encodePoint(key: CoseKey): Uint8Array {
  return concatBytes(Uint8Array.of(4), bytesOf(key.get(-2)), bytesOf(key.get(-3)));
}

function bytesOf(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new RangeError("public key has no point");
  return value;
}
