import { edwards, type EdwardsPoint } from "@noble/curves/abstract/edwards.js";
import { bytesToNumberLE, numberToBytesLE } from "@noble/curves/utils.js";
import { randomBytes } from "node:crypto";

// The bare curve: @noble/curves/ed25519.js also sets up signatures, Ristretto
// and hashing to the curve, which takes longer than a whole key agreement.

/** Points of Ed25519's curve. Source: RFC 8032 §5.1. */
const Point = edwards(
  {
    p: 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn,
    n: 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn,
    h: 8n,
    a: 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffecn,
    d: 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n,
    Gx: 0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51an,
    Gy: 0x6666666666666666666666666666666666666666666666666666666666666658n,
  },
  { randomBytes: (length = 32) => randomBytes(length) },
);

export type { EdwardsPoint };

/** The order of the prime-order subgroup, which the base point generates. */
export const ORDER = Point.Fn.ORDER;

export const BASE = Point.BASE;

export const SCALAR_LENGTH = 32;
export const POINT_LENGTH = 32;

/** The number that 32 bytes, little-endian, stand for; it may be the order or more. */
export function parseScalar(bytes: Uint8Array): bigint {
  return bytesToNumberLE(bytes);
}

/** @param scalar - below the order */
export function encodeScalar(scalar: bigint): Uint8Array {
  return numberToBytesLE(scalar, SCALAR_LENGTH);
}

export function modOrder(scalar: bigint): bigint {
  return Point.Fn.create(scalar);
}

/** A point by its coordinates, which are not checked. */
export function pointOf(x: bigint, y: bigint): EdwardsPoint {
  return Point.fromAffine({ x, y });
}

/**
 * Takes the one encoding of each point of the prime-order subgroup but the
 * identity: what a peer sends in that group, and nothing that would tell
 * something about our scalar.
 *
 * @returns nothing for any other bytes
 */
export function parsePrimeOrderPoint(bytes: Uint8Array): EdwardsPoint | undefined {
  if (bytes.length !== POINT_LENGTH) return undefined;
  let point;
  try {
    point = Point.fromBytes(bytes);
  } catch {
    return undefined; // not on the curve, or not the canonical encoding
  }
  return !point.is0() && point.isTorsionFree() ? point : undefined;
}

/** Bits of a scalar that are looked up at a time. */
const WINDOW = 4;
const WINDOW_MASK = 2n ** BigInt(WINDOW) - 1n;
const WINDOWS = Math.ceil(Point.Fn.BITS / WINDOW);

/**
 * a·P + b·Q. The doublings are shared, which saves a third of two separate
 * multiplications, and a table of the base point that only pays off over many.
 *
 * Which points are added and doubled, and which table entries are touched, does
 * not depend on the scalars; what BigInt does with them underneath may.
 *
 * @param a - secret, 0 to the order less one; so is `b`
 */
export function addMultiples(a: bigint, P: EdwardsPoint, b: bigint, Q: EdwardsPoint): EdwardsPoint {
  const multiplesOfP = tableOf(P);
  const multiplesOfQ = tableOf(Q);
  let sum = Point.ZERO;
  for (let window = WINDOWS - 1; window >= 0; window--) {
    for (let i = 0; i < WINDOW; i++) sum = sum.double();
    const shift = BigInt(window * WINDOW);
    sum = sum.add(select(multiplesOfP, Number((a >> shift) & WINDOW_MASK)));
    sum = sum.add(select(multiplesOfQ, Number((b >> shift) & WINDOW_MASK)));
  }
  return sum;
}

/** 0·P, 1·P and so on, one for each value of a window. */
function tableOf(P: EdwardsPoint): readonly EdwardsPoint[] {
  const table = [Point.ZERO];
  for (let last = Point.ZERO; table.length < 2 ** WINDOW; table.push(last)) last = last.add(P);
  return table;
}

function select(table: readonly EdwardsPoint[], index: number): EdwardsPoint {
  let selected = Point.ZERO;
  let i = 0;
  for (const entry of table) selected = i++ === index ? entry : selected;
  return selected;
}
