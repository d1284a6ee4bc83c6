import { concatBytes, copyBytes } from "../lib/bytes.ts";

const NEWLINE = 0x0a;

/**
 * Cuts a stream into runs of whole lines, as they come. Of a line longer than
 * `maxLength` it keeps that many bytes and one more, so that the reader sees
 * that it is too long, and drops the others.
 */
export class LineCutter {
  readonly #maxLength: number;
  #rest: Uint8Array = new Uint8Array();
  #isDropping = false;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** @returns the lines that are whole now, with their newlines; perhaps none */
  push(chunk: Uint8Array): Uint8Array {
    const whole: Uint8Array[] = [];
    for (let start = 0; start < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline < 0 ? chunk.length : newline + 1;
      this.#keep(chunk.subarray(start, end), newline >= 0);
      start = end;
      if (newline < 0) break;
      whole.push(this.#rest);
      this.#rest = new Uint8Array();
      this.#isDropping = false;
      // The lines that follow within one chunk are seldom too long to go as they are.
      const last = chunk.lastIndexOf(NEWLINE) + 1;
      if (last - start > this.#maxLength) continue;
      whole.push(chunk.subarray(start, last));
      start = last;
    }
    return concatBytes(...whole);
  }

  /** @returns the last line, if it has no newline */
  end(): Uint8Array {
    return this.#rest;
  }

  #keep(part: Uint8Array, isLast: boolean): void {
    if (this.#isDropping) {
      if (isLast) this.#rest = concatBytes(this.#rest, Uint8Array.of(NEWLINE));
      return;
    }
    const length = this.#rest.length + part.length;
    const limit = this.#maxLength + 1;
    if (length <= limit + (isLast ? 1 : 0)) {
      this.#rest = this.#rest.length === 0 ? copyBytes(part) : concatBytes(this.#rest, part);
      return;
    }
    const kept = concatBytes(this.#rest, part.subarray(0, limit - this.#rest.length));
    this.#rest = isLast ? concatBytes(kept, Uint8Array.of(NEWLINE)) : kept;
    this.#isDropping = true;
  }
}
