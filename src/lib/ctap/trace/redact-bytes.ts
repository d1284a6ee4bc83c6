import { createHash } from "node:crypto";
import { derLength } from "../der.ts";

/** Collects what was taken out of one message, in words. */
export type Taken = Set<string>;

const FILL = 0x00;
const TEXT_FILL = 0x2a;

/** Overwrites bytes that may not be seen. */
export function hideBytes(bytes: Uint8Array, what: string, taken: Taken): void {
  if (bytes.every((byte) => byte === FILL)) return;
  bytes.fill(FILL);
  taken.add(what);
}

/** The same for text, which stays text of the same length in bytes. */
export function hideText(bytes: Uint8Array, what: string, taken: Taken): void {
  if (bytes.every((byte) => byte === TEXT_FILL)) return;
  bytes.fill(TEXT_FILL);
  taken.add(what);
}

/** Puts the SHA-256 of the bytes in their place, cut or again and again to the same length. */
export function digestBytes(bytes: Uint8Array, what: string, taken: Taken): void {
  if (bytes.length === 0) return;
  fill(bytes, sha256(bytes));
  taken.add(`digest of ${what}`);
}

/** The same, and the certificate's own head stays, which says how long it is. */
export function digestCertificate(bytes: Uint8Array, taken: Taken): void {
  if (bytes.length === 0) return;
  const [, length = 0] = bytes;
  const headLength = length < 0x80 ? 2 : 2 + (length & 0x7f);
  fill(bytes.subarray(derLength(bytes) === bytes.length ? headLength : 0), sha256(bytes));
  taken.add("digest of attestation certificate");
}

function fill(bytes: Uint8Array, digest: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; offset += digest.length) bytes.set(digest.subarray(0, bytes.length - offset), offset);
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
