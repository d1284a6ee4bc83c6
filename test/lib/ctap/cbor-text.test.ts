import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { cborToJson, formatCbor } from "../../../src/lib/ctap/cbor-text.ts";
import type { CborValue } from "../../../src/lib/ctap/cbor.ts";
import { anyCbor } from "./arbitraries.ts";
import { bytes } from "./vectors.ts";

t.test("diagnostic notation, as RFC 8949 §8 and its appendix A have it", (t) => {
  const cases: readonly (readonly [CborValue, string])[] = [
    [0, "0"],
    [-1, "-1"],
    [18446744073709551615n, "18446744073709551615"],
    [true, "true"],
    [false, "false"],
    [null, "null"],
    [undefined, "undefined"],
    [1.5, "1.5"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
    [NaN, "NaN"],
    [-0, "-0.0"],
    [bytes("01020304"), "h'01020304'"],
    [new Uint8Array(), "h''"],
    ["IETF", '"IETF"'],
    ['"\\', '"\\"\\\\"'],
    ["ü水", '"ü水"'],
    ["\u0000\n\u001b[31m\u202e", '"\\u0000\\n\\u001b[31m\\u202e"'],
    [[1, [2, 3], []], "[1, [2, 3], []]"],
    [new Map<CborValue, CborValue>([["a", 1], [2, [bytes("ff")]]]), '{"a": 1, 2: [h\'ff\']}'],
    [new Map(), "{}"],
  ];
  for (const [value, text] of cases) t.equal(formatCbor(value), text);
  t.end();
});

t.test("JSON", (t) => {
  const cases: readonly (readonly [CborValue, unknown])[] = [
    [1, 1],
    [2n ** 60n, "1152921504606846976"],
    [NaN, "NaN"],
    [undefined, null],
    [null, null],
    [bytes("fbff00"), "-_8A"],
    [bytes("ff"), "_w"],
    [["a", [true]], ["a", [true]]],
    [new Map<CborValue, CborValue>([[1, "a"], [-2, bytes("00")], ["rk", false]]), { 1: "a", "-2": "AA", rk: false }],
    [new Map<CborValue, CborValue>([[1, "a"], ["1", "b"], [bytes("00"), "c"]]), { 1: "a", '"1"': "b", "h'00'": "c" }],
  ];
  for (const [value, json] of cases) t.same(cborToJson(value), json);
  const odd = cborToJson(new Map<CborValue, CborValue>([["__proto__", 1], ["constructor", 2]])) as object;
  t.same(Object.entries(odd), [["__proto__", 1], ["constructor", 2]], "names that mean something in JavaScript are names");
  t.end();
});

t.test("whatever it is, it stays on one printable line, and no entry is lost", (t) => {
  fc.assert(
    fc.property(anyCbor, (value) => {
      assert.doesNotMatch(formatCbor(value), /[\p{Cc}\p{Zl}\p{Zp}\u202e]/u);
      const json = cborToJson(value);
      assert.doesNotThrow(() => JSON.stringify(json));
      if (value instanceof Map) assert.equal(Object.keys(json as object).length, (value as ReadonlyMap<CborValue, CborValue>).size);
    }),
    { numRuns: 500 },
  );
  t.end();
});
