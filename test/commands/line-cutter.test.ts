import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { LineCutter } from "../../src/commands/line-cutter.ts";

/** What comes out for chunks that go in, one after the other. */
function cut(chunks: readonly Uint8Array[], maxLength: number): readonly Buffer[] {
  const cutter = new LineCutter(maxLength);
  return [...chunks.map((chunk) => cutter.push(chunk)), cutter.end()].map((bytes) => Buffer.from(bytes));
}

/** Text with many line ends, and where it is cut into chunks. */
const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r", "é"), maxLength: 60 }).map((text) => Buffer.from(text));
const chunks = fc.tuple(text, fc.array(fc.nat({ max: 80 }), { maxLength: 6 })).map(([bytes, cuts]) => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
});

t.test("lines come out whole, as soon as they are", (t) => {
  fc.assert(
    fc.property(chunks, (chunks) => {
      const out = cut(chunks, 1000);
      assert.deepEqual(Buffer.concat(out), Buffer.concat(chunks));
      for (const [i, piece] of out.slice(0, -1).entries()) {
        const soFar = Buffer.concat(chunks.slice(0, i + 1));
        assert.equal(Buffer.concat(out.slice(0, i + 1)).length, soFar.lastIndexOf("\n") + 1, "all that has its newline");
        assert.ok(piece.length === 0 || piece.at(-1) === 0x0a);
      }
      assert.ok(!out.at(-1)!.includes("\n"), "the last line is the one without a newline");
    }),
    { numRuns: 1000 },
  );
  t.end();
});

t.test("of a line that is too long there is one byte too many, and the others are as they were", (t) => {
  fc.assert(
    fc.property(chunks, fc.integer({ min: 0, max: 8 }), (chunks, maxLength) => {
      const lines = Buffer.concat(chunks).toString("latin1").split("\n");
      const expected = lines.map((line) => line.slice(0, maxLength + 1)).join("\n");
      assert.equal(Buffer.concat(cut(chunks, maxLength)).toString("latin1"), expected);
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test("no line is kept longer than it may be", (t) => {
  const cutter = new LineCutter(100);
  const chunk = Buffer.alloc(64 * 1024, "x");
  for (let i = 0; i < 100; i++) assert.equal(cutter.push(chunk).length, 0);
  t.equal(cutter.end().length, 101);
  t.equal(Buffer.from(cutter.push(Buffer.from("\nnext\n"))).toString(), `${"x".repeat(101)}\nnext\n`);
  t.end();
});

t.test("what comes out is not changed by what comes in later", (t) => {
  const cutter = new LineCutter(100);
  const buffer = Buffer.from("ab\ncd");
  const lines = cutter.push(buffer);
  buffer.fill("x");
  t.equal(Buffer.from(lines).toString(), "ab\n");
  t.equal(Buffer.from(cutter.push(Buffer.from("\n"))).toString(), "cd\n");
  t.end();
});
