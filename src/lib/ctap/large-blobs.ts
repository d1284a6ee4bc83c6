import { createHash } from "node:crypto";
import { concatBytes, equalBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { Answer, BYTES } from "./answer.ts";
import { cborMap, encodeCbor, parseCbor, type CborValue } from "./cbor.ts";
import { CTAP2_COMMAND, Enumeration, type Ctap2 } from "./ctap2.ts";
import { hasOption, type GetInfo } from "./get-info.ts";
import { encryptLargeBlob, decryptLargeBlob, parseLargeBlob, type LargeBlob } from "./large-blob.ts";
import type { PinUvAuthToken } from "./pin-uv-auth-token.ts";
import { unsupported } from "./unsupported.ts";

// Source: CTAP 2.1 §6.10, "authenticatorLargeBlobs".

/** What a card keeps for all of its credentials together. */
export interface LargeBlobArray {
  /** As they came, those among them that are no large blobs too: they may belong to somebody. */
  readonly entries: readonly CborValue[];
  /** Bytes that it takes on the card. */
  readonly length: number;
  /** It was cut off, or changed by accident, and counts as empty. */
  readonly isCorrupt: boolean;
}

const CHECKSUM_LENGTH = 16;

/** Bytes of a message that are not the fragment in it. Source: CTAP 2.1 §6.10.2. */
const FRAGMENT_OVERHEAD = 64;

/** Where a card does not say how much it takes. Source: CTAP 2.1 §6.4, maxSerializedLargeBlobArray. */
const DEFAULT_CAPACITY = 1024;

/** More than any card has; one that goes on for longer never ends. */
const MAX_LENGTH = 256 * 1024;

/** The least maxMsgSize is 1024; one that says less is not to cost a message for every byte. */
const MIN_FRAGMENT = 64;

/** @throws {CtapError} CTAP_UNSUPPORTED */
export function checkLargeBlobs(info: GetInfo): void {
  if (!hasOption(info, "largeBlobs")) throw unsupported("keep large blobs", "the option largeBlobs");
}

/** Bytes that the array of a card may take. */
export function largeBlobCapacity(info: GetInfo): number {
  return info.maxSerializedLargeBlobArray ?? DEFAULT_CAPACITY;
}

/** @throws {CtapError} CTAP_UNSUPPORTED; CTAP_LARGE_BLOBS and CTAP_ENDLESS where it does not end; as `Ctap2.call` */
export async function readLargeBlobs(ctap2: Ctap2): Promise<LargeBlobArray> {
  const info = await ctap2.getInfo();
  checkLargeBlobs(info);
  const fragmentLength = maxFragmentLength(info);
  const fragments: Uint8Array[] = [];
  const enumeration = new Enumeration("large blobs");
  for (let offset = 0; ; ) {
    enumeration.next();
    const answer = new Answer(await ctap2.call(CTAP2_COMMAND.largeBlobs, cborMap([0x01, fragmentLength], [0x03, offset])), "largeBlobs");
    const fragment = answer.required(0x01, BYTES);
    if (fragment.length > fragmentLength) throw endless(`gave ${fragment.length} bytes of its large blobs, expected at most ${fragmentLength}`);
    fragments.push(fragment);
    offset += fragment.length;
    if (fragment.length < fragmentLength) return parseLargeBlobArray(concatBytes(...fragments));
    if (offset > MAX_LENGTH) throw endless(`has more than ${MAX_LENGTH} bytes of large blobs`);
  }
}

/**
 * Puts another array in the place of the one that is there.
 *
 * @param token - with the permission lbw; a card without PIN or user verification wants none
 * @returns the bytes that it takes
 * @throws {CtapError} CTAP2_ERR_LARGE_BLOB_STORAGE_FULL; CTAP_UNSUPPORTED, CTAP_ENDLESS; as `Ctap2.call`
 */
export async function writeLargeBlobs(ctap2: Ctap2, entries: readonly CborValue[], token: PinUvAuthToken | undefined): Promise<number> {
  const info = await ctap2.getInfo();
  checkLargeBlobs(info);
  const bytes = encodeLargeBlobArray(entries);
  if (bytes.length > largeBlobCapacity(info)) {
    throw new CtapError("CTAP2_ERR_LARGE_BLOB_STORAGE_FULL", `large blobs would take ${bytes.length} bytes, and the card has ${largeBlobCapacity(info)}`, {
      kind: "outside",
      hint: "keyhole ctap blobs delete removes one",
    });
  }
  const fragmentLength = maxFragmentLength(info);
  const enumeration = new Enumeration("large blobs");
  for (let offset = 0; offset < bytes.length; offset += fragmentLength) {
    enumeration.next();
    const fragment = bytes.subarray(offset, offset + fragmentLength);
    const proof = token?.authenticate(encodeProof(offset, fragment));
    const length = offset === 0 ? bytes.length : undefined;
    await ctap2.call(CTAP2_COMMAND.largeBlobs, cborMap([0x02, fragment], [0x03, offset], [0x04, length], [0x05, proof], [0x06, token?.protocol]));
  }
  return bytes.length;
}

/** CBOR array | SHA-256 of it(0..16) */
export function encodeLargeBlobArray(entries: readonly CborValue[]): Uint8Array {
  const array = encodeCbor(entries);
  return concatBytes(array, checksum(array));
}

/**
 * One that is corrupt counts as empty, so that the card can be used again.
 * Source: CTAP 2.1 §6.10.2.
 */
export function parseLargeBlobArray(bytes: Uint8Array): LargeBlobArray {
  const end = bytes.length - CHECKSUM_LENGTH;
  const corrupt: LargeBlobArray = { entries: [], length: bytes.length, isCorrupt: true };
  if (end < 1 || !equalBytes(checksum(bytes.subarray(0, end)), bytes.subarray(end))) return corrupt;
  let value: CborValue;
  try {
    value = parseCbor(bytes.subarray(0, end)).value;
  } catch {
    return corrupt;
  }
  return isList(value) ? { entries: value, length: bytes.length, isCorrupt: false } : corrupt;
}

/** Those entries of an array that are large blobs. */
export function listLargeBlobs({ entries }: LargeBlobArray): readonly LargeBlob[] {
  return entries.map(parseLargeBlob).filter((blob) => blob !== undefined);
}

/**
 * @param key - the credential's large-blob key
 * @returns its blob, or nothing where it has none
 * @throws {CtapError} CTAP_LARGE_BLOBS where it is the credential's and yet damaged
 */
export function findLargeBlob({ entries }: LargeBlobArray, key: Uint8Array): Uint8Array | undefined {
  for (const entry of entries) {
    const data = decryptEntry(entry, key);
    if (data !== undefined) return data();
  }
  return undefined;
}

/**
 * The entries with those of one credential taken out.
 *
 * @param data - what is put in their place, if anything
 */
export function replaceLargeBlob({ entries }: LargeBlobArray, key: Uint8Array, data?: Uint8Array): readonly CborValue[] {
  const others = entries.filter((entry) => decryptEntry(entry, key) === undefined);
  return data === undefined ? others : [...others, encryptLargeBlob(key, data)];
}

function decryptEntry(entry: CborValue, key: Uint8Array): (() => Uint8Array) | undefined {
  const blob = parseLargeBlob(entry);
  return blob === undefined ? undefined : decryptLargeBlob(blob, key);
}

/** FF(32) | 0C 00 | offset(4, little-endian) | SHA-256 of the fragment */
function encodeProof(offset: number, fragment: Uint8Array): Uint8Array {
  const head = new Uint8Array(38).fill(0xff, 0, 32);
  head.set([CTAP2_COMMAND.largeBlobs, 0], 32);
  new DataView(head.buffer).setUint32(34, offset, true);
  return concatBytes(head, sha256(fragment));
}

function maxFragmentLength({ maxMsgSize }: GetInfo): number {
  return Math.max(MIN_FRAGMENT, maxMsgSize - FRAGMENT_OVERHEAD);
}

function checksum(array: Uint8Array): Uint8Array {
  return sha256(array).subarray(0, CHECKSUM_LENGTH);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

function endless(found: string): CtapError {
  return new CtapError("CTAP_LARGE_BLOBS", `card ${found}`, { kind: "outside", hint: "the card's firmware is faulty" });
}
