import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { concatBytes, encodeHex, equalBytes, parseHex, wipe } from "../../src/lib/bytes.ts";

t.test("joined bytes are what Node joins", (t) => {
  fc.assert(fc.property(fc.array(fc.uint8Array()), (parts) => void assert.deepEqual(concatBytes(...parts), Uint8Array.from(Buffer.concat(parts)))));
  t.end();
});

t.test("bytes are equal where Node finds them equal", (t) => {
  const few = fc.uint8Array({ maxLength: 3, max: 1 });
  fc.assert(fc.property(few, few, (a, b) => void assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0)), { numRuns: 500 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (a, at, change) => {
      const b = Uint8Array.from(a);
      b[at % b.length]! ^= change;
      assert.equal(equalBytes(a, b), false);
      assert.equal(equalBytes(a, Uint8Array.from(a)), true);
    }),
  );
  t.end();
});

t.test("what is wiped is zero", (t) => {
  const secrets = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)];
  wipe(...secrets);
  t.same(secrets, [Uint8Array.of(0, 0, 0), Uint8Array.of(0)]);
  t.end();
});

t.test("hexadecimal text is Node's, read back in either case", (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const hex = encodeHex(bytes);
      assert.equal(hex, Buffer.from(bytes).toString("hex"));
      assert.deepEqual(parseHex(hex), bytes);
      assert.deepEqual(parseHex(hex.toUpperCase()), bytes);
    }),
  );
  for (const text of ["0", "000", "0x00", "0g", " 00", "00\n", "+1", "-1", "0.", "１２", "00 00"]) t.equal(parseHex(text), undefined, `no bytes: ${JSON.stringify(text)}`);
  t.end();
});
