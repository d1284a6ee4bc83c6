import { isBase64urlDigits, parseBase64url } from "../base64url.ts";
import { concatBytes, copyBytes, equalBytes } from "../bytes.ts";
import { GlomeError } from "../errors.ts";
import { TAG_LENGTH } from "./dialog.ts";

/** Characters in a whole tag as base64url, its one `=` among them. */
export const TAG_TEXT_LENGTH = 44;

/** With fewer, guessing online is no longer hopeless. Source: glome-login, MIN_ENCODED_AUTHCODE_LEN. */
export const MIN_AUTHCODE_LENGTH = 10;

/** A tag as a person or a program gave it, perhaps cut short. */
export interface TagPrefix {
  readonly bytes: Uint8Array;
  /** How many bits of `bytes` count, from the first on. */
  readonly bits: number;
}

/**
 * Reads a tag cut after any character: `nEQ4n0YtNd`.
 *
 * @param minLength - fewest characters to take
 * @throws {GlomeError} GLOME_TAG_LENGTH, GLOME_TAG_CHARACTER
 */
export function parseTagPrefix(text: string, minLength: number): TagPrefix {
  checkMinimum(text, minLength);
  return parseDigits(text.length === TAG_TEXT_LENGTH && text.endsWith("=") ? text.slice(0, -1) : text);
}

/**
 * Reads a tag cut after any character or any byte. The second is padded
 * base64url, `nEQ4n0YtNdBnLw==`, from programs that cut before they encode;
 * what its last character says beyond whole bytes does not count, as in `glome verify`.
 *
 * @throws {GlomeError} GLOME_TAG_LENGTH, GLOME_TAG_CHARACTER
 */
export function parsePaddedTagPrefix(text: string, minLength: number): TagPrefix {
  const padding = /={1,2}$/.exec(text)?.[0].length ?? 0;
  if (padding === 0 || text.length % 4 !== 0) return parseTagPrefix(text, minLength);
  checkMinimum(text, minLength);
  const { bytes } = parseDigits(text.slice(0, -padding));
  return { bytes, bits: 8 * ((text.length / 4) * 3 - padding) };
}

function checkMinimum(text: string, minLength: number): void {
  if (text.length < minLength) {
    const characters = text.length === 1 ? "character" : "characters";
    throw new GlomeError("GLOME_TAG_LENGTH", `tag has ${text.length} ${characters}, expected at least ${minLength}`, {
      hint: "give more of the tag; keyhole verify takes a shorter one with --min-tag-length",
    });
  }
}

function parseDigits(digits: string): TagPrefix {
  if (!isBase64urlDigits(digits)) {
    throw new GlomeError("GLOME_TAG_CHARACTER", "tag has a character that is not one of A-Z a-z 0-9 - _");
  }
  if (digits.length >= TAG_TEXT_LENGTH) {
    throw new GlomeError("GLOME_TAG_LENGTH", `tag has ${digits.length} characters, expected at most ${TAG_TEXT_LENGTH} with the = at its end`);
  }
  // A is the digit zero, so filling up with it leaves the bits that count alone.
  const bytes = parseBase64url(digits.padEnd(Math.ceil(digits.length / 4) * 4, "A"));
  return { bytes, bits: 6 * digits.length };
}

/** How many bits of a tag a comparison with this prefix covers. */
export function comparedBits(prefix: TagPrefix): number {
  return Math.min(prefix.bits, 8 * TAG_LENGTH);
}

/**
 * Compares in constant time as many bits as the prefix has. A whole tag is
 * 43 digits, 2 bits more than its 32 bytes; those must be zero.
 */
export function matchesTag(prefix: TagPrefix, tag: Uint8Array): boolean {
  const length = Math.ceil(prefix.bits / 8);
  return equalBytes(firstBits(prefix.bytes, prefix.bits), firstBits(concatBytes(tag, Uint8Array.of(0)).subarray(0, length), prefix.bits));
}

function firstBits(bytes: Uint8Array, bits: number): Uint8Array {
  const length = Math.ceil(bits / 8);
  const kept = copyBytes(bytes.subarray(0, length));
  const last = kept[length - 1];
  if (last !== undefined) kept[length - 1] = last & (0xff << (8 * length - bits));
  return kept;
}
