// Neither compiled code of its own nor `eval`, and half the time to load.
import { Decoder, Encoder } from "cbor-x/index-no-eval";
import { copyBytes, encodeHex } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { compareKeys, inspectCbor, MAJOR, type CborOddity, type UnusualString } from "./cbor-check.ts";

export type CborValue = number | bigint | string | boolean | null | undefined | Uint8Array | readonly CborValue[] | CborMap;

export type CborMap = ReadonlyMap<CborValue, CborValue>;

export interface CborItem {
  readonly value: CborValue;
  /** What is not canonical in it; nothing where all is. */
  readonly oddities: readonly CborOddity[];
}

// The defaults of cbor-x write maps with long lengths and byte strings with a tag.
const OPTIONS = { useRecords: false, mapsAsObjects: false, tagUint8Array: false, variableMapSize: true } as const;
const encoder = new Encoder(OPTIONS);
const decoder = new Decoder(OPTIONS);

const MAX_ARGUMENT = 2n ** 64n - 1n;

/** cbor-x writes -0 as the integer 0. */
const NEGATIVE_ZERO = Uint8Array.of(0xfb, 0x80, 0, 0, 0, 0, 0, 0, 0);

/** cbor-x takes this from the beginning of text that is longer than so many bytes. */
const BYTE_ORDER_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);
const MAX_UNTOUCHED_LENGTH = 64;

/**
 * Encodes in CTAP2's canonical form. Source: CTAP 2.1 §8.
 *
 * @param value - map entries in any order; entries whose value is undefined are
 *   left out; integers beyond 2^53 as bigint, from -2^64 to 2^64 - 1. Other
 *   numbers are floats, written in 64 bits; surrogates without their other half,
 *   which UTF-8 does not have, become U+FFFD
 * @throws {RangeError} for an integer beyond 64 bits
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const parts: Uint8Array[] = [];
  write(value, parts);
  return new Uint8Array(Buffer.concat(parts));
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
  const { oddities, strings } = inspectCbor(bytes);
  let decoded: unknown;
  try {
    // A view of its own, as cbor-x leaves a property on what it reads.
    decoded = decoder.decode(strings.length === 0 ? bytes.subarray() : rewritten(bytes, strings));
  } catch (error) {
    throw new CtapError("CTAP_CBOR", `CBOR cannot be read: ${error instanceof Error ? error.message : String(error)}`, { kind: "outside", cause: error });
  }
  return { value: plain(decoded), oddities };
}

export function isCborMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

/**
 * Lists and maps are put together here, and cbor-x writes what they hold and
 * how much: on its own it would write some of it otherwise than CTAP2 does.
 *
 * @param parts - what is written is added to them
 */
function write(value: CborValue, parts: Uint8Array[]): void {
  if (isList(value)) {
    parts.push(head(MAJOR.array, value.length));
    for (const item of value) write(item, parts);
  } else if (isCborMap(value)) {
    const entries = [...value].filter(([, entry]) => entry !== undefined).map(([key, entry]) => [encodeCbor(key), entry] as const);
    entries.sort(([a], [b]) => compareKeys(a, b));
    parts.push(head(MAJOR.map, entries.length));
    for (const [key, entry] of entries) {
      parts.push(key);
      write(entry, parts);
    }
  } else parts.push(encodeScalar(value));
}

function encodeScalar(value: Exclude<CborValue, readonly CborValue[] | CborMap>): Uint8Array {
  if (Object.is(value, -0)) return NEGATIVE_ZERO;
  // In short text cbor-x would write lone surrogates as if UTF-8 had them.
  if (typeof value === "string") return encoder.encode(value.replace(/[\ud800-\udfff]/gu, "\ufffd"));
  if (typeof value === "bigint") return value < 0n ? head(MAJOR.negative, -1n - value) : head(MAJOR.unsigned, value);
  if (typeof value === "number" && Number.isSafeInteger(value)) return value < 0 ? head(MAJOR.negative, -1 - value) : head(MAJOR.unsigned, value);
  return encoder.encode(value);
}

/**
 * What an item begins with, which is all of an integer. It is written as that of
 * an unsigned integer, as cbor-x would make a tagged big number of -2^64; what
 * has more than 32 bits, cbor-x writes as a float unless it is a bigint.
 */
function head(major: number, argument: number | bigint): Uint8Array {
  if (typeof argument === "bigint" && argument > MAX_ARGUMENT) throw new RangeError("an integer beyond 64 bits");
  const bytes = encoder.encode(argument < 2 ** 32 ? Number(argument) : BigInt(argument));
  bytes[0] = (bytes[0] ?? 0) | (major << 5);
  return bytes;
}

/** The same item, its strings as cbor-x reads them: in one piece, with a byte order mark for it to take away. */
function rewritten(bytes: Uint8Array, strings: readonly UnusualString[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { major, start, end, chunks } of strings) {
    const content = Buffer.concat(chunks);
    const mark = major === MAJOR.text && content.length > MAX_UNTOUCHED_LENGTH ? BYTE_ORDER_MARK : new Uint8Array();
    parts.push(bytes.subarray(at, start), head(major, mark.length + content.length), mark, content);
    at = end;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

function isList(value: CborValue): value is readonly CborValue[] {
  return Array.isArray(value);
}

/** Of what the decoder gives: copies of byte strings, and nothing that is not a CborValue. */
function plain(value: unknown): CborValue {
  switch (typeof value) {
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case "number":
    case "string":
    case "boolean":
    case "undefined":
      return value;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return copyBytes(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return plainMap(value);
  throw new CtapError("CTAP_CBOR", "CBOR has an item of an unknown type", { kind: "outside" });
}

/** To a Map, byte strings are different keys even where they hold the same bytes. */
function plainMap(map: ReadonlyMap<unknown, unknown>): CborMap {
  const known = new Map<string, CborValue>();
  const result = new Map<CborValue, CborValue>();
  for (const [rawKey, entry] of map) {
    const key = plain(rawKey);
    const name = typeof key === "object" ? encodeHex(encodeCbor(key)) : undefined;
    if (name !== undefined && !known.has(name)) known.set(name, key);
    result.set(name === undefined ? key : known.get(name), plain(entry));
  }
  return result;
}
