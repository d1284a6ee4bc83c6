import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { encodeBase64url, parseBase64url } from "../../src/lib/base64url.ts";
import { KeyholeError } from "../../src/lib/errors.ts";

t.test("what is encoded is parsed back, and is what Node encodes", (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = encodeBase64url(bytes);
      assert.equal(text.replace(/=+$/, ""), Buffer.from(bytes).toString("base64url"));
      assert.deepEqual(parseBase64url(text), bytes);
    }),
  );
  t.end();
});

t.test("no two texts stand for the same bytes", (t) => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_=-]{0,12}$/), (text) => {
      let bytes;
      try {
        bytes = parseBase64url(text);
      } catch (error) {
        assert.ok(error instanceof KeyholeError);
        return;
      }
      assert.equal(encodeBase64url(bytes), text);
    }),
    { numRuns: 500 },
  );
  t.end();
});

for (const text of ["A", "AA", "AAA", "AA=", "AAA==", "AB==", "AAB=", "A===", "====", "=", "AA+A", "AA/A", "AA A", "AAAA\n", "é", "AA==AA=="]) {
  t.throws(() => parseBase64url(text), { code: "BASE64URL" }, `refused: ${JSON.stringify(text)}`);
}
