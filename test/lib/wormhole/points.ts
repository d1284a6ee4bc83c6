import { ed25519 } from "@noble/curves/ed25519.js";
import { fromHex } from "../../support/wormhole-vectors.ts";

// Points that a broken or hostile peer may send.

const Point = ed25519.Point;
const ORDER_8 = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");

/** One of the eight points whose order divides 8; 0 is the identity. */
export function torsion(i: number) {
  return ORDER_8.multiplyUnsafe(BigInt(i));
}

/** All encodings of those: the canonical ones, and those that a decoder may take for the same. */
export const SMALL_ORDER: readonly Uint8Array[] = [
  ...Array.from({ length: 8 }, (_, i) => torsion(i).toBytes()),
  // The identity and y = -1 with a sign that x = 0 does not have.
  "0100000000000000000000000000000000000000000000000000000000000080",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  // y = p and y = p + 1, which are 0 and 1.
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
].map((point) => (typeof point === "string" ? fromHex(point) : point));
