import { argumentOf, type CborNode } from "../../../src/lib/ctap/cbor-node.ts";
import { encodeCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { hex } from "./vectors.ts";

const SIMPLE: readonly CborValue[] = [false, true, null, undefined];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What CBOR means, read without cbor-x, to compare with what `parseCbor` makes of it. */
export function valueOf(node: CborNode): CborValue {
  const { type, head, argument, contents, children } = node;
  switch (type) {
    case "unsigned":
      return integer(BigInt(argumentOf(node)));
    case "negative":
      return integer(-1n - BigInt(argumentOf(node)));
    case "bytes":
      return new Uint8Array(Buffer.concat(contents));
    case "text":
      return contents.map((chunk) => utf8.decode(chunk)).join("");
    case "array":
      return children.map(valueOf);
    case "map":
      return mapOf(children.map(valueOf));
    case "simple":
      return argument.length === 0 ? SIMPLE[((head[0] ?? 0) & 0x1f) - 20] : float(argument);
  }
}

function integer(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

/** Of the same key the last value stays. To a Map, what is no scalar is another key each time. */
function mapOf(items: readonly CborValue[]): CborMap {
  const known = new Map<string, CborValue>();
  const map = new Map<CborValue, CborValue>();
  for (let i = 0; i < items.length; i += 2) {
    const bytes = hex(encodeCbor(items[i]));
    const key = typeof items[i] === "object" && known.has(bytes) ? known.get(bytes) : items[i];
    known.set(bytes, key);
    map.set(key, items[i + 1]);
  }
  return map;
}

/** Of 2, 4 or 8 bytes. */
function float(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length === 8) return view.getFloat64(0);
  if (bytes.length === 4) return view.getFloat32(0);
  const bits = view.getUint16(0);
  const [sign, exponent, fraction] = [bits >> 15 === 0 ? 1 : -1, (bits >> 10) & 0x1f, (bits & 0x3ff) / 1024];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}
