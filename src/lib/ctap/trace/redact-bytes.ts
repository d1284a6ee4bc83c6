import { createHash } from "node:crypto";

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
  const digest = createHash("sha256").update(bytes).digest();
  for (let offset = 0; offset < bytes.length; offset += digest.length) bytes.set(digest.subarray(0, bytes.length - offset), offset);
  taken.add(`digest of ${what}`);
}
