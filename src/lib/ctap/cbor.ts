import { concatBytes } from "../bytes.ts";
import { encodeUtf8, parseUtf8 } from "../text.ts";
import { compareKeys, type CborOddity } from "./cbor-check.ts";
import { argumentOf, readCborNode, type CborNode } from "./cbor-node.ts";

export type CborValue = number | bigint | string | boolean | null | undefined | Uint8Array | readonly CborValue[] | CborMap;

export type CborMap = ReadonlyMap<CborValue, CborValue>;

export interface CborItem {
  readonly value: CborValue;
  /** What is not canonical in it; nothing where all is. */
  readonly oddities: readonly CborOddity[];
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const UNDEFINED = 0xf7;
const FLOAT64 = 0xfb;

/**
 * Encodes in CTAP2's canonical form. Source: CTAP 2.1 §8.
 *
 * @param value - map entries in any order; entries whose value is undefined are
 *   left out; integers beyond 2^53 as bigint, from -2^64 to 2^64 - 1
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const parts: Uint8Array[] = [];
  encode(value, parts);
  return concatBytes(...parts);
}

/** A map from its entries, less those without a value. */
export function cborMap(...entries: readonly (readonly [CborValue, CborValue])[]): CborMap {
  return new Map(entries.filter(([, value]) => value !== undefined));
}

/**
 * Reads exactly one item.
 *
 * @returns byte strings as copies of their own, integers beyond 2^53 as bigint,
 *   of a repeated map key the last value
 * @throws {CtapError} CTAP_CBOR
 */
export function parseCbor(bytes: Uint8Array): CborItem {
  const { node, oddities } = readCborNode(bytes);
  return { value: valueOf(node), oddities };
}

export function isCborMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

function encode(value: CborValue, parts: Uint8Array[]): void {
  switch (typeof value) {
    case "number":
      parts.push(isInteger(value) ? encodeInteger(value) : encodeFloat(value));
      return;
    case "bigint":
      parts.push(encodeInteger(value));
      return;
    case "boolean":
      parts.push(Uint8Array.of(value ? TRUE : FALSE));
      return;
    case "undefined":
      parts.push(Uint8Array.of(UNDEFINED));
      return;
    case "string": {
      const text = encodeUtf8(value);
      parts.push(encodeHead(TEXT, text.length), text);
      return;
    }
  }
  if (value === null) parts.push(Uint8Array.of(NULL));
  else if (value instanceof Uint8Array) parts.push(encodeHead(BYTES, value.length), value);
  else if (isCborMap(value)) encodeMap(value, parts);
  else {
    parts.push(encodeHead(ARRAY, value.length));
    for (const item of value) encode(item, parts);
  }
}

function encodeMap(map: CborMap, parts: Uint8Array[]): void {
  const entries = [...map].filter(([, value]) => value !== undefined).map(([key, value]) => ({ key: encodeCbor(key), value }));
  entries.sort((a, b) => compareKeys(a.key, b.key));
  parts.push(encodeHead(MAP, entries.length));
  for (const { key, value } of entries) {
    parts.push(key);
    encode(value, parts);
  }
}

/** Of those that are read, an integer beyond 2^53 is a bigint: such a number, and -0, is a float. */
function isInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

function encodeInteger(value: number | bigint): Uint8Array {
  if (value >= 0) return encodeHead(UNSIGNED, value);
  return encodeHead(NEGATIVE, Number.isSafeInteger(value) ? -1 - Number(value) : -1n - BigInt(value));
}

/** @throws {RangeError} where the argument needs more than 64 bits */
function encodeHead(major: number, argument: number | bigint): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | Number(argument));
  if (argument < 0x100) return Uint8Array.of(type | 24, Number(argument));
  const head = new Uint8Array(argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9);
  const view = new DataView(head.buffer);
  switch (head.length) {
    case 3:
      view.setUint8(0, type | 25);
      view.setUint16(1, Number(argument));
      return head;
    case 5:
      view.setUint8(0, type | 26);
      view.setUint32(1, Number(argument));
      return head;
  }
  if (argument >= 2 ** 64) throw new RangeError(`${argument} is beyond the integers of CBOR`);
  view.setUint8(0, type | 27);
  view.setBigUint64(1, BigInt(argument));
  return head;
}

function encodeFloat(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = FLOAT64;
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

function valueOf(node: CborNode): CborValue {
  switch (node.type) {
    case "unsigned":
      return narrow(argumentOf(node));
    case "negative":
      return narrow(-1n - BigInt(argumentOf(node)));
    case "bytes":
      return concatBytes(...node.contents);
    case "text":
      return parseUtf8(concatBytes(...node.contents), "CBOR text");
    case "array":
      return node.children.map(valueOf);
    case "map":
      return mapOf(node.children);
    case "simple":
      return simpleValueOf(node);
  }
}

function narrow(value: number | bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function mapOf(children: readonly CborNode[]): CborMap {
  const map = new Map<CborValue, CborValue>();
  let key: CborValue;
  for (const [i, child] of children.entries()) {
    if (i % 2 === 0) key = valueOf(child);
    else map.set(key, valueOf(child));
  }
  return map;
}

function simpleValueOf({ head: [first], argument }: CborNode): CborValue {
  const view = new DataView(argument.buffer, argument.byteOffset, argument.length);
  switch (argument.length) {
    case 2:
      return halfFloat(view.getUint16(0));
    case 4:
      return view.getFloat32(0);
    case 8:
      return view.getFloat64(0);
  }
  if (first === NULL) return null;
  return first === UNDEFINED ? undefined : first === TRUE;
}

/** Source: RFC 8949, appendix D. */
function halfFloat(bits: number): number {
  const sign = bits >> 15 === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
