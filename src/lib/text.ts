import { KeyholeError } from "./errors.ts";

/**
 * A string that holds one byte per character (0 to 255). Challenges are kept
 * in this form, so that what is searched, cut and tagged is exactly what was
 * received.
 */
export type ByteString = string;

const CHUNK = 8192;

export function byteString(bytes: Uint8Array): ByteString {
  let text = "";
  for (let i = 0; i < bytes.length; i += CHUNK) text += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  return text;
}

export function bytesOf(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws {KeyholeError} UTF8 */
export function parseUtf8(bytes: Uint8Array, name: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new KeyholeError("UTF8", `${name} is not UTF-8 text`);
  }
}

/** One UTF-8 sequence, or a byte that begins none. Source: RFC 3629 §4. */
const UTF8_SEQUENCE =
  /[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

/**
 * Reads UTF-8 without losing a byte: one that belongs to no sequence becomes
 * the lone surrogate U+DC80 to U+DCFF, as in Python's `surrogateescape`
 * (PEP 383), so that different bytes never become the same text.
 */
export function decodeUtf8(bytes: ByteString): string {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  return bytes.replace(UTF8_SEQUENCE, (sequence) => {
    const code = sequence.charCodeAt(0);
    if (code < 0x80) return sequence;
    if (sequence.length === 1) return String.fromCharCode(0xdc00 + code);
    return decoder.decode(bytesOf(sequence));
  });
}

const INVALID_BYTE = /[\udc80-\udcff]/u;

/** Whether `decodeUtf8` met a byte that is not UTF-8. */
export function hasInvalidUtf8(text: string): boolean {
  return INVALID_BYTE.test(text);
}

/**
 * Characters that change what a terminal shows instead of showing something:
 * controls, format characters (bidirectional overrides among them), what shows
 * nothing, line separators, surrogates, private and unassigned ones, and every
 * space but U+0020.
 */
function unsafe(): RegExp {
  // Worked out when it is first wanted, which is seldom and takes a while.
  return /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;
}

/** The usual case, told apart a good deal faster. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Whether a text holds characters that must not reach a terminal as they are. */
export function hasUnsafeCharacters(text: string): boolean {
  return !PRINTABLE_ASCII.test(text) && text.search(unsafe()) >= 0;
}

/**
 * Makes any text safe to show in one line of a terminal: bytes that are not
 * UTF-8 and ASCII controls as `\xHH`, other unsafe characters as `\u{…}`.
 */
export function escapeUnsafe(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(unsafe(), (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Blanks that cannot be seen, or could fill a line of the terminal up to its end. */
const HIDDEN_BLANKS = /^ +| +$| {2,}/g;

/** Whether a text has blanks at its ends or in a row. */
export function hasHiddenBlanks(text: string): boolean {
  return text.search(HIDDEN_BLANKS) >= 0;
}

/**
 * The same, and different texts stay different, as a backslash becomes two;
 * hidden blanks become `\x20`.
 */
export function escapeForTerminal(text: string): string {
  return escapeUnsafe(text.replaceAll("\\", "\\\\")).replace(HIDDEN_BLANKS, (blanks) => "\\x20".repeat(blanks.length));
}

/**
 * JSON on one line in which unsafe characters are `\uXXXX` escapes, so that it
 * means the same to a parser and does nothing to a terminal.
 */
export function encodeJsonLine(value: unknown): string {
  const json = JSON.stringify(value);
  if (PRINTABLE_ASCII.test(json)) return json;
  return json.replace(unsafe(), (character) => {
    let escaped = "";
    for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
    return escaped;
  });
}
