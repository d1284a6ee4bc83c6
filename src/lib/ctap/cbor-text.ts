import { encodeHex } from "../bytes.ts";
import { encodeJsonLine } from "../text.ts";
import { isCborMap, type CborMap, type CborValue } from "./cbor.ts";
import { encodeUnpaddedBase64url } from "./unpadded-base64url.ts";

/**
 * CBOR in diagnostic notation, on one line and safe to show in a terminal:
 * `{1: ["FIDO_2_0"], 3: h'00ff'}`. Source: RFC 8949 §8.
 */
export function formatCbor(value: CborValue): string {
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "string") return encodeJsonLine(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Uint8Array) return `h'${encodeHex(value)}'`;
  if (isCborMap(value)) return `{${[...value].map(([key, entry]) => `${formatCbor(key)}: ${formatCbor(entry)}`).join(", ")}}`;
  return `[${value.map(formatCbor).join(", ")}]`;
}

/**
 * CBOR as JSON: byte strings as base64url without padding, maps as objects
 * whose integer keys are decimal digits. Integers beyond 2^53 and numbers that
 * JSON does not have become strings; undefined becomes null.
 */
export function cborToJson(value: CborValue): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : formatNumber(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value ?? null;
  if (value instanceof Uint8Array) return encodeUnpaddedBase64url(value);
  return isCborMap(value) ? mapToJson(value) : value.map(cborToJson);
}

function mapToJson(map: CborMap): unknown {
  const entries = new Map<string, unknown>();
  for (const [key, value] of map) {
    const name = typeof key === "string" ? key : formatCbor(key);
    // 1 and "1" are different keys.
    entries.set(entries.has(name) ? uniqueName(entries, formatCbor(key)) : name, cborToJson(value));
  }
  return Object.fromEntries(entries);
}

function uniqueName(entries: ReadonlyMap<string, unknown>, name: string): string {
  let unique = name;
  while (entries.has(unique)) unique += "'";
  return unique;
}

function formatNumber(value: number): string {
  return Object.is(value, -0) ? "-0.0" : String(value);
}
