import { encodeCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";

/**
 * CBOR whose strings, lists and maps are all of indefinite length.
 *
 * @param length - of a chunk, in bytes or characters; one chunk of each string is empty
 */
export function encodeIndefinite(value: CborValue, length: number): Uint8Array {
  if (typeof value === "string") return untilBreak(0x7f, [...chunksOf(Array.from(value), length).map((chunk) => chunk.join("")), ""].map(encodeCbor));
  if (value instanceof Uint8Array) return untilBreak(0x5f, [new Uint8Array(), ...chunksOf([...value], length).map((chunk) => Uint8Array.from(chunk))].map(encodeCbor));
  if (value instanceof Map) return untilBreak(0xbf, [...(value as CborMap)].flat().map((item) => encodeIndefinite(item, length)));
  if (Array.isArray(value)) return untilBreak(0x9f, value.map((item: CborValue) => encodeIndefinite(item, length)));
  return encodeCbor(value);
}

function untilBreak(head: number, parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([Uint8Array.of(head), ...parts, Uint8Array.of(0xff)]));
}

function chunksOf<T>(items: readonly T[], length: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, i) => items.slice(i * length, (i + 1) * length));
}
