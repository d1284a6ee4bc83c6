import { createHash } from "node:crypto";
import { copyBytes, wipe } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { parseUtf8 } from "../text.ts";
import type { GetInfo } from "./get-info.ts";
import type { PinProtocol } from "./pin-protocol.ts";

// PINs, as UTF-8. Source: CTAP 2.1 §6.5.1, "PIN Composition Requirements".

const MIN_PIN_LENGTH = 4;
const MAX_PIN_BYTES = 63;
const PADDED_PIN_BYTES = 64;
const PIN_HASH_BYTES = 16;

/**
 * Checks a PIN as it came from a person.
 *
 * @param bytes - its text in UTF-8, without a line end
 * @returns a copy; wipe it after use
 * @throws {CtapError} CTAP_PIN unless it is UTF-8 in Unicode's normal form C, of at least
 *   4 code points and at most 63 bytes
 */
export function parsePin(bytes: Uint8Array): Uint8Array {
  let text: string;
  try {
    text = parseUtf8(bytes, "PIN");
  } catch {
    throw unusable("PIN is not UTF-8 text");
  }
  if (text !== text.normalize("NFC")) throw unusable("PIN is not in Unicode's normal form C", "another program would send other bytes for it; use characters without combining marks");
  // The card finds the end of a PIN by its first 00.
  if (bytes.includes(0)) throw unusable("PIN holds a byte 00");
  if (bytes.length > MAX_PIN_BYTES) throw unusable(`PIN is ${bytes.length} bytes, expected at most ${MAX_PIN_BYTES}`);
  const length = codePoints(bytes);
  if (length < MIN_PIN_LENGTH) throw unusable(`PIN has ${length} ${length === 1 ? "character" : "characters"}, expected at least ${MIN_PIN_LENGTH}`);
  return copyBytes(bytes);
}

/** @throws {CtapError} CTAP_PIN where a new PIN is shorter or longer than the card takes */
export function checkPinLength(pin: Uint8Array, { minPinLength, maxPinLength }: GetInfo): void {
  const length = codePoints(pin);
  if (length < minPinLength) throw unusable(`PIN has ${length} characters, this card wants at least ${minPinLength}`);
  if (length > maxPinLength) throw unusable(`PIN has ${length} characters, this card wants at most ${maxPinLength}`);
}

function codePoints(utf8: Uint8Array): number {
  return utf8.reduce((count, byte) => ((byte & 0xc0) === 0x80 ? count : count + 1), 0);
}

/** newPinEnc: the PIN, filled up with 00 to 64 bytes. */
export function encryptPin(protocol: PinProtocol, sharedSecret: Uint8Array, pin: Uint8Array): Uint8Array {
  const padded = new Uint8Array(PADDED_PIN_BYTES);
  padded.set(pin);
  try {
    return protocol.encrypt(sharedSecret, padded);
  } finally {
    wipe(padded);
  }
}

/** pinHashEnc: the first 16 bytes of its SHA-256. */
export function encryptPinHash(protocol: PinProtocol, sharedSecret: Uint8Array, pin: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(pin).digest();
  try {
    return protocol.encrypt(sharedSecret, hash.subarray(0, PIN_HASH_BYTES));
  } finally {
    wipe(hash);
  }
}

function unusable(message: string, hint?: string): CtapError {
  return new CtapError("CTAP_PIN", message, { kind: "input", ...(hint === undefined ? {} : { hint }) });
}
