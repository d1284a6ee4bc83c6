import { createHmac, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import type { Mac, Primitives, X25519PrivateKey } from "./primitives.ts";

/** X25519 and HMAC by OpenSSL. */
export const nodePrimitives: Primitives = {
  importPrivateKey(privateKey: Uint8Array): X25519PrivateKey {
    // A JWK is imported ten times as fast as DER. Node reads only d of a private one.
    const d = base64url(privateKey);
    const key = createPrivateKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", x: "", d } });
    return {
      publicKey: () => Buffer.from(String(createPublicKey(key).export({ format: "jwk" }).x), "base64url"),
      sharedSecret: (peer) => sharedSecret(key, peer),
    };
  },

  hmacSha256(key: Uint8Array): Mac {
    const mac = createHmac("sha256", key);
    return {
      update: (bytes) => void mac.update(bytes),
      digest: () => mac.digest(),
    };
  },
};

function sharedSecret(privateKey: KeyObject, peer: Uint8Array): Uint8Array | undefined {
  const publicKey = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "X25519", x: base64url(peer) } });
  try {
    return diffieHellman({ privateKey, publicKey });
  } catch (error) {
    // OpenSSL fails the derivation when the result is all zero, which only a
    // low-order peer key can bring about.
    if (error instanceof Error && "code" in error && error.code === "ERR_OSSL_FAILED_DURING_DERIVATION") return undefined;
    throw error;
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64url");
}
