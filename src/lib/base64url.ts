import { KeyholeError } from "./errors.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const NOT_A_DIGIT = 64;

const VALUES = new Uint8Array(128).fill(NOT_A_DIGIT);
for (let value = 0; value < ALPHABET.length; value++) VALUES[ALPHABET.charCodeAt(value)] = value;

/** Padded base64url. Source: RFC 4648 §5. */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET.charAt(group >> 18) + ALPHABET.charAt((group >> 12) & 63);
    text += left > 1 ? ALPHABET.charAt((group >> 6) & 63) : "=";
    text += left > 2 ? ALPHABET.charAt(group & 63) : "=";
  }
  return text;
}

/**
 * Strict: padded, no foreign character, and the unused bits of the last digit
 * zero, so that two texts never stand for the same bytes.
 * Source: RFC 4648 §5 and §3.5.
 *
 * @throws {KeyholeError} BASE64URL
 */
export function parseBase64url(text: string): Uint8Array {
  const digits = text.endsWith("==") ? text.length - 2 : text.endsWith("=") ? text.length - 1 : text.length;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let offset = 0;
  let bits = 0;
  let bitCount = 0;
  for (let i = 0; i < digits; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (VALUES[code] ?? NOT_A_DIGIT) : NOT_A_DIGIT;
    if (value === NOT_A_DIGIT) {
      throw new KeyholeError("BASE64URL", `character ${i + 1} of the base64url text is not one of A-Z a-z 0-9 - _`);
    }
    bits = ((bits << 6) | value) & 0xfff;
    bitCount += 6;
    if (bitCount >= 8) {
      bitCount -= 8;
      bytes[offset++] = bits >> bitCount;
    }
  }
  if (text.length % 4 !== 0) {
    throw new KeyholeError("BASE64URL", `base64url text has ${text.length} characters, expected a multiple of 4 with its = padding`);
  }
  if ((bits & ((1 << bitCount) - 1)) !== 0) {
    throw new KeyholeError("BASE64URL", "the last base64url character has unused bits that are not zero");
  }
  return bytes;
}

/** Whether every character is a base64url digit; padding is not. */
export function isBase64urlDigits(text: string): boolean {
  return /^[A-Za-z0-9_-]*$/.test(text);
}
