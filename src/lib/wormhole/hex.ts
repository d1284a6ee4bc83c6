// Bodies are megabytes long; Buffer does these ten times as fast as the
// functions of bytes.ts, which must also work where there is no Node.

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** @param hex - known to be pairs of digits */
export function bytesOfHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
