import fc from "fast-check";
import { encodeCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { unicode } from "../arbitraries.ts";
import { encodeIndefinite } from "./indefinite-cbor.ts";

const integer = fc.oneof(
  fc.integer({ min: -30, max: 300 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 64n), max: -(2n ** 53n) }),
);
const key: fc.Arbitrary<CborValue> = fc.oneof(integer, unicode, fc.uint8Array({ maxLength: 4 }));
const leaf: fc.Arbitrary<CborValue> = fc.oneof(integer, unicode, fc.uint8Array({ maxLength: 40 }), fc.boolean(), fc.constant(null), fc.double());

/** Byte strings are the same key where they hold the same bytes, though a Map does not think so. */
function mapOf(value: fc.Arbitrary<CborValue>): fc.Arbitrary<CborMap> {
  return fc.uniqueArray(fc.tuple(key, value), { maxLength: 5, selector: ([key]) => Buffer.from(encodeCbor(key)).toString("hex") }).map((entries) => new Map(entries));
}

function nested(depth: number): fc.Arbitrary<CborValue> {
  if (depth === 0) return leaf;
  const value = fc.oneof(leaf, nested(depth - 1));
  return fc.oneof(leaf, fc.array(value, { maxLength: 5 }), mapOf(value));
}

/** Whatever CTAP2 can say: no more than four arrays and maps within each other. */
export const anyCbor = nested(4).map(sorted);

/** Maps with their entries in the order in which they are read again. */
function sorted(value: CborValue): CborValue {
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(sorted);
  if (!(value instanceof Map)) return value;
  const map = value as CborMap;
  const entries = [...map].map(([key, entry]) => ({ key, entry: sorted(entry), bytes: Buffer.from(encodeCbor(key)) }));
  entries.sort((a, b) => (a.bytes.readUInt8(0) >> 5) - (b.bytes.readUInt8(0) >> 5) || a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes));
  return new Map(entries.map(({ key, entry }) => [key, entry]));
}

/** A value, and CBOR of it in which only chunks have a length. */
export const indefiniteCbor = fc.tuple(anyCbor, fc.integer({ min: 1, max: 40 })).map(([value, length]) => ({ value, bytes: encodeIndefinite(value, length) }));

/** CBOR with a few bytes changed, taken out or put in, and bytes that are none at all. */
export const almostCbor: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.tuple(fc.oneof(anyCbor.map(encodeCbor), indefiniteCbor.map(({ bytes }) => bytes)), fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom("set", "insert", "remove", "flip")), { maxLength: 3 })).map(([cbor, edits]) => {
    const bytes = [...cbor];
    for (const [at, byte, edit] of edits) {
      const index = at % (bytes.length + 1);
      if (edit === "insert") bytes.splice(index, 0, byte);
      else if (edit === "remove") bytes.splice(index, 1);
      else bytes[index] = edit === "set" ? byte : (bytes[index] ?? 0) ^ (1 << (byte & 7));
    }
    return Uint8Array.from(bytes);
  }),
);
