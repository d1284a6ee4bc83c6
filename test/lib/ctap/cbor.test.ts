import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { checkCbor, compareKeys } from "../../../src/lib/ctap/cbor-check.ts";
import { readCborNode, type CborNode } from "../../../src/lib/ctap/cbor-node.ts";
import { cborMap, encodeCbor, parseCbor, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { errorCode } from "../errors.ts";
import { almostCbor, anyCbor, indefiniteCbor } from "./arbitraries.ts";
import { valueOf } from "./cbor-value.ts";
import { bytes, fromJson, hex, readVectors, type JsonCbor } from "./vectors.ts";

interface CanonicalVectors {
  readonly decode: readonly { readonly hex: string; readonly value: JsonCbor }[];
  readonly key_order: readonly { readonly entries: readonly (readonly [JsonCbor, JsonCbor])[]; readonly canonical: string }[];
  readonly reject_or_warn: readonly { readonly hex: string; readonly why: string }[];
}

const VECTORS = readVectors("cbor-canonical") as CanonicalVectors;

t.test("the vectors are read, and written as they were", (t) => {
  t.ok(VECTORS.decode.length > 30);
  for (const { hex: text, value } of VECTORS.decode) {
    const item = parseCbor(bytes(text));
    t.same(item.oddities, [], text);
    // Plain deepEqual would take 1 and 1n, or a Buffer and its bytes, for different.
    assert.deepEqual(item.value, fromJson(value), text);
    t.equal(hex(encodeCbor(item.value)), text);
  }
  t.end();
});

t.test("map keys are put in order", (t) => {
  t.ok(VECTORS.key_order.length > 5);
  for (const { entries, canonical } of VECTORS.key_order) {
    const pairs = entries.map(([key, value]) => [fromJson(key), fromJson(value)] as const);
    t.equal(hex(encodeCbor(new Map(pairs))), canonical);
    t.equal(hex(encodeCbor(new Map([...pairs].reverse()))), canonical, "from the reverse order");
    t.same(checkCbor(bytes(canonical)), []);
  }
  t.end();
});

t.test("what is not canonical is refused or told", (t) => {
  const refused = ["tag 0", "truncated map", "invalid UTF-8 text", "trailing byte after item"];
  t.equal(VECTORS.reject_or_warn.length, 16);
  for (const { hex: text, why } of VECTORS.reject_or_warn) {
    if (why.startsWith("ok")) t.same(parseCbor(bytes(text)).oddities, [], why);
    else if (refused.includes(why)) t.equal(errorCode(() => parseCbor(bytes(text))), "CTAP_CBOR", why);
    else t.equal(parseCbor(bytes(text)).oddities.length, 1, why);
  }
  t.end();
});

t.test("oddities: where they are and what they are", (t) => {
  const cases: readonly (readonly [string, CborValue, readonly (readonly [number, RegExp])[]])[] = [
    ["1817", 23, [[0, /number 23 in 2 bytes/]]],
    ["3817", -24, [[0, /number 23 in 2 bytes/]]],
    ["1b00000000ffffffff", 0xffffffff, [[0, /in 9 bytes/]]],
    ["7801" + "61", "a", [[0, /number 1 in 2 bytes/]]],
    ["9801" + "1800", [0], [[0, /number 1 in 2 bytes/], [2, /number 0 in 2 bytes/]]],
    ["a203020201", new Map([[3, 2], [2, 1]]), [[3, /out of order/]]],
    ["a201020103", new Map([[1, 3]]), [[3, /again/]]],
    ["a3" + "0100" + "0200" + "0101", new Map([[1, 1], [2, 0]]), [[5, /again/]]],
    ["a3" + "4101" + "00" + "4102" + "01" + "4101" + "02", new Map([[bytes("01"), 2], [bytes("02"), 1]]), [[7, /again/]]],
    ["9fff", [], [[0, /array of indefinite length/]]],
    ["bf6161f5ff", new Map([["a", true]]), [[0, /map of indefinite length/]]],
    ["7fff", "", [[0, /text of indefinite length/]]],
    ["7f" + "62c3bc" + "60" + "6161" + "ff", "üa", [[0, /text of indefinite length/]]],
    ["5fff", new Uint8Array(), [[0, /byte string of indefinite length/]]],
    ["5f" + "4101" + "40" + "420203" + "ff", bytes("010203"), [[0, /byte string of indefinite length/]]],
    ["5f" + "580101" + "ff", bytes("01"), [[0, /byte string of indefinite length/], [1, /number 1 in 2 bytes/]]],
    ["5f" + "581801".padEnd(2 * 26, "0") + "5818".padEnd(2 * 26, "0") + "ff", bytes("01".padEnd(2 * 48, "0")), [[0, /byte string of indefinite length/]]],
    ["a2" + "7f6161ff" + "5f4101ff" + "01" + "02", new Map<CborValue, CborValue>([["a", bytes("01")], [1, 2]]), [[1, /text/], [5, /byte string/], [9, /out of order/]]],
    ["a2" + "6161" + "01" + "7f6161ff" + "02", new Map([["a", 2]]), [[4, /text of indefinite length/]]],
    // Depth: CTAP2 allows four arrays and maps within each other.
    ["8181818100", [[[[0]]]], []],
    ["818181818100", [[[[[0]]]]], [[4, /more than 4/]]],
    ["81a1018181a10200", [new Map([[1, [[new Map([[2, 0]])]]]])], [[5, /more than 4/]]],
  ];
  for (const [text, value, expected] of cases) {
    const { value: found, oddities } = parseCbor(bytes(text));
    assert.deepEqual(found, value, text);
    t.same(oddities.map(({ offset }) => offset), expected.map(([offset]) => offset), text);
    for (const [i, [, message]] of expected.entries()) t.match(oddities[i]?.message, message);
  }
  t.end();
});

t.test("what is no CBOR, or none that CTAP2 has", (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "nothing"],
    ["18", "a number without its byte"],
    ["1b00000000000000", "a number short of a byte"],
    ["1c", "a head that is reserved"],
    ["1f", "a number of indefinite length"],
    ["5f00ff", "a number as a chunk of a byte string"],
    ["5f6161ff", "text as a chunk of a byte string"],
    ["5f5f4101ffff", "chunks within chunks"],
    ["7f4161ff", "bytes as a chunk of text"],
    ["7f7f6161ffff", "chunks of text within chunks"],
    ["7f61c361bcff", "a character that two chunks share"],
    ["7f61ffff", "a chunk that is not UTF-8"],
    ["7f6161", "chunks without an end"],
    ["5f5bffffffffffffffffff", "a chunk of more than anybody has"],
    ["7fff00", "bytes after chunks"],
    ["ff", "a break alone"],
    ["81ff", "a break for an item"],
    ["a1ff", "a break for a key"],
    ["bf01ff", "a break for a value"],
    ["f0", "a simple value without meaning"],
    ["f818", "a simple value in two bytes that needs one"],
    ["f8ff", "a simple value without meaning, in two bytes"],
    ["d90100" + "80", "tag 256"],
    ["c1" + "00", "tag 1"],
    ["c249010000000000000000", "tag 2, a big number"],
    ["c349010000000000000000", "tag 3, a negative one"],
    ["9bffffffffffffffff", "an array of more than anybody has"],
    ["bb7fffffffffffffff", "a map of more than anybody has"],
    ["5bffffffffffffffff00", "a byte string of more than anybody has"],
    ["81".repeat(17) + "00", "17 arrays within each other"],
    ["a100".repeat(17) + "00", "17 maps within each other"],
    ["a1" + "81".repeat(17) + "00" + "00", "17 arrays within a key"],
    ["61ff", "text that is not UTF-8"],
    ["63eda080", "a surrogate"],
    ["62c080", "an overlong form"],
  ];
  for (const [text, name] of cases) t.equal(errorCode(() => parseCbor(bytes(text))), "CTAP_CBOR", name);
  t.end();
});

t.test("a deep item does not fill the stack", (t) => {
  for (const text of ["81", "a1", "a100", "9f", "bf00"]) t.equal(errorCode(() => parseCbor(bytes(text.repeat(3000)))), "CTAP_CBOR", text);
  t.end();
});

t.test("any value is written canonically and read again", (t) => {
  fc.assert(
    fc.property(anyCbor, (value) => {
      const encoded = encodeCbor(value);
      const item = parseCbor(encoded);
      assert.deepEqual(item.oddities, []);
      assert.deepEqual(item.value, value);
      assert.equal(hex(encodeCbor(item.value)), hex(encoded));
    }),
    { numRuns: 2000 },
  );
  t.end();
});

t.test("lengths may be left out, and strings cut into chunks", (t) => {
  fc.assert(
    fc.property(indefiniteCbor, ({ value, bytes }) => {
      const item = parseCbor(bytes);
      assert.deepEqual(item.value, value);
      assert.equal(hex(encodeCbor(item.value)), hex(encodeCbor(value)));
      assert.equal(item.oddities.length > 0, typeof value === "string" || (typeof value === "object" && value !== null));
      for (let length = 0; length < bytes.length; length++) assert.equal(errorCode(() => parseCbor(bytes.subarray(0, length))), "CTAP_CBOR");
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test("many chunks, and many strings of them", (t) => {
  const many = 200_000;
  const list = (head: string, part: string): Uint8Array => bytes(head + part.repeat(many) + "ff");
  t.same(parseCbor(list("5f", "40")), { value: new Uint8Array(), oddities: [{ offset: 0, message: "byte string of indefinite length" }] });
  t.equal(parseCbor(list("7f", "60")).value, "");
  t.equal(parseCbor(list("7f", "6161")).value, "a".repeat(many));
  t.equal((parseCbor(list("9f", "5fff")).value as readonly Uint8Array[]).length, many);
  t.end();
});

t.test("text that begins with a byte order mark keeps it, whatever its length", (t) => {
  for (const length of [0, 20, 60, 61, 62, 63, 300]) {
    for (const text of ["\ufeff" + "a".repeat(length), "\ufeff\ufeff" + "a".repeat(length), "a".repeat(length) + "\ufeff"]) {
      const encoded = encodeCbor(text);
      t.equal(hex(encoded).slice(-2 * Buffer.byteLength(text)), Buffer.from(text).toString("hex"));
      t.same(parseCbor(encoded), { value: text, oddities: [] });
      const inChunks = parseCbor(bytes(`7f${hex(encoded)}60ff`));
      t.equal(inChunks.value, text, "in chunks");
      t.equal(inChunks.oddities.length, 1);
    }
  }
  t.end();
});

t.test("a lone surrogate is written as U+FFFD, in short text and in long", (t) => {
  for (const length of [0, 100]) t.equal(parseCbor(encodeCbor("\ud800" + "a".repeat(length) + "\u{1d11e}\udc00")).value, "\ufffd" + "a".repeat(length) + "\u{1d11e}\ufffd");
  t.end();
});

t.test("keys that mean something in JavaScript are keys", (t) => {
  const map = new Map<CborValue, CborValue>([["toString", 1], ["__proto__", new Map([["x", 2]])], ["constructor", 3]]);
  assert.deepEqual(parseCbor(encodeCbor(map)), { value: map, oddities: [] });
  t.notOk("x" in {});
  t.end();
});

t.test("an item is cut off at any byte, or followed by more", (t) => {
  fc.assert(
    fc.property(anyCbor, fc.nat(255), (value, more) => {
      const encoded = encodeCbor(value);
      for (let length = 0; length < encoded.length; length++) assert.equal(errorCode(() => parseCbor(encoded.subarray(0, length))), "CTAP_CBOR", `${length} bytes`);
      assert.equal(errorCode(() => parseCbor(Uint8Array.of(...encoded, more))), "CTAP_CBOR");
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test("any bytes are read or refused, and what is read without oddities is written the same", (t) => {
  let read = 0;
  fc.assert(
    fc.property(almostCbor, (input) => {
      let item;
      try {
        item = parseCbor(input);
      } catch (error) {
        assert.match((error as Error).message, /^CBOR /);
        assert.equal((error as { code?: string }).code, "CTAP_CBOR");
        return;
      }
      read += 1;
      const { node } = readCborNode(input);
      assert.deepEqual(item.value, valueOf(node));
      // An entry that is undefined is written as one that is not there.
      if (hasSimple(node, ({ head }) => head[0] === 0xf7)) return;
      const encoded = encodeCbor(item.value);
      // Of a float its length is not kept.
      if (item.oddities.length === 0 && !hasSimple(node, ({ argument }) => argument.length > 0)) assert.equal(hex(encoded), hex(input));
      // The canonical form means the same.
      const again = parseCbor(encoded);
      assert.deepEqual(again.value, item.value);
      assert.deepEqual(again.oddities.filter(({ message }) => !message.startsWith("more than")), []);
    }),
    { numRuns: 5000 },
  );
  t.ok(read > 500, `${read} were read`);
  t.end();
});

function hasSimple(node: CborNode, is: (node: CborNode) => boolean): boolean {
  return (node.type === "simple" && is(node)) || node.children.some((child) => hasSimple(child, is));
}

t.test("floats, which CTAP2 has no use for, are read and written as floats", (t) => {
  const floats: readonly (readonly [string, number])[] = [
    ["f93e00", 1.5],
    ["f90001", 2 ** -24],
    ["f97bff", 65504],
    ["f97c00", Infinity],
    ["f9fc00", -Infinity],
    ["f97e00", NaN],
    ["f97e01", NaN],
    ["f9fc01", NaN],
    ["fa7fc00001", NaN],
    ["faffffffff", NaN],
    ["fb7ff0000000000001", NaN],
    ["f98000", -0],
    ["fa80000000", -0],
    ["fb8000000000000000", -0],
    ["fa47c35000", 100000],
    ["fb3ff199999999999a", 1.1],
    ["fb7e37e43c8800759c", 1e300],
    ["fb4340000000000000", 2 ** 53],
  ];
  for (const [text, value] of floats) {
    t.ok(Object.is(parseCbor(bytes(text)).value, value), text);
    t.ok(Object.is(parseCbor(encodeCbor(value)).value, value), `${value} written`);
    if (text.startsWith("fb") && !Number.isNaN(value)) t.equal(hex(encodeCbor(value)), text);
  }
  t.equal(hex(encodeCbor([-0, cborMap([1, -0])])), "82" + "fb8000000000000000" + "a101" + "fb8000000000000000", "-0 is not 0");
  t.end();
});

t.test("every float of 16 bits", (t) => {
  const wrong = Array.from({ length: 0x1_0000 }, (_, bits) => Uint8Array.of(0xf9, bits >> 8, bits & 0xff)).filter((float) => !Object.is(parseCbor(float).value, valueOf(readCborNode(float).node)));
  t.same(wrong, []);
  t.end();
});

t.test("entries without a value are left out, at any depth", (t) => {
  t.equal(hex(encodeCbor(cborMap([1, undefined], [2, 3], ["a", undefined]))), "a10203");
  t.equal(hex(encodeCbor(new Map<CborValue, CborValue>([[1, undefined], [2, [new Map([[3, undefined]])]]]))), "a10281a0");
  t.equal(hex(encodeCbor(undefined)), "f7");
  assert.deepEqual(parseCbor(bytes("f7")).value, undefined);
  t.end();
});

t.test("a byte string is a copy of its own", (t) => {
  const input = bytes("4401020304");
  const { value } = parseCbor(input);
  input.fill(0);
  t.same(value, bytes("01020304"));
  t.end();
});

t.test("whole numbers of every size", (t) => {
  const sizes: readonly (readonly [number | bigint, string])[] = [
    [23, "17"],
    [24, "1818"],
    [0xff, "18ff"],
    [0x100, "190100"],
    [0xffff, "19ffff"],
    [0x1_0000, "1a00010000"],
    [0xffff_ffff, "1affffffff"],
    [0x1_0000_0000, "1b0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"],
    [2n ** 53n, "1b0020000000000000"],
    [2n ** 64n - 1n, "1bffffffffffffffff"],
    [-24, "37"],
    [-25, "3818"],
    [-0x100, "38ff"],
    [-0x101, "390100"],
    [-0x1_0000_0000, "3affffffff"],
    [-0x1_0000_0001, "3b0000000100000000"],
    [1n - 2n ** 64n, "3bfffffffffffffffe"],
    [-(2n ** 64n), "3bffffffffffffffff"],
  ];
  for (const [value, text] of sizes) {
    t.equal(hex(encodeCbor(value)), text);
    assert.deepEqual(parseCbor(bytes(text)), { value, oddities: [] });
    t.equal(hex(encodeCbor(BigInt(value))), text, "as bigint");
    assert.deepEqual(parseCbor(encodeCbor([new Map([[value, value]])])).value, [new Map([[value, value]])]);
  }
  for (const value of [2n ** 64n, -(2n ** 64n) - 1n, 2n ** 200n]) t.throws(() => encodeCbor([new Map([[1, value]])]), RangeError);
  t.end();
});

t.test("the order of keys is total", (t) => {
  const key = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 6 }));
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      assert.equal(Math.sign(compareKeys(a, b)) + Math.sign(compareKeys(b, a)), 0);
      assert.equal(compareKeys(a, b) === 0, hex(a) === hex(b));
      if (compareKeys(a, b) <= 0 && compareKeys(b, c) <= 0) assert(compareKeys(a, c) <= 0);
    }),
  );
  t.end();
});
