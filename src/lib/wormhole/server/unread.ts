/** A connection that has been sent more than it has read. */
export interface Reader {
  /** Bytes that wait to be read. */
  readonly unread: number;
  drop(): void;
}

/** Keeps what all clients together have not read within bounds, by dropping those who hold most of it. */
export class Unread {
  readonly #max: number;
  readonly #readers = new Map<Reader, number>();
  #total = 0;

  /** @param max - in bytes */
  constructor(max: number) {
    this.#max = max;
  }

  /** A reader has more or less to read than the last time. */
  update(reader: Reader): void {
    this.#measure(reader);
    if (this.#total <= this.#max) return;
    // Some have read meanwhile without saying so.
    for (const other of [...this.#readers.keys()]) this.#measure(other);
    for (const [other] of [...this.#readers].sort(([, a], [, b]) => b - a)) {
      if (this.#total <= this.#max) return;
      other.drop();
      this.remove(other);
    }
  }

  remove(reader: Reader): void {
    this.#total -= this.#readers.get(reader) ?? 0;
    this.#readers.delete(reader);
  }

  #measure(reader: Reader): void {
    const { unread } = reader;
    this.remove(reader);
    if (unread === 0) return;
    this.#readers.set(reader, unread);
    this.#total += unread;
  }
}
