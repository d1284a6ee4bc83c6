import { createHash, hkdfSync, randomBytes } from "node:crypto";
import { concatBytes, copyBytes, equalBytes } from "../bytes.ts";
import { WormholeError } from "../errors.ts";
import { encodeUtf8 } from "../text.ts";
import { addMultiples, BASE, EdwardsPoint, encodeScalar, modOrder, ORDER, parsePrimeOrderPoint, parseScalar, POINT_LENGTH, SCALAR_LENGTH } from "./ed25519.ts";
import { hexOf } from "./hex.ts";

// SPAKE2, symmetric, over Ed25519, as magic-wormhole and python-spake2 speak it.
// Both sides send x·B + w·S, where x is random and w comes from the code.

/** Our half of a key agreement; both must be kept until the other half comes, and the scalar kept secret. */
export interface Pake {
  /** 32 bytes, little-endian, below the order of the group. */
  readonly scalar: Uint8Array;
  /** 33 bytes, for the other side. */
  readonly message: Uint8Array;
}

/** The letter S: a message of the symmetric kind; A and B are the sides of the other kind. */
const SYMMETRIC = 0x53;

/** What blinds a message by the code. Nobody knows its logarithm: python-spake2 hashed it from `symmetric`. */
const S = EdwardsPoint.at(
  0x567bb5845ae1e7614323832b3964bb05c3fd275ec6f40707de05f47ad20d6103n,
  0x71e6b86a54e871cdb1222d229c567978f5d81c43ef22593ba7e11b7ce8da006fn,
);

/** So many more bits than the order has that the remainder shows no bias. */
const UNBIASED_LENGTH = 64;
const PASSWORD_SCALAR_LENGTH = 48;

/**
 * A scalar for `startPake`. It serves one side of one wormhole.
 *
 * @returns 32 bytes, little-endian
 */
export function randomScalar(random: (length: number) => Uint8Array = randomBytes): Uint8Array {
  return encodeScalar(modOrder(numberOf(random(UNBIASED_LENGTH))));
}

/** Whether bytes that were written down can be a scalar. */
export function isScalar(bytes: Uint8Array): boolean {
  return bytes.length === SCALAR_LENGTH && parseScalar(bytes) < ORDER;
}

/**
 * The scalar that a password stands for. Source: python-spake2, `password_to_scalar`.
 *
 * @param password - the code in NFC and UTF-8
 */
export function passwordScalar(password: Uint8Array): bigint {
  return modOrder(numberOf(new Uint8Array(hkdfSync("sha256", password, "", "SPAKE2 pw", PASSWORD_SCALAR_LENGTH))));
}

/** Of bytes, big-endian. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${hexOf(bytes)}`);
}

/**
 * Begins a key agreement.
 *
 * @param code - all of it, nameplate included; one that is composed otherwise (NFD) is the same
 * @param scalar - of `randomScalar`
 */
export function startPake(code: string, scalar: Uint8Array): Pake {
  const blinded = addMultiples(parseScalar(scalar), BASE, passwordScalar(normalize(code)), S);
  return { scalar: copyBytes(scalar), message: concatBytes(Uint8Array.of(SYMMETRIC), blinded.toBytes()) };
}

/**
 * Ends it. The key is the same on both sides if code and appid are; whether
 * they are shows only once something that was encrypted under it is decrypted.
 *
 * @param pake - of `startPake` for the same code
 * @param peerMessage - as it came
 * @returns the key, 32 bytes
 * @throws {WormholeError} WORMHOLE_PAKE: no message of this kind, a point outside
 *   the group, or our own message sent back
 */
export function finishPake(code: string, appid: string, pake: Pake, peerMessage: Uint8Array): Uint8Array {
  const { scalar, message } = pake;
  const peerPoint = parsePeerMessage(message, peerMessage);
  const password = normalize(code);
  const x = parseScalar(scalar);
  // x·(peer − w·S)
  const shared = addMultiples(x, peerPoint, modOrder(-x * passwordScalar(password)), S);
  const [first, second] = inOrder(message.subarray(1), peerMessage.subarray(1));
  return sha256(sha256(password), sha256(normalize(appid)), first, second, shared.toBytes());
}

function parsePeerMessage(ownMessage: Uint8Array, peerMessage: Uint8Array) {
  if (peerMessage.length !== 1 + POINT_LENGTH) throw pakeError(`is ${peerMessage.length} bytes, expected ${1 + POINT_LENGTH}`);
  if (peerMessage[0] !== SYMMETRIC) throw pakeError(`begins with byte ${peerMessage[0] ?? 0}, expected ${SYMMETRIC}`);
  if (equalBytes(peerMessage, ownMessage)) throw pakeError("is our own, sent back");
  const point = parsePrimeOrderPoint(peerMessage.subarray(1));
  if (point === undefined) throw pakeError("is no point of the prime-order group");
  return point;
}

function pakeError(found: string): WormholeError {
  return new WormholeError("WORMHOLE_PAKE", `key agreement message of the other side ${found}`, {
    kind: "no",
    hint: "the other program is broken, or somebody meddles; ask for a new code",
  });
}

function inOrder(a: Uint8Array, b: Uint8Array): readonly [Uint8Array, Uint8Array] {
  return Buffer.compare(a, b) < 0 ? [a, b] : [b, a];
}

function normalize(text: string): Uint8Array {
  return encodeUtf8(text.normalize("NFC"));
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}
