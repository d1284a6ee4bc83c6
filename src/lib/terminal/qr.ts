import { renderUnicodeCompact } from "uqr";

/** A QR code of half blocks, dark on light, with its quiet zone. @returns lines without a last newline */
export function renderQr(text: string): string {
  return renderUnicodeCompact(text, { ecc: "M", border: 2 });
}
