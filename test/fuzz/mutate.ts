import type { Random } from "./random.ts";

/** Bytes that mean something in framing, CBOR or text. */
const TELLING = [0x00, 0x01, 0x17, 0x18, 0x19, 0x1b, 0x1f, 0x39, 0x5f, 0x7f, 0x80, 0x81, 0x83, 0x86, 0x90, 0x9f, 0xa1, 0xbb, 0xbf, 0xc0, 0xf5, 0xf8, 0xfb, 0xff, 0x0a, 0x22, 0x2c, 0x7b, 0x7d] as const;

/** How many changes: most of what is read is close to what it was. */
const CHANGES = [0, 1, 1, 1, 1, 2, 2, 3, 8] as const;

/** As long as a mutated input gets: more than the longest message. */
const MAX_LENGTH = 16 * 1024;

/**
 * An input made of others: one of them with up to eight changes, a piece of
 * another put in, or no likeness to any.
 */
export function mutate(random: Random, corpus: readonly [Uint8Array, ...Uint8Array[]]): Uint8Array {
  if (random.below(50) === 0) return noise(random, random.below(200));
  let bytes = Uint8Array.from(random.pick(corpus));
  for (let count = random.pick(CHANGES); count > 0; count--) bytes = change(random, bytes, corpus);
  return bytes.subarray(0, MAX_LENGTH);
}

function change(random: Random, bytes: Uint8Array<ArrayBuffer>, corpus: readonly [Uint8Array, ...Uint8Array[]]): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const length = random.below(Math.min(bytes.length - at, 40) + 1);
  switch (random.below(9)) {
    case 0:
      bytes.set(bytes.length > at ? [(bytes[at] ?? 0) ^ (1 << random.below(8))] : [], at);
      return bytes;
    case 1:
      bytes.set(bytes.length > at ? [random.pick(TELLING)] : [], at);
      return bytes;
    case 2:
      bytes.set(bytes.length > at ? [random.below(256)] : [], at);
      return bytes;
    case 3:
      return spliced(bytes, at, 0, noise(random, 1 + random.below(8)));
    case 4:
      return spliced(bytes, at, length, new Uint8Array());
    case 5:
      return bytes.slice(0, at);
    case 6:
      return spliced(bytes, at, 0, bytes.slice(at, at + length));
    case 7:
      bytes.fill(random.pick(TELLING), at, at + length);
      return bytes;
    default: {
      const other = random.pick(corpus);
      const from = random.below(other.length);
      return spliced(bytes, at, length, other.slice(from, from + random.below(100)));
    }
  }
}

function noise(random: Random, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, () => random.below(256));
}

function spliced(bytes: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(bytes.length - removed + inserted.length);
  joined.set(bytes.subarray(0, at));
  joined.set(inserted, at);
  joined.set(bytes.subarray(at + removed), at + inserted.length);
  return joined;
}
