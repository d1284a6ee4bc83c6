/** Bytes of the head of a DER SEQUENCE, and of all that is in it. Source: X.690 §8.1.3. */
export interface DerSequence {
  readonly headLength: number;
  readonly length: number;
}

/** @returns nothing where the bytes do not begin with a whole SEQUENCE of at most 65535 bytes */
export function readDerSequence(bytes: Uint8Array): DerSequence | undefined {
  const [tag, first, second = 0, third = 0] = bytes;
  if (tag !== 0x30 || first === undefined) return undefined;
  const headLength = first < 0x80 ? 2 : first === 0x81 ? 3 : first === 0x82 ? 4 : undefined;
  if (headLength === undefined) return undefined;
  const length = headLength + (headLength === 2 ? first : headLength === 3 ? second : (second << 8) | third);
  return length <= bytes.length ? { headLength, length } : undefined;
}
