import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { escapePathSegment, unescapePathSegment } from "../../../src/lib/glome/percent.ts";
import { byteString, encodeUtf8 } from "../../../src/lib/text.ts";
import { unicode } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";

/** EscapePathSegment by way of the platform, which escapes more: `$ & + , ; = : @` besides. */
function reference(text: string): string {
  return encodeURIComponent(text).replaceAll(/%(?:24|26|2B|2C|3B|3D|3A|40)/g, decodeURIComponent);
}

const utf8 = (text: string): string => byteString(encodeUtf8(text));

t.test("a segment is escaped as RFD 001 says, and read back", (t) => {
  const ascii = fc.uint8Array({ max: 0x7f }).map(byteString);
  fc.assert(
    fc.property(fc.oneof(unicode, ascii), (text) => {
      const escaped = escapePathSegment(utf8(text));
      assert.equal(escaped, reference(text));
      assert.equal(unescapePathSegment(escaped, "host"), utf8(text));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      assert.equal(unescapePathSegment(escapePathSegment(byteString(bytes)), "host"), byteString(bytes), "any bytes");
    }),
  );
  t.equal(escapePathSegment(byteString(Uint8Array.from({ length: 256 }, (_, i) => i))).replaceAll(/%[0-9A-F]{2}/g, ""), "!$&'()*+,-.0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
  t.end();
});

t.test("escapes are read as the platform reads them, or refused as it refuses them", (t) => {
  const isRefusedByPlatform = (text: string): boolean => {
    try {
      decodeURIComponent(text);
      return false;
    } catch {
      return true;
    }
  };
  // Of ASCII alone, as the platform also asks for UTF-8.
  fc.assert(
    fc.property(fc.stringMatching(/^(?:[x%+/ ]|%[0-7][0-9a-fA-Fg]|%[0-7]){0,6}$/), (text) => {
      if (isRefusedByPlatform(text)) assert.equal(errorCode(() => unescapePathSegment(text, "host")), "CHALLENGE_ESCAPE");
      else assert.equal(unescapePathSegment(text, "host"), decodeURIComponent(text));
    }),
    { numRuns: 1000 },
  );
  for (const text of ["%", "a%", "%z", "%zz", "%4", "%4g", "%%41", "%u0041", "% 41", "%-1", "%+1", "%0x", "%\n1", "%1\n", "%\u00b2\u00b2", "%41%"]) {
    t.throws(() => unescapePathSegment(text, "action"), { code: "CHALLENGE_ESCAPE", message: /^action has "%/ }, JSON.stringify(text));
  }
  t.throws(() => unescapePathSegment("%\x1bc", "host"), { message: /"%\?c"/ }, "the error does nothing to a terminal");
  t.equal(unescapePathSegment("a+b%2B%2b%fF", "host"), "a+b++\xff");
  t.end();
});
