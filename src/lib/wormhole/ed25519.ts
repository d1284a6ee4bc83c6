import { bytesOfHex, hexOf } from "./hex.ts";

// Points of Ed25519's curve, for a program that multiplies two of them and ends:
// @noble/curves is made for many, and takes twice as long for the first ones.
// Source: RFC 8032 §5.1.

/** The order of the field. */
const P = 2n ** 255n - 19n;

/** The order of the prime-order subgroup, which the base point generates. */
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The curve is -x² + y² = 1 + d·x²·y². */
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n;
const TWO_D = (2n * D) % P;
const SQRT_MINUS_1 = 0x2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0n;

export const SCALAR_LENGTH = 32;
export const POINT_LENGTH = 32;

/** In an encoded point the topmost bit is the lowest one of x, and the others are y. */
const SIGN = 2n ** 255n;

/** The number that one or more bytes, little-endian, stand for; it may be the order or more. */
export function parseScalar(bytes: Uint8Array): bigint {
  return BigInt(`0x${hexOf(bytes.toReversed())}`);
}

/** @param scalar - below 2^256 */
export function encodeScalar(scalar: bigint): Uint8Array {
  return bytesOfHex(scalar.toString(16).padStart(2 * SCALAR_LENGTH, "0")).reverse();
}

export function modOrder(scalar: bigint): bigint {
  return modulo(scalar, ORDER);
}

/** Not below zero. Within a formula that does not matter, and there `%` does. */
function modulo(value: bigint, order: bigint): bigint {
  const rest = value % order;
  return rest < 0n ? rest + order : rest;
}

/** Bits of a scalar that are looked up at a time. */
const WINDOW = 4;

/** What is added to a point, with what depends on it alone worked out. */
interface Addend {
  /** y - x, y + x, 2·z and 2·d·t. */
  readonly minus: bigint;
  readonly plus: bigint;
  readonly z2: bigint;
  readonly t2d: bigint;
}

/** 0·P, 1·P and so on, one for each value of a window. */
type Multiples = readonly [Addend, ...(readonly Addend[])];

/**
 * A point in extended coordinates: x/z and y/z, and x·y = t·z. A coordinate may
 * be negative, and is not the only one for its point.
 */
export class EdwardsPoint {
  readonly #x: bigint;
  readonly #y: bigint;
  readonly #z: bigint;
  readonly #t: bigint;
  #multiples: Multiples | undefined;

  private constructor(x: bigint, y: bigint, z: bigint, t: bigint) {
    this.#x = x;
    this.#y = y;
    this.#z = z;
    this.#t = t;
  }

  /** A point by its coordinates, which are not checked. */
  static at(x: bigint, y: bigint): EdwardsPoint {
    return new EdwardsPoint(x, y, 1n, (x * y) % P);
  }

  /** This point 2^times times. */
  double(times: number): EdwardsPoint {
    let x = this.#x;
    let y = this.#y;
    let z = this.#z;
    let t = this.#t;
    for (let left = times; left > 0; left--) {
      const a = (x * x) % P;
      const b = (y * y) % P;
      const h = a + b;
      const e = h - (((x + y) * (x + y)) % P);
      const g = a - b;
      const f = 2n * ((z * z) % P) + g;
      x = (e * f) % P;
      y = (g * h) % P;
      z = (f * g) % P;
      // A further doubling does without it.
      if (left === 1) t = (e * h) % P;
    }
    return new EdwardsPoint(x, y, z, t);
  }

  add({ minus, plus, z2, t2d }: Addend): EdwardsPoint {
    const a = ((this.#y - this.#x) * minus) % P;
    const b = ((this.#y + this.#x) * plus) % P;
    const c = (this.#t * t2d) % P;
    const d = (this.#z * z2) % P;
    const e = b - a;
    const f = d - c;
    const g = d + c;
    const h = b + a;
    return new EdwardsPoint((e * f) % P, (g * h) % P, (f * g) % P, (e * h) % P);
  }

  /** Worked out once, as two multiplications of a point follow each other. */
  get multiples(): Multiples {
    return (this.#multiples ??= this.#multiply());
  }

  #multiply(): Multiples {
    const own = this.#addend();
    const multiples: [Addend, ...Addend[]] = [ZERO.#addend()];
    for (let last = ZERO.add(own); multiples.length < 2 ** WINDOW; last = last.add(own)) multiples.push(last.#addend());
    return multiples;
  }

  #addend(): Addend {
    return { minus: this.#y - this.#x, plus: this.#y + this.#x, z2: 2n * this.#z, t2d: (this.#t * TWO_D) % P };
  }

  isZero(): boolean {
    return this.#x % P === 0n && (this.#y - this.#z) % P === 0n;
  }

  toBytes(): Uint8Array {
    const inverse = invert(this.#z);
    const x = modulo(this.#x * inverse, P);
    const y = modulo(this.#y * inverse, P);
    return encodeScalar((x & 1n) === 1n ? y | SIGN : y);
  }
}

const ZERO = EdwardsPoint.at(0n, 1n);

export const BASE = EdwardsPoint.at(
  0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51an,
  0x6666666666666666666666666666666666666666666666666666666666666658n,
);

/**
 * Takes the one encoding of each point of the prime-order subgroup but the
 * identity: what a peer sends in that group, and nothing that would tell
 * something about our scalar.
 *
 * @returns nothing for any other bytes
 */
export function parsePrimeOrderPoint(bytes: Uint8Array): EdwardsPoint | undefined {
  if (bytes.length !== POINT_LENGTH) return undefined;
  const encoded = parseScalar(bytes);
  const y = encoded % SIGN;
  const x = y < P ? findX(y, encoded >= SIGN) : undefined;
  if (x === undefined) return undefined;
  const point = EdwardsPoint.at(x, y);
  return !point.isZero() && multiplyByOrder(point).isZero() ? point : undefined;
}

/** @returns nothing where the curve has no such point. Source: RFC 8032 §5.1.3 */
function findX(y: bigint, isOdd: boolean): bigint | undefined {
  const u = y * y - 1n;
  const v = (((D * y) % P) * y + 1n) % P;
  const v3 = (((v * v) % P) * v) % P;
  const root = (((u * v3) % P) * powerForRoots((((u * v3) % P) * ((v3 * v) % P)) % P)) % P;
  const square = v * root * root;
  const x = (square - u) % P === 0n ? modulo(root, P) : (square + u) % P === 0n ? modulo(root * SQRT_MINUS_1, P) : undefined;
  if (x === undefined || (x & 1n) === (isOdd ? 1n : 0n)) return x;
  return x === 0n ? undefined : P - x;
}

function invert(value: bigint): bigint {
  // To the power of p - 2 = 8·(2^252 - 3) + 3.
  return (squareTimes(powerForRoots(value), 3) * ((value * value) % P) * value) % P;
}

/** To the power of (p - 5)/8 = 2^252 - 3, by powers of which all bits are ones. */
function powerForRoots(value: bigint): bigint {
  const ones2 = (squareTimes(value, 1) * value) % P;
  const ones4 = (squareTimes(ones2, 2) * ones2) % P;
  const ones5 = (squareTimes(ones4, 1) * value) % P;
  const ones10 = (squareTimes(ones5, 5) * ones5) % P;
  const ones20 = (squareTimes(ones10, 10) * ones10) % P;
  const ones40 = (squareTimes(ones20, 20) * ones20) % P;
  const ones50 = (squareTimes(ones40, 10) * ones10) % P;
  const ones100 = (squareTimes(ones50, 50) * ones50) % P;
  const ones200 = (squareTimes(ones100, 100) * ones100) % P;
  const ones250 = (squareTimes(ones200, 50) * ones50) % P;
  return (squareTimes(ones250, 2) * value) % P;
}

function squareTimes(value: bigint, times: number): bigint {
  let power = value;
  for (let left = times; left > 0; left--) power = (power * power) % P;
  return power;
}

/** Everybody knows the order, so that zeros need no work. */
function multiplyByOrder({ multiples }: EdwardsPoint): EdwardsPoint {
  return digitsOf(ORDER).reduce((sum, digit) => {
    const shifted = sum.double(WINDOW);
    const multiple = multiples[digit];
    return digit === 0 || multiple === undefined ? shifted : shifted.add(multiple);
  }, ZERO);
}

/**
 * a·P + b·Q. The doublings are shared, which saves a third of two separate
 * multiplications, and a table of the base point that only pays off over many.
 *
 * How many points are added and doubled does not depend on the scalars, and a
 * table entry is chosen by going through all of them. Which numbers BigInt then
 * reads, and how long it takes over them, may.
 *
 * @param a - secret, 0 to the order less one; so is `b`
 */
export function addMultiples(a: bigint, P: EdwardsPoint, b: bigint, Q: EdwardsPoint): EdwardsPoint {
  const digitsOfB = digitsOf(b);
  return digitsOf(a).reduce((sum, digit, i) => sum.double(WINDOW).add(select(P.multiples, digit)).add(select(Q.multiples, digitsOfB[i] ?? 0)), ZERO);
}

/** Of a scalar, the highest first. */
function digitsOf(scalar: bigint): readonly number[] {
  return Array.from(scalar.toString(16).padStart(2 * SCALAR_LENGTH, "0"), (digit) => parseInt(digit, 16));
}

function select(multiples: Multiples, index: number): Addend {
  let [selected] = multiples;
  let i = 0;
  for (const multiple of multiples) selected = i++ === index ? multiple : selected;
  return selected;
}
