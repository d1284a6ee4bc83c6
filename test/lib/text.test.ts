import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import {
  byteString,
  bytesOf,
  decodeUtf8,
  encodeJsonLine,
  encodeUtf8,
  escapeForTerminal,
  escapeUnsafe,
  hasInvalidUtf8,
  hasUnsafeCharacters,
  parseUtf8,
} from "../../src/lib/text.ts";
import { almostUtf8, anyString } from "./arbitraries.ts";
import { errorCode } from "./errors.ts";

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const laxDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictDecoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

t.test("a byte string has one character for each byte", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(byteString(bytes), Buffer.from(bytes).toString("latin1"));
      assert.deepEqual(bytesOf(byteString(bytes)), bytes);
    }),
  );
  const long = Uint8Array.from({ length: 70_001 }, (_, i) => i % 251);
  t.ok(Buffer.from(bytesOf(byteString(long))).equals(long), "however many there are");
  t.end();
});

t.test("UTF-8 is what the platform's decoder takes", (t) => {
  fc.assert(
    fc.property(almostUtf8, (bytes) => {
      if (isUtf8(bytes)) assert.equal(parseUtf8(bytes, "it"), strictDecoder.decode(bytes));
      else assert.equal(errorCode(() => parseUtf8(bytes, "it")), "UTF8");
    }),
    { numRuns: 500 },
  );
  t.same(encodeUtf8("hést 🎲"), Uint8Array.from(Buffer.from("hést 🎲")));
  t.equal(parseUtf8(encodeUtf8("\ufeffa"), "it"), "\ufeffa", "a byte order mark is a character like any other");
  t.throws(() => parseUtf8(Uint8Array.of(0xff), "policy p.json"), { code: "UTF8", message: "policy p.json is not UTF-8 text" });
  t.end();
});

/** Undoes `decodeUtf8`, by PEP 383. */
function encodeWithEscapes(text: string): Uint8Array {
  const parts = Array.from(text, (character) => {
    const code = character.codePointAt(0)!;
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character);
  });
  return Uint8Array.from(Buffer.concat(parts));
}

t.test("lossless UTF-8", (t) => {
  fc.assert(
    fc.property(almostUtf8, (bytes) => {
      const text = decodeUtf8(byteString(bytes));
      assert.deepEqual(encodeWithEscapes(text), bytes, "no two byte strings are the same text");
      assert.equal(hasInvalidUtf8(text), !isUtf8(bytes));
      if (isUtf8(bytes)) assert.equal(text, strictDecoder.decode(bytes));
      const readable = laxDecoder.decode(bytes).replaceAll("\ufffd", "");
      assert.equal(text.replaceAll(/[\udc80-\udcff\ufffd]/gu, ""), readable, "and it finds the same characters between the bad bytes");
    }),
    { numRuns: 1000 },
  );
  t.equal(decodeUtf8("h\xff\xffst"), "h\udcff\udcffst");
  t.end();
});

/** Undoes `escapeForTerminal`. */
function unescape(shown: string): string {
  return shown.replaceAll(/\\(?:(\\)|x([0-9a-f]{2})|u\{([0-9a-f]+)\})/g, (_, backslash?: string, byte?: string, code?: string) => {
    if (backslash !== undefined) return backslash;
    if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
    const value = Number.parseInt(byte ?? "", 16);
    return String.fromCharCode(value < 0x80 ? value : 0xdc00 + value);
  });
}

const DOES_SOMETHING = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]|(?! )\p{White_Space}/u;

t.test("different texts are shown differently, and nothing of them acts on a terminal", (t) => {
  fc.assert(
    fc.property(fc.oneof(anyString, fc.stringMatching(/^[\\xu{}0-9a-f\x1b\u202e]{0,8}$/)), (text) => {
      const shown = escapeForTerminal(text);
      assert.equal(unescape(shown), text);
      assert.doesNotMatch(shown, DOES_SOMETHING);
      assert.doesNotMatch(escapeUnsafe(text), DOES_SOMETHING);
      assert.equal(hasUnsafeCharacters(text), escapeUnsafe(text) !== text);
    }),
    { numRuns: 1000 },
  );
  t.end();
});

/** The code points of a class that are shown in one of two ways. */
function codePointsShown(class_: RegExp, way: "as they are" | "escaped"): readonly string[] {
  const found: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    const character = String.fromCodePoint(code);
    if (!class_.test(character)) continue;
    const shown = escapeForTerminal(character);
    const isEscaped = /^\\(x[0-9a-f]{2}|u\{[0-9a-f]+\})$/.test(shown);
    if (way === (isEscaped ? "escaped" : "as they are") || (!isEscaped && shown !== character)) found.push(`U+${code.toString(16)} as ${JSON.stringify(shown)}`);
  }
  return found;
}

t.test("every character that a terminal or a reader takes for something else is escaped", (t) => {
  t.same(codePointsShown(DOES_SOMETHING, "as they are"), []);
  t.end();
});

t.test("every character that has no sign of its own is escaped", (t) => {
  t.same(codePointsShown(/[\p{Other}\p{Default_Ignorable_Code_Point}]/u, "as they are"), []);
  t.end();
});

t.test("letters, digits and signs of any script stand as they are", (t) => {
  // But for the backslash, and for the blank among the Braille patterns.
  t.same(codePointsShown(/(?![\\\u2800\p{Default_Ignorable_Code_Point}])[\p{L}\p{N}\p{P}\p{S}]/u, "escaped"), []);
  t.end();
});

t.test("the escapes that a person reads", (t) => {
  const cases = [
    ["a\x1b[2J", "a\\x1b[2J"],
    ["\r\n\t\x7f", "\\x0d\\x0a\\x09\\x7f"],
    ["\x9b", "\\u{9b}"],
    [decodeUtf8("\x9b"), "\\x9b"],
    ["my\u202ehost", "my\\u{202e}host"],
    ["a\u00a0b", "a\\u{a0}b"],
    ["\\x1b", "\\\\x1b"],
    ["zero\u200bwidth", "zero\\u{200b}width"],
    ["\u{e0041}", "\\u{e0041}"],
    ["a\u2800", "a\\u{2800}"],
    ["a b", "a b"],
    [" a", "\\x20a"],
    ["a  ", "a\\x20\\x20"],
    ["a  b", "a\\x20\\x20b"],
    ["hést 🎲", "hést 🎲"],
  ] as const;
  for (const [text, shown] of cases) t.equal(escapeForTerminal(text), shown);
  t.end();
});

t.test("a JSON line means the same to a parser and does nothing to a terminal", (t) => {
  const value = fc.oneof(fc.jsonValue(), anyString, fc.dictionary(anyString, anyString));
  fc.assert(
    fc.property(value, (value) => {
      const line = encodeJsonLine(value);
      assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(value)));
      assert.doesNotMatch(line, DOES_SOMETHING);
    }),
    { numRuns: 500 },
  );
  t.equal(encodeJsonLine({ host: "a\u202e\x9b🎲" }), '{"host":"a\\u202e\\u009b🎲"}');
  t.equal(encodeJsonLine("\u{e0041}"), '"\\udb40\\udc41"', "an escape for each half of a pair");
  t.end();
});
