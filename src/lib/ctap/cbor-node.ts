import { checkCbor, type CborOddity } from "./cbor-check.ts";

/** One CBOR item, over the bytes it was read from, so that they can be changed in place. */
export interface CborNode {
  readonly type: "unsigned" | "negative" | "bytes" | "text" | "array" | "map" | "simple";
  /** The first byte. */
  readonly head: Uint8Array;
  /** The number that follows the head; nothing where the head holds it. */
  readonly argument: Uint8Array;
  /** What a byte string or text holds; several chunks where its length is indefinite. */
  readonly contents: readonly Uint8Array[];
  /** Of an array its items; of a map keys and values by turns. */
  readonly children: readonly CborNode[];
}

const TYPES = ["unsigned", "negative", "bytes", "text", "array", "map", "tag", "simple"] as const;

const NOTHING: readonly never[] = [];
const INDEFINITE = 31;
const BREAK = 0xff;

/**
 * @param bytes - exactly one item
 * @throws {CtapError} CTAP_CBOR
 */
export function readCborNode(bytes: Uint8Array): { readonly node: CborNode; readonly oddities: readonly CborOddity[] } {
  const oddities = checkCbor(bytes);
  return { node: new Reader(bytes).node(), oddities };
}

/** The number in a node's head or after it: of an unsigned integer its value. */
export function argumentOf({ head: [first = 0], argument }: CborNode): number | bigint {
  if (argument.length === 0) return first & 0x1f;
  if (argument.length === 8) return new DataView(argument.buffer, argument.byteOffset, 8).getBigUint64(0);
  return argument.reduce((value, byte) => value * 256 + byte, 0);
}

/** Reads what was checked before. */
class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  node(): CborNode {
    const head = this.#take(1);
    const [first = 0] = head;
    const type = TYPES[first >> 5] ?? "simple";
    const info = first & 0x1f;
    if (type === "tag") throw new RangeError("a tag in checked CBOR");
    if (info === INDEFINITE) return this.#untilBreak(type, head);
    const argument = this.#take(info < 24 ? 0 : 2 ** (info - 24));
    const count = argument.length === 0 ? info : argument.reduce((value, byte) => value * 256 + byte, 0);
    switch (type) {
      case "bytes":
      case "text":
        return { type, head, argument, contents: [this.#take(count)], children: NOTHING };
      case "array":
        return { type, head, argument, contents: NOTHING, children: this.#nodes(count) };
      case "map":
        return { type, head, argument, contents: NOTHING, children: this.#nodes(2 * count) };
      default:
        return { type, head, argument, contents: NOTHING, children: NOTHING };
    }
  }

  #nodes(count: number): readonly CborNode[] {
    const nodes: CborNode[] = [];
    for (let i = 0; i < count; i++) nodes.push(this.node());
    return nodes;
  }

  #untilBreak(type: CborNode["type"], head: Uint8Array): CborNode {
    const children: CborNode[] = [];
    while (this.#bytes[this.#offset] !== BREAK) children.push(this.node());
    this.#offset += 1;
    const isString = type === "bytes" || type === "text";
    return { type, head, argument: this.#take(0), contents: isString ? children.flatMap(({ contents }) => contents) : NOTHING, children: isString ? NOTHING : children };
  }

  #take(length: number): Uint8Array {
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}
