import { copyBytes, equalBytes } from "../bytes.ts";
import { GlomeError } from "../errors.ts";

/** Bytes in a private key, a public key, a shared secret and a tag alike. */
export const KEY_LENGTH = 32;

/** An X25519 public key as it was received. Source: GLOME protocol, "Key Exchange". */
export class PublicKey {
  /** 32 bytes, RFC 7748 §5 encoding. */
  readonly bytes: Uint8Array;

  /** @throws {GlomeError} GLOME_PUBLIC_KEY_LENGTH */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_LENGTH) {
      throw new GlomeError("GLOME_PUBLIC_KEY_LENGTH", `public key is ${bytes.length} bytes, expected ${KEY_LENGTH}`);
    }
    this.bytes = copyBytes(bytes);
  }

  equals(other: PublicKey): boolean {
    return equalBytes(this.bytes, other.bytes);
  }

  /**
   * Whether a canonical encoder would give these bytes: below 2^255 - 19, top
   * bit clear. X25519 takes other forms too (RFC 7748 §5), but no client sends them.
   */
  get isCanonical(): boolean {
    const top = this.bytes[KEY_LENGTH - 1] ?? 0;
    if (top > 0x7f) return false;
    const allOnes = top === 0x7f && this.bytes.subarray(1, KEY_LENGTH - 1).every((byte) => byte === 0xff);
    return !(allOnes && (this.bytes[0] ?? 0) >= 0xed);
  }
}
