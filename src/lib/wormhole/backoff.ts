const FIRST_MS = 1000;
const FACTOR = 1.5;
const LONGEST_MS = 60_000;

/**
 * How long to wait before the next try to connect: 1 s × 1.5ⁿ, at most 60 s,
 * and of that a random part from a half to the whole, so that the clients of a
 * server that was restarted do not all come back at once.
 *
 * @param failures - tries that failed since the server last answered
 * @param random - from 0 up to 1
 */
export function backoffMs(failures: number, random: number): number {
  const ms = Math.min(FIRST_MS * FACTOR ** failures, LONGEST_MS);
  return ms * (0.5 + random / 2);
}
