import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { concatBytes, copyBytes } from "../../bytes.ts";
import { ALGORITHMS, deriveSecret } from "./credential-key.ts";

// A credential id holds all there is to know of its keys, under the device's
// own key and for one relying party, so that nothing need be kept.
//
//   iv(12) | AES-256-GCM(seed(32) | algorithm(1) | features(1)) | tag(16)

/** What a credential id holds. */
export interface CredentialSource {
  /** 32 random bytes, from which the credential's keys come. */
  readonly seed: Uint8Array;
  /** Of COSE. */
  readonly algorithm: number;
  /** It counts only while the card keeps it. */
  readonly isDiscoverable: boolean;
  readonly hasHmacSecret: boolean;
  readonly hasLargeBlobKey: boolean;
  readonly protection: Protection;
}

/** credProtect: 1, user verification is optional; 2, optional with a credential id; 3, required. */
export type Protection = 1 | 2 | 3;

const IV_LENGTH = 12;
const SEED_LENGTH = 32;
const TAG_LENGTH = 16;

export const CREDENTIAL_ID_LENGTH = IV_LENGTH + SEED_LENGTH + 2 + TAG_LENGTH;

const PROTECTION = 0x03;
const DISCOVERABLE = 0x04;
const HMAC_SECRET = 0x08;
const LARGE_BLOB_KEY = 0x10;

const CIPHER = "aes-256-gcm";

/** @param rpIdHash - of the relying party, for which alone it can be opened */
export function sealCredential(deviceKey: Uint8Array, rpIdHash: Uint8Array, source: CredentialSource): Uint8Array {
  const iv = randomBytes(IV_LENGTH);
  const cipher = createCipheriv(CIPHER, deriveSecret(deviceKey, "credential ids"), iv);
  cipher.setAAD(rpIdHash);
  const features =
    source.protection | (source.isDiscoverable ? DISCOVERABLE : 0) | (source.hasHmacSecret ? HMAC_SECRET : 0) | (source.hasLargeBlobKey ? LARGE_BLOB_KEY : 0);
  const plain = concatBytes(source.seed, Uint8Array.of(ALGORITHMS.indexOf(source.algorithm), features));
  return concatBytes(iv, cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

/** @returns nothing where it is not of this card, or not for this relying party */
export function openCredential(deviceKey: Uint8Array, rpIdHash: Uint8Array, id: Uint8Array): CredentialSource | undefined {
  if (id.length !== CREDENTIAL_ID_LENGTH) return undefined;
  const decipher = createDecipheriv(CIPHER, deriveSecret(deviceKey, "credential ids"), id.subarray(0, IV_LENGTH));
  decipher.setAAD(rpIdHash);
  decipher.setAuthTag(id.subarray(-TAG_LENGTH));
  const plain = decipher.update(id.subarray(IV_LENGTH, -TAG_LENGTH));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  const features = plain.readUInt8(SEED_LENGTH + 1);
  return {
    seed: copyBytes(plain.subarray(0, SEED_LENGTH)),
    algorithm: ALGORITHMS[plain.readUInt8(SEED_LENGTH)] ?? 0,
    isDiscoverable: (features & DISCOVERABLE) !== 0,
    hasHmacSecret: (features & HMAC_SECRET) !== 0,
    hasLargeBlobKey: (features & LARGE_BLOB_KEY) !== 0,
    protection: parseProtection(features & PROTECTION) ?? 3,
  };
}

export function parseProtection(level: number): Protection | undefined {
  return level === 1 || level === 2 || level === 3 ? level : undefined;
}
