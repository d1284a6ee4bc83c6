import { renderUnicodeCompact } from "uqr";

/** More than a QR code of 177 modules holds at this error correction. Source: ISO/IEC 18004, version 40-M. */
const MAX_LENGTH = 2331;

/** A QR code of half blocks with its quiet zone, or a line that says why not. @returns lines without a last newline */
export function renderQr(text: string): string {
  return text.length > MAX_LENGTH ? "warning: too long for a QR code" : renderUnicodeCompact(text, { ecc: "M", border: 2 });
}
