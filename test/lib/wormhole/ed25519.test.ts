import { ed25519 } from "@noble/curves/ed25519.js";
import { hkdfSync } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { addMultiples, BASE, encodeScalar, modOrder, ORDER, parsePrimeOrderPoint, parseScalar, EdwardsPoint } from "../../../src/lib/wormhole/ed25519.ts";
import { bytes32 } from "../arbitraries.ts";
import { fromHex, spake2, toHex } from "../../support/wormhole-vectors.ts";
import { SMALL_ORDER, torsion } from "./points.ts";

const { group, constants, arbitrary_element, symmetric } = spake2;
const Point = ed25519.Point;
const P = BigInt(group.p);

/** The same point in noble's own instance of the curve. */
function noble(point: EdwardsPoint) {
  return Point.fromBytes(point.toBytes());
}

t.test("the group of the vectors", (t) => {
  t.equal(ORDER, BigInt(group.order_L));
  t.equal(toHex(BASE.toBytes()), group.base_compressed_hex);
  t.ok(parsePrimeOrderPoint(BASE.toBytes()));
  t.equal(Point.Fp.ORDER, P);
  t.end();
});

t.test("M, N and S", (t) => {
  for (const [name, { affine_x, affine_y, compressed_hex, seed_utf8 }] of Object.entries(constants)) {
    t.equal(toHex(EdwardsPoint.at(BigInt(affine_x), BigInt(affine_y)).toBytes()), compressed_hex, name);
    t.equal(toHex(arbitraryElement(Buffer.from(seed_utf8))), compressed_hex, `${name} comes from its seed, so nobody knows its logarithm`);
  }
  t.end();
});

t.test("arbitrary elements", (t) => {
  for (const { seed_hex, element_hex } of arbitrary_element) {
    t.equal(toHex(arbitraryElement(fromHex(seed_hex))), element_hex, seed_hex);
    t.ok(parsePrimeOrderPoint(fromHex(element_hex)));
  }
  t.end();
});

/** Source: python-spake2, `arbitrary_element`. */
function arbitraryElement(seed: Uint8Array): Uint8Array {
  const start = BigInt(`0x${Buffer.from(hkdfSync("sha256", seed, "", "SPAKE2 arbitrary element", 48)).toString("hex")}`) % P;
  for (let y = start; ; y = (y + 1n) % P) {
    try {
      const element = Point.fromBytes(encodeScalar(y)).clearCofactor();
      if (!element.is0()) return element.toBytes();
    } catch {
      // No point has this y: the next one may.
    }
  }
}

t.test("scalars", (t) => {
  for (const { pw_scalar_dec, pw_scalar_le_hex, side1, side2 } of symmetric) {
    const pairs = [[pw_scalar_dec, pw_scalar_le_hex], ...[side1, side2].map((side) => [side.xy_scalar_dec, side.xy_scalar_le_hex])] as const;
    for (const [decimal = "", hex = ""] of pairs) {
      t.equal(parseScalar(fromHex(hex)), BigInt(decimal));
      t.equal(toHex(encodeScalar(BigInt(decimal))), hex);
    }
  }
  t.end();
});

const scalar = fc.oneof(bytes32.map((bytes) => modOrder(parseScalar(bytes))), fc.constantFrom(0n, 1n, 2n, 15n, 16n, ORDER - 1n, ORDER - 16n, 2n ** 252n));

t.test("a·P + b·Q is what noble adds up", (t) => {
  fc.assert(
    fc.property(scalar, scalar, scalar, (a, b, k) => {
      const Q = Point.BASE.multiplyUnsafe(k);
      const expected = Point.BASE.multiplyUnsafe(a).add(Q.multiplyUnsafe(b));
      return noble(addMultiples(a, BASE, b, EdwardsPoint.at(Q.x, Q.y))).equals(expected);
    }),
    { numRuns: 60, examples: [[0n, 0n, 0n], [ORDER - 1n, 1n, 1n]] },
  );
  t.end();
});

t.test("takes all of the prime-order group but the identity", (t) => {
  fc.assert(
    fc.property(scalar, (k) => {
      const point = Point.BASE.multiplyUnsafe(k);
      const parsed = parsePrimeOrderPoint(point.toBytes());
      return k === 0n ? parsed === undefined : parsed !== undefined && noble(parsed).equals(point);
    }),
    { numRuns: 40, examples: [[0n]] },
  );
  t.end();
});

t.test("takes no point of small order, however it is written", (t) => {
  t.equal(SMALL_ORDER.length, 14);
  for (const bytes of SMALL_ORDER) t.equal(parsePrimeOrderPoint(bytes), undefined, toHex(bytes));
  t.end();
});

t.test("takes no point of mixed order", (t) => {
  fc.assert(
    fc.property(scalar, fc.integer({ min: 1, max: 7 }), (k, i) => {
      const mixed = Point.BASE.multiplyUnsafe(k).add(torsion(i)).toBytes();
      Point.fromBytes(mixed); // It is on the curve: only its order is wrong.
      return parsePrimeOrderPoint(mixed) === undefined;
    }),
    { numRuns: 40 },
  );
  t.end();
});

t.test("takes no encoding but the canonical one", (t) => {
  // y + p fits into 255 bits for these y alone.
  for (let y = 0n; y < 19n; y++) {
    for (const sign of [0n, 2n ** 255n]) t.equal(parsePrimeOrderPoint(encodeUnchecked(y + P + sign)), undefined, `y = p + ${y}`);
  }
  t.end();
});

function encodeUnchecked(number: bigint): Uint8Array {
  return fromHex(number.toString(16).padStart(64, "0")).reverse();
}

t.test("of any 32 bytes, takes those that noble decodes and finds in the group", (t) => {
  const almost = fc.tuple(scalar, fc.integer({ min: 0, max: 255 })).map(([k, bit]) => {
    const bytes = Point.BASE.multiplyUnsafe(k).toBytes();
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(bytes32, almost), (bytes) => {
      const parsed = parsePrimeOrderPoint(bytes);
      if (parsed !== undefined) return toHex(parsed.toBytes()) === toHex(bytes) && Point.fromBytes(bytes, false).isTorsionFree();
      try {
        const point = Point.fromBytes(bytes, false);
        return point.is0() || !point.isTorsionFree();
      } catch {
        return true;
      }
    }),
    { numRuns: 150 },
  );
  t.end();
});

t.test("takes 32 bytes and no others", (t) => {
  const bytes = BASE.toBytes();
  for (const length of [0, 1, 31]) t.equal(parsePrimeOrderPoint(bytes.subarray(0, length)), undefined, `${length} bytes`);
  t.equal(parsePrimeOrderPoint(Uint8Array.of(...bytes, 0)), undefined, "33 bytes");
  t.end();
});
