/** How long a number is not given again after it was in use: an old code, typed late, must meet nobody. */
export const REST_MS = 24 * 60 * 60 * 1000;

/** Numbers of one to three digits, which are given first. */
export const SHORT_RANGES: readonly Range[] = [
  { from: 1, to: 9 },
  { from: 10, to: 99 },
  { from: 100, to: 999 },
];
/** Where all of those are taken. */
export const LONG_RANGE: Range = { from: 1000, to: 999_999 };

/** Both ends included. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The number that a nameplate stands for, if `allocate` could give it. */
export function numberOf(nameplate: string): number | undefined {
  return /^[1-9][0-9]{0,5}$/.test(nameplate) ? Number(nameplate) : undefined;
}

/** The numbers of a range that are not taken. */
export function freeNumbers({ from, to }: Range, taken: ReadonlySet<number>): readonly number[] {
  const free: number[] = [];
  for (let number = from; number <= to; number++) if (!taken.has(number)) free.push(number);
  return free;
}

/** @param random - an integer from 0 up to, not including, its argument */
export function candidates(count: number, { from, to }: Range, random: (below: number) => number): readonly number[] {
  const numbers = new Set<number>();
  for (let i = 0; i < count; i++) numbers.add(from + random(to - from + 1));
  return [...numbers];
}
