import { x25519 } from "@noble/curves/ed25519.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { copyBytes } from "../bytes.ts";
import type { Mac, Primitives, X25519PrivateKey } from "./primitives.ts";

/** X25519 and HMAC in JavaScript alone, for where there is no `node:crypto`. */
export const noblePrimitives: Primitives = {
  importPrivateKey(privateKey: Uint8Array): X25519PrivateKey {
    const key = copyBytes(privateKey);
    return {
      publicKey: () => x25519.getPublicKey(key),
      sharedSecret: (peer) => {
        try {
          return x25519.getSharedSecret(key, peer);
        } catch {
          // Both arguments are 32 bytes, so the all-zero result is the one thing noble refuses.
          return undefined;
        }
      },
    };
  },

  hmacSha256(key: Uint8Array): Mac {
    const mac = hmac.create(sha256, key);
    return {
      update: (bytes) => void mac.update(bytes),
      digest: () => mac.digest(),
    };
  },
};
