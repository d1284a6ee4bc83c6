/** A request of CTAP1, its parts over the bytes it was read from. */
export interface Apdu {
  readonly instruction: number;
  readonly p1: number;
  readonly p2: number;
  readonly data: Uint8Array;
}

const HEADER_LENGTH = 4;

/**
 * Reads what comes between header and expected length, short or extended.
 *
 *   class(1) | instruction(1) | P1(1) | P2(1) | [length(1), or 00 and length(2)] | data | [expected length]
 *
 * @returns nothing where the lengths do not fit
 */
export function readApdu(bytes: Uint8Array): Apdu | undefined {
  const [, instruction, p1, p2] = bytes;
  if (instruction === undefined || p1 === undefined || p2 === undefined) return undefined;
  const data = readData(bytes.subarray(HEADER_LENGTH));
  return data === undefined ? undefined : { instruction, p1, p2, data };
}

function readData(rest: Uint8Array): Uint8Array | undefined {
  const [short, high, low] = rest;
  const nothing = rest.subarray(rest.length);
  if (short === undefined || high === undefined) return nothing;
  if (short !== 0) return cut(rest.subarray(1), short, 1);
  if (low === undefined) return undefined;
  // 00 and two more bytes alone are the expected length.
  return rest.length === 3 ? nothing : cut(rest.subarray(3), (high << 8) | low, 2);
}

/** @param expected - bytes that may follow */
function cut(bytes: Uint8Array, length: number, expected: number): Uint8Array | undefined {
  const after = bytes.length - length;
  return after === 0 || after === expected ? bytes.subarray(0, length) : undefined;
}
