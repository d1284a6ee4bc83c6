import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { concatBytes } from "../bytes.ts";

/** Of a box, random for each. */
export const NONCE_LENGTH = 24;
const TAG_LENGTH = 16;

/** What a box is longer than its plaintext. */
export const BOX_OVERHEAD = NONCE_LENGTH + TAG_LENGTH;

/**
 * NaCl's secretbox, led by its nonce. Source: libsodium, `crypto_secretbox_easy`.
 *
 * @param key - 32 bytes
 * @param nonce - 24 bytes, never used before with this key
 */
export function encryptBox(key: Uint8Array, plaintext: Uint8Array, nonce: Uint8Array): Uint8Array {
  // nonce(24) | tag(16) | ciphertext
  return concatBytes(nonce, xsalsa20poly1305(key, nonce).encrypt(plaintext));
}

/** @returns nothing where the box was not made with this key, or is not as it was made */
export function decryptBox(key: Uint8Array, box: Uint8Array): Uint8Array | undefined {
  if (box.length < BOX_OVERHEAD) return undefined;
  const cipher = xsalsa20poly1305(key, box.subarray(0, NONCE_LENGTH));
  try {
    return cipher.decrypt(box.subarray(NONCE_LENGTH));
  } catch {
    return undefined; // wrong tag
  }
}
