import type { Request } from "../../../src/lib/glome/request.ts";
import { byteString, decodeUtf8, encodeUtf8 } from "../../../src/lib/text.ts";

/** Reads host type, host and action as the vectors have them from Go's `%q`. */
export function parseGoRequest(quoted: string): Request {
  const [hostType = "", host = "", action = ""] = Array.from(quoted.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, text = ""]) => {
    const bytes = byteString(encodeUtf8(text)).replaceAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(n))/g, (_, byte?: string, unit?: string) => {
      if (byte !== undefined) return byteString(Buffer.from(byte, "hex"));
      return unit === undefined ? "\n" : byteString(encodeUtf8(String.fromCharCode(Number.parseInt(unit, 16))));
    });
    return decodeUtf8(bytes);
  });
  return { hostType, host, action };
}
