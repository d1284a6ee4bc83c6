// Neither compiled code of its own nor `eval`, and half the time to load.
import { Decoder, Encoder } from "cbor-x/index-no-eval";
import { copyBytes, encodeHex } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { checkCbor, compareKeys, type CborOddity } from "./cbor-check.ts";

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

/**
 * Encodes in CTAP2's canonical form. Source: CTAP 2.1 §8.
 *
 * @param value - map entries in any order; entries whose value is undefined are
 *   left out; integers beyond 2^53 as bigint, from 1 - 2^64 to 2^64 - 1
 */
export function encodeCbor(value: CborValue): Uint8Array {
  return new Uint8Array(encoder.encode(canonical(value)));
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
 * @throws {CtapError} CTAP_CBOR; also for a byte string or text of indefinite length
 */
export function parseCbor(bytes: Uint8Array): CborItem {
  const oddities = checkCbor(bytes);
  let decoded: unknown;
  try {
    // A view of its own, as cbor-x leaves a property on what it reads.
    decoded = decoder.decode(bytes.subarray());
  } catch (error) {
    throw new CtapError("CTAP_CBOR", `CBOR cannot be read: ${error instanceof Error ? error.message : String(error)}`, { kind: "outside", cause: error });
  }
  return { value: plain(decoded), oddities };
}

export function isCborMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

/** What the encoder makes canonical bytes of. */
function canonical(value: CborValue): unknown {
  // cbor-x writes an integer of more than 32 bits as a float, unless it is a bigint.
  if (typeof value === "number" && Number.isSafeInteger(value) && (value >= 2 ** 32 || value < -(2 ** 32))) return BigInt(value);
  if (isList(value)) return value.map(canonical);
  if (!isCborMap(value)) return value;
  const entries = [...value].filter(([, entry]) => entry !== undefined).map(([key, entry]) => ({ key: canonical(key), bytes: encodeCbor(key), entry: canonical(entry) }));
  entries.sort((a, b) => compareKeys(a.bytes, b.bytes));
  return new Map(entries.map(({ key, entry }) => [key, entry]));
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
