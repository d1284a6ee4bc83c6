import { CtapError } from "../errors.ts";

/** Where a CBOR item is readable and yet not in the canonical form of CTAP2. */
export interface CborOddity {
  /** Bytes before it. */
  readonly offset: number;
  readonly message: string;
}

/** A string of indefinite length, or text that begins with a byte order mark. */
export interface UnusualString {
  readonly major: number;
  /** Bytes before it, its head included. */
  readonly start: number;
  /** Where the item after it begins. */
  readonly end: number;
  /** What it holds; in one piece where its length is definite. */
  readonly chunks: readonly Uint8Array[];
}

/** More than any message of CTAP2 nests, and far less than would fill the stack. */
const MAX_READABLE_DEPTH = 16;

/** Source: CTAP 2.1 §8, "Message Encoding". */
const MAX_CANONICAL_DEPTH = 4;

/** The first 3 bits of an item. Source: RFC 8949 §3.1. */
export const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const;

const INDEFINITE = 31;
const BREAK = 0xff;

/** U+FEFF in UTF-8. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Checks that bytes are exactly one CBOR item and finds all that is not
 * canonical in it. Sources: RFC 8949 §3; CTAP 2.1 §8, "CTAP2 canonical CBOR
 * encoding form".
 *
 * @throws {CtapError} CTAP_CBOR where it is not CBOR, or has a tag, which
 *   CTAP2 does not allow
 */
export function checkCbor(bytes: Uint8Array): readonly CborOddity[] {
  return inspectCbor(bytes).oddities;
}

/**
 * As `checkCbor`, and finds the strings that need care to be read, in order.
 *
 * @throws {CtapError} CTAP_CBOR
 */
export function inspectCbor(bytes: Uint8Array): { readonly oddities: readonly CborOddity[]; readonly strings: readonly UnusualString[] } {
  const checker = new Checker(bytes);
  checker.item(0);
  checker.end();
  return checker;
}

/**
 * @param bytes - begin with an item, which more may follow
 * @returns the item's length in bytes
 * @throws {CtapError} CTAP_CBOR
 */
export function cborLength(bytes: Uint8Array): number {
  const checker = new Checker(bytes);
  checker.item(0);
  return checker.offset;
}

interface Head {
  readonly major: number;
  /** The number in the head, or nothing where the length is indefinite. */
  readonly argument: number | bigint | undefined;
  readonly info: number;
}

class Checker {
  readonly oddities: CborOddity[] = [];
  readonly strings: UnusualString[] = [];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** @param depth - of arrays and maps around it */
  item(depth: number): void {
    const start = this.#offset;
    const { major, argument, info } = this.#head();
    switch (major) {
      case MAJOR.bytes:
      case MAJOR.text:
        this.#string(major, argument, start);
        return;
      case MAJOR.array:
      case MAJOR.map:
        this.#checkDepth(depth + 1, start);
        if (argument === undefined) this.#odd(start, `${major === MAJOR.map ? "map" : "array"} of indefinite length`);
        if (major === MAJOR.map) this.#entries(argument, depth + 1);
        else this.#elements(argument, depth + 1);
        return;
      case MAJOR.tag:
        throw malformed(start, `tag ${argument ?? ""}, which CTAP2 does not allow`);
      case MAJOR.simple:
        if (argument === undefined) throw malformed(start, "break without a beginning");
        if (info === 24 && argument < 32) throw malformed(start, `simple value ${argument} in 2 bytes`);
        if (info <= 24 && (argument < 20 || argument > 23)) throw malformed(start, `simple value ${argument}, which has no meaning`);
        if (info === 23) this.#odd(start, "undefined, for which CTAP2 has no use");
        return;
    }
  }

  /** @throws {CtapError} CTAP_CBOR where bytes follow */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw malformed(this.#offset, `${left} ${left === 1 ? "byte" : "bytes"} after the end`);
  }

  #head(): Head {
    const start = this.#offset;
    const first = this.#bytes[start];
    if (first === undefined) throw truncated(start);
    const major = first >> 5;
    const info = first & 0x1f;
    this.#offset += 1;
    if (info < 24) return { major, argument: info, info };
    if (info === INDEFINITE && (major >= MAJOR.bytes && major <= MAJOR.map || major === MAJOR.simple)) return { major, argument: undefined, info };
    if (info > 27) throw malformed(start, `byte 0x${first.toString(16)}, which begins nothing`);
    const argument = this.#number(2 ** (info - 24));
    if (major !== MAJOR.simple && isLongForm(argument, info)) this.#odd(start, `number ${argument} in ${1 + 2 ** (info - 24)} bytes`);
    return { major, argument, info };
  }

  #number(length: number): number | bigint {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw truncated(this.#bytes.length);
    this.#offset += length;
    switch (length) {
      case 1:
        return this.#view.getUint8(start);
      case 2:
        return this.#view.getUint16(start);
      case 4:
        return this.#view.getUint32(start);
      default:
        return this.#view.getBigUint64(start);
    }
  }

  #string(major: number, length: number | bigint | undefined, start: number): void {
    const chunks = length === undefined ? this.#chunks(major, start) : [this.#content(major, length)];
    const isMarked = major === MAJOR.text && BYTE_ORDER_MARK.every((byte, i) => chunks[0]?.[i] === byte);
    if (length === undefined || isMarked) this.strings.push({ major, start, end: this.#offset, chunks });
  }

  /** Each chunk of text is text itself: no character is split. Source: RFC 8949 §3.2.3. */
  #chunks(major: number, start: number): readonly Uint8Array[] {
    this.#odd(start, `${major === MAJOR.text ? "text" : "byte string"} of indefinite length`);
    const chunks: Uint8Array[] = [];
    while (!this.#isBreak()) {
      const chunk = this.#offset;
      const head = this.#head();
      if (head.major !== major || head.argument === undefined) throw malformed(chunk, "a chunk of another type");
      const content = this.#content(major, head.argument);
      if (content.length > 0) chunks.push(content);
    }
    return chunks;
  }

  #content(major: number, length: number | bigint): Uint8Array {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw truncated(this.#bytes.length);
    this.#offset += Number(length);
    const content = this.#bytes.subarray(start, this.#offset);
    if (major === MAJOR.text && !isUtf8(content)) throw malformed(start, "text that is not UTF-8");
    return content;
  }

  #elements(count: number | bigint | undefined, depth: number): void {
    for (let i = 0; count === undefined ? !this.#isBreak() : i < count; i++) this.item(depth);
  }

  #entries(count: number | bigint | undefined, depth: number): void {
    const seen = new Set<string>();
    let before: Uint8Array | undefined;
    for (let i = 0; count === undefined ? !this.#isBreak() : i < count; i++) {
      const start = this.#offset;
      this.item(depth);
      const key = this.#bytes.subarray(start, this.#offset);
      const text = key.join();
      if (seen.has(text)) this.#odd(start, "the same map key again");
      else if (before !== undefined && compareKeys(before, key) > 0) this.#odd(start, "map key out of order");
      seen.add(text);
      before = key;
      this.item(depth);
    }
  }

  #isBreak(): boolean {
    if (this.#bytes[this.#offset] !== BREAK) return false;
    this.#offset += 1;
    return true;
  }

  #checkDepth(depth: number, start: number): void {
    if (depth > MAX_READABLE_DEPTH) throw malformed(start, `more than ${MAX_READABLE_DEPTH} arrays and maps within each other`);
    if (depth === MAX_CANONICAL_DEPTH + 1) this.#odd(start, `more than ${MAX_CANONICAL_DEPTH} arrays and maps within each other`);
  }

  #odd(offset: number, message: string): void {
    this.oddities.push({ offset, message });
  }
}

/**
 * The order of map keys: by major type, then by length, then by bytes.
 *
 * @param a - a key as it is encoded
 * @returns less than 0 where `a` comes first
 */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const major = ((a[0] ?? 0) >> 5) - ((b[0] ?? 0) >> 5);
  if (major !== 0) return major;
  if (a.length !== b.length) return a.length - b.length;
  const i = a.findIndex((byte, at) => byte !== b[at]);
  return i < 0 ? 0 : (a[i] ?? 0) - (b[i] ?? 0);
}

/** The least argument that needs each length: 1, 2, 4 and 8 bytes. */
const LEAST = [24, 0x100, 0x1_0000, 0x1_0000_0000];

function isLongForm(argument: number | bigint, info: number): boolean {
  return argument < (LEAST[info - 24] ?? 0);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function truncated(offset: number): CtapError {
  return malformed(offset, "the end, before the item is whole");
}

function malformed(offset: number, found: string): CtapError {
  return new CtapError("CTAP_CBOR", `CBOR has ${found}, at byte ${offset}`, { kind: "outside" });
}
