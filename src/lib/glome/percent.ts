import { GlomeError } from "../errors.ts";
import type { ByteString } from "../text.ts";

// Everything but unreserved, sub-delims, ":" and "@" is escaped.
// Source: GLOME RFD 001, EscapePathSegment; RFC 3986 §3.3, pchar.
const PCHARS = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]*$/;

/** Whether no character of a text needs an escape. */
export function isPlain(text: ByteString): boolean {
  return PCHARS.test(text);
}

/** EscapePathSegment of GLOME RFD 001, with upper-case digits. */
export function escapePathSegment(segment: ByteString): string {
  return segment.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@]/g, escapeByte);
}

export function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/**
 * Replaces each `%HH` by its byte; `+` stays `+`.
 *
 * @param name - what the segment is, for the error
 * @throws {GlomeError} CHALLENGE_ESCAPE
 */
export function unescapePathSegment(segment: ByteString, name: string): ByteString {
  if (!segment.includes("%")) return segment;
  const wrong = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(segment);
  if (wrong !== null) {
    throw new GlomeError("CHALLENGE_ESCAPE", `${name} has "${printable(wrong[0])}" where %HH with two hexadecimal digits is expected`, {
      hint: "a character was lost or misread; read the challenge again",
    });
  }
  return segment.replace(/%([0-9a-fA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function printable(bytes: ByteString): string {
  return bytes.replace(/[^\x20-\x7e]/g, "?");
}
