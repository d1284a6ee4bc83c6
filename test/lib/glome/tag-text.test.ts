import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { encodeBase64url } from "../../../src/lib/base64url.ts";
import { comparedBits, matchesTag, parsePaddedTagPrefix, parseTagPrefix } from "../../../src/lib/glome/tag-text.ts";
import { bytes32 } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const otherDigit = (digit: string, step: number): string => DIGITS.charAt((DIGITS.indexOf(digit) + step) % 64);
const BOTH = [parseTagPrefix, parsePaddedTagPrefix] as const;

t.test("a tag matches wherever it is cut, and the bits that were compared are counted", (t) => {
  fc.assert(
    fc.property(bytes32, (tag) => {
      const text = encodeBase64url(tag);
      for (const parse of BOTH) {
        for (let length = 1; length <= 44; length++) {
          const prefix = parse(text.slice(0, length), 1);
          assert.ok(matchesTag(prefix, tag), `${length} characters`);
          assert.equal(comparedBits(prefix), Math.min(6 * length, 256));
        }
      }
    }),
    { numRuns: 20 },
  );
  t.end();
});

t.test("a character changed anywhere is no match", (t) => {
  fc.assert(
    fc.property(bytes32, fc.integer({ min: 1, max: 43 }), fc.nat(), fc.integer({ min: 1, max: 63 }), (tag, length, at, step) => {
      const text = encodeBase64url(tag).slice(0, length);
      const index = at % length;
      const changed = text.slice(0, index) + otherDigit(text.charAt(index), step) + text.slice(index + 1);
      for (const parse of BOTH) assert.ok(!matchesTag(parse(changed, 1), tag), changed);
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test("a tag may be cut after any byte and then be encoded, with its padding", (t) => {
  fc.assert(
    fc.property(bytes32, fc.integer({ min: 1, max: 32 }), (tag, length) => {
      const text = encodeBase64url(tag.subarray(0, length));
      const prefix = parsePaddedTagPrefix(text, 1);
      assert.ok(matchesTag(prefix, tag));
      assert.equal(comparedBits(prefix), 8 * length);

      const changed = tag.slice(0, length);
      changed[length - 1]! ^= 1;
      assert.ok(!matchesTag(parsePaddedTagPrefix(encodeBase64url(changed), 1), tag), "in its last bit");
    }),
    { numRuns: 300 },
  );
  // 0x06476f…: what the last character says beyond the whole bytes does not count.
  const tag = Uint8Array.of(0x06, 0x47, 0x6f, ...new Uint8Array(29));
  for (const text of ["Bg==", "Bk==", "Bkc=", "Bkd="]) t.ok(matchesTag(parsePaddedTagPrefix(text, 1), tag), text);
  for (const text of ["BA==", "Bgc="]) t.notOk(matchesTag(parsePaddedTagPrefix(text, 1), tag), text);
  t.end();
});

t.test("what is no tag", (t) => {
  const whole = encodeBase64url(new Uint8Array(32));
  const cases = [
    ["", "GLOME_TAG_LENGTH"],
    ["AAAAAAAAA", "GLOME_TAG_LENGTH"],
    [`${whole}A`, "GLOME_TAG_CHARACTER"],
    ["A".repeat(44), "GLOME_TAG_LENGTH"],
    ["A".repeat(45), "GLOME_TAG_LENGTH"],
    ["A".repeat(48), "GLOME_TAG_LENGTH"],
    ["AAAAAAAAAA=", "GLOME_TAG_CHARACTER"],
    ["AAAAAAAAA===", "GLOME_TAG_CHARACTER"],
    ["AAAA=AAAAAAA", "GLOME_TAG_CHARACTER"],
    [" AAAAAAAAAA", "GLOME_TAG_CHARACTER"],
    ["AAAAAAAAAA\n", "GLOME_TAG_CHARACTER"],
    ["AAAAA AAAAAA", "GLOME_TAG_CHARACTER"],
    ["AAAAAAAAAA+", "GLOME_TAG_CHARACTER"],
    ["AAAAAAAAAA/", "GLOME_TAG_CHARACTER"],
    ["AAAAAAAAAAé", "GLOME_TAG_CHARACTER"],
  ] as const;
  for (const [text, code] of cases) {
    for (const parse of BOTH) t.equal(errorCode(() => parse(text, 10)), code, JSON.stringify(text));
  }
  t.equal(errorCode(() => parsePaddedTagPrefix(`${"A".repeat(47)}=`, 10)), "GLOME_TAG_LENGTH", "too long with its padding");
  t.equal(errorCode(() => parseTagPrefix("AAAAAAAAAA==", 10)), "GLOME_TAG_CHARACTER", "padding is not for authcodes that a person types");
  t.end();
});

t.test("as many characters as are asked for, no fewer", (t) => {
  const text = encodeBase64url(new Uint8Array(32).fill(0x5a));
  for (let minLength = 1; minLength <= 44; minLength++) {
    for (const parse of BOTH) {
      t.equal(errorCode(() => parse(text.slice(0, minLength), minLength)), undefined, `${minLength}`);
      t.equal(errorCode(() => parse(text.slice(0, minLength - 1), minLength)), "GLOME_TAG_LENGTH", `${minLength - 1} of ${minLength}`);
    }
  }
  t.end();
});

t.test("the whole tag has two bits more than its bytes, which must be zero", (t) => {
  const tag = new Uint8Array(32).fill(0xff);
  const text = encodeBase64url(tag);
  t.equal(text.slice(-2), "8=");
  for (const last of "9-_") t.notOk(matchesTag(parseTagPrefix(text.slice(0, 42) + last, 10), tag), `${last} in place of 8`);
  t.end();
});
