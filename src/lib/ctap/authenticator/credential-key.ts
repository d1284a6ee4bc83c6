import { createECDH, createHmac, createPrivateKey, createPublicKey, sign, type KeyObject } from "node:crypto";
import { concatBytes, copyBytes } from "../../bytes.ts";
import { COSE_ALGORITHM, encodeCosePublicKey, type CoseKey } from "../cose.ts";

/** The algorithms that credentials may have, in the order of getInfo. */
export const ALGORITHMS: readonly number[] = [COSE_ALGORITHM.es256, COSE_ALGORITHM.eddsa, COSE_ALGORITHM.es384];

/** The key pair of one credential. */
export interface CredentialKey {
  readonly publicKey: CoseKey;
  /** As WebAuthn §6.5.5 has it: DER for ECDSA, 64 bytes for Ed25519. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/**
 * Makes a credential's key pair, always the same of the same seed.
 *
 * @param seed - 32 random bytes
 * @param algorithm - one of `ALGORITHMS`
 */
export function credentialKey(seed: Uint8Array, algorithm: number): CredentialKey {
  const privateKey = makePrivateKey(seed, algorithm);
  return {
    publicKey: encodeCosePublicKey(createPublicKey(privateKey), algorithm),
    sign: (message) => copyBytes(sign(DIGESTS.get(algorithm), message, privateKey)),
  };
}

/** @returns 32 bytes that say nothing of the seed or of those for another purpose */
export function deriveSecret(seed: Uint8Array, purpose: string): Uint8Array {
  return copyBytes(createHmac("sha256", seed).update(purpose).digest());
}

const DIGESTS: ReadonlyMap<number, string> = new Map([
  [COSE_ALGORITHM.es256, "sha256"],
  [COSE_ALGORITHM.es384, "sha384"],
]);

function makePrivateKey(seed: Uint8Array, algorithm: number): KeyObject {
  switch (algorithm) {
    case COSE_ALGORITHM.eddsa:
      return makeEd25519(deriveSecret(seed, "ed25519"));
    case COSE_ALGORITHM.es384:
      return makeEcKey(seed, { name: "secp384r1", jwk: "P-384", digest: "sha384" });
    default:
      return makeEcKey(seed, { name: "prime256v1", jwk: "P-256", digest: "sha256" });
  }
}

/** A PKCS #8 key up to its 32 bytes. Source: RFC 8410 §7. */
const ED25519_PREFIX = Uint8Array.from([0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]);

function makeEd25519(secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(concatBytes(ED25519_PREFIX, secret)), format: "der", type: "pkcs8" });
}

interface Curve {
  readonly name: string;
  /** As in a JSON Web Key. */
  readonly jwk: string;
  /** Of the length of a scalar. */
  readonly digest: string;
}

function makeEcKey(seed: Uint8Array, { name, jwk, digest }: Curve): KeyObject {
  const ecdh = createECDH(name);
  for (let attempt = 0; ; attempt++) {
    const scalar = createHmac(digest, seed).update(`${name} ${attempt}`).digest();
    try {
      ecdh.setPrivateKey(scalar);
    } catch {
      continue; // 0, or not below the order of the curve: once in 2^32
    }
    const point = ecdh.getPublicKey();
    const middle = 1 + scalar.length;
    return createPrivateKey({
      key: { kty: "EC", crv: jwk, d: scalar.toString("base64url"), x: point.toString("base64url", 1, middle), y: point.toString("base64url", middle) },
      format: "jwk",
    });
  }
}
