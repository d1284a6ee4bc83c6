import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { BYTES, bytesOfLength, MAP, UNSIGNED } from "./answer.ts";
import { cborMap, type CborMap, type CborValue } from "./cbor.ts";

// One entry of the large-blob array: what one credential keeps.
// Source: CTAP 2.1 §6.10.3, "Large, per-credential blobs".

/** The entry as anybody can see it. */
export interface LargeBlob {
  /** AES-256-GCM, with its tag at the end. */
  readonly ciphertext: Uint8Array;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
  /** Length of the blob, before it was compressed. */
  readonly originalLength: number;
}

const NONCE_LENGTH = 12;
const TAG_LENGTH = 16;
const CIPHER = "aes-256-gcm";

/** What a few kilobytes can become that were compressed a thousand times, and more than anybody keeps. */
export const MAX_BLOB_LENGTH = 16 * 1024 * 1024;

/** @returns nothing where the entry is no large blob, or says that it is longer than 16 MiB */
export function parseLargeBlob(entry: CborValue): LargeBlob | undefined {
  const map = MAP.read(entry);
  const ciphertext = BYTES.read(map?.get(0x01));
  const nonce = bytesOfLength(NONCE_LENGTH).read(map?.get(0x02));
  const originalLength = UNSIGNED.read(map?.get(0x03));
  if (ciphertext === undefined || ciphertext.length < TAG_LENGTH || nonce === undefined) return undefined;
  if (originalLength === undefined || originalLength > MAX_BLOB_LENGTH) return undefined;
  return { ciphertext, nonce, originalLength };
}

/**
 * @param key - the credential's large-blob key, 32 bytes
 * @param data - up to 16 MiB
 * @param nonce - 12 bytes that were never used with the key; random where they are not given
 */
export function encryptLargeBlob(key: Uint8Array, data: Uint8Array, nonce: Uint8Array = randomBytes(NONCE_LENGTH)): CborMap {
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(associatedData(data.length));
  const ciphertext = concatBytes(cipher.update(deflateRawSync(data)), cipher.final(), cipher.getAuthTag());
  return cborMap([0x01, ciphertext], [0x02, nonce], [0x03, data.length]);
}

/**
 * @param key - a credential's large-blob key
 * @returns nothing where the entry is another credential's; else what decompresses it
 */
export function decryptLargeBlob({ ciphertext, nonce, originalLength }: LargeBlob, key: Uint8Array): (() => Uint8Array) | undefined {
  const end = ciphertext.length - TAG_LENGTH;
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_LENGTH }).setAAD(associatedData(originalLength)).setAuthTag(ciphertext.subarray(end));
  let compressed: Uint8Array;
  try {
    compressed = concatBytes(decipher.update(ciphertext.subarray(0, end)), decipher.final());
  } catch {
    return undefined;
  }
  return () => decompress(compressed, originalLength);
}

/** @throws {CtapError} CTAP_LARGE_BLOBS */
function decompress(compressed: Uint8Array, length: number): Uint8Array {
  try {
    const data = inflateRawSync(compressed, { maxOutputLength: Math.max(1, length) });
    if (data.length === length) return new Uint8Array(data);
  } catch {
    // As for another length.
  }
  throw new CtapError("CTAP_LARGE_BLOBS", "large blob cannot be decompressed to its length", { kind: "outside", hint: "write it anew with keyhole ctap blobs set" });
}

/** "blob" | length(8, little-endian) */
function associatedData(originalLength: number): Uint8Array {
  const data = new Uint8Array(12);
  data.set([0x62, 0x6c, 0x6f, 0x62]);
  new DataView(data.buffer).setBigUint64(4, BigInt(originalLength), true);
  return data;
}
