/** Milliseconds from some point in the past. Node loads its `performance` when that is first used, in a millisecond. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
