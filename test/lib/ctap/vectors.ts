import { readFileSync } from "node:fs";
import type { CborValue } from "../../../src/lib/ctap/cbor.ts";

/** @param name - of a file in test/vectors/ctap, without .json */
export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(`test/vectors/ctap/${name}.json`, "utf8"));
}

export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** CBOR as the vectors write it: `{"$map": [[key, value], …]}`, `{"$hex": "…"}` and `{"$bigint": "…"}`. */
export type JsonCbor = number | string | boolean | null | readonly JsonCbor[] | { readonly $map: readonly (readonly [JsonCbor, JsonCbor])[] } | { readonly $hex: string } | { readonly $bigint: string };

export function fromJson(value: JsonCbor): CborValue {
  if (value === null || typeof value !== "object") return value;
  if (isList(value)) return value.map(fromJson);
  if ("$hex" in value) return bytes(value.$hex);
  if ("$bigint" in value) return BigInt(value.$bigint);
  return new Map(value.$map.map(([key, entry]) => [fromJson(key), fromJson(entry)]));
}

function isList(value: JsonCbor): value is readonly JsonCbor[] {
  return Array.isArray(value);
}
