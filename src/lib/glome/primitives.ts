/**
 * The cryptography that GLOME stands on, so that the protocol can run on
 * `node:crypto` (fast, Node only) or on noble (anywhere).
 */
export interface Primitives {
  /** @param privateKey - 32 bytes; clamped as RFC 7748 §5 says when used */
  importPrivateKey(privateKey: Uint8Array): X25519PrivateKey;
  hmacSha256(key: Uint8Array): Mac;
}

export interface X25519PrivateKey {
  /** @returns 32 bytes */
  publicKey(): Uint8Array;
  /**
   * @param peer - 32 bytes; X25519 ignores the top bit of the last one
   * @returns 32 bytes, or nothing where they would all be zero (RFC 7748 §6.1)
   */
  sharedSecret(peer: Uint8Array): Uint8Array | undefined;
}

export interface Mac {
  update(bytes: Uint8Array): void;
  /** Ends it. @returns 32 bytes */
  digest(): Uint8Array;
}
