import { createHash } from "node:crypto";
import { concatBytes, copyBytes, equalBytes } from "../../bytes.ts";
import { ok, okMap } from "./answer.ts";
import { MAX_MESSAGE_SIZE } from "./get-info.ts";
import { isBytes, isUnsigned, type Parameters } from "./parameters.ts";
import { PERMISSION, readProof, requireToken } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { BlobWrite, Context } from "./session.ts";
import { MAX_LARGE_BLOBS_LENGTH } from "./state.ts";

const COMMAND = 0x0c;

/** In one message, which has other things in it too. Source: CTAP 2.1 §6.10.1. */
const MAX_FRAGMENT_LENGTH = MAX_MESSAGE_SIZE - 64;

const CHECKSUM_LENGTH = 16;
const LEAST_LENGTH = 1 + CHECKSUM_LENGTH;

/** authenticatorLargeBlobs. Source: CTAP 2.1 §6.10. */
export function largeBlobs(context: Context, params: Parameters): Uint8Array {
  const get = params.optional(0x01, isUnsigned);
  const set = params.optional(0x02, isBytes);
  const offset = params.optional(0x03, isUnsigned);
  const length = params.optional(0x04, isUnsigned);
  if (offset === undefined || (get === undefined) === (set === undefined)) throw new Refusal(STATUS.invalidParameter);
  return set === undefined ? read(context, params, get ?? 0, offset, length) : write(context, params, set, offset, length);
}

function read({ state }: Context, params: Parameters, count: number, offset: number, length: number | undefined): Uint8Array {
  if (length !== undefined || params.map.has(0x05) || params.map.has(0x06)) throw new Refusal(STATUS.invalidParameter);
  if (count > MAX_FRAGMENT_LENGTH) throw new Refusal(STATUS.invalidLength);
  if (offset > state.largeBlobs.length) throw new Refusal(STATUS.invalidParameter);
  return okMap([0x01, state.largeBlobs.subarray(offset, offset + count)]);
}

function write(context: Context, params: Parameters, fragment: Uint8Array, offset: number, length: number | undefined): Uint8Array {
  if (fragment.length > MAX_FRAGMENT_LENGTH) throw new Refusal(STATUS.invalidLength);
  const { state, session } = context;
  const target = chooseTarget(session.blobWrite, offset, length);
  if (state.pin !== undefined || state.alwaysUv) {
    requireToken(context, readProof(params, 0x06, 0x05), authenticatedBytes(offset, fragment), PERMISSION.largeBlobWrite);
  }
  if (offset + fragment.length > target.bytes.length) throw new Refusal(STATUS.invalidParameter);
  target.bytes.set(fragment, offset);
  target.received = offset + fragment.length;
  session.blobWrite = target;
  if (target.received === target.bytes.length) {
    session.blobWrite = undefined;
    if (!isWhole(target.bytes)) throw new Refusal(STATUS.integrityFailure);
    state.largeBlobs = target.bytes;
  }
  return ok();
}

/** @returns a new array where the offset is 0; otherwise the one under way, which must go on right here */
function chooseTarget(underWay: BlobWrite | undefined, offset: number, length: number | undefined): BlobWrite {
  if (offset === 0) {
    if (length === undefined || length < LEAST_LENGTH) throw new Refusal(STATUS.invalidParameter);
    if (length > MAX_LARGE_BLOBS_LENGTH) throw new Refusal(STATUS.largeBlobStorageFull);
    return { bytes: new Uint8Array(length), received: 0 };
  }
  if (length !== undefined) throw new Refusal(STATUS.invalidParameter);
  if (underWay?.received !== offset) throw new Refusal(STATUS.invalidSequence);
  return underWay;
}

/** 32 × FF | command(1) | 00 | offset(4, little-endian) | SHA-256 of the fragment(32) */
function authenticatedBytes(offset: number, fragment: Uint8Array): Uint8Array {
  const place = new Uint8Array(4);
  new DataView(place.buffer).setUint32(0, offset, true);
  return concatBytes(new Uint8Array(32).fill(0xff), Uint8Array.of(COMMAND, 0x00), place, sha256(fragment));
}

function isWhole(array: Uint8Array): boolean {
  const contents = array.subarray(0, -CHECKSUM_LENGTH);
  return equalBytes(sha256(contents).subarray(0, CHECKSUM_LENGTH), array.subarray(-CHECKSUM_LENGTH));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return copyBytes(createHash("sha256").update(bytes).digest());
}
