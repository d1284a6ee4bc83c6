import type { Random } from "../random.ts";

/** What a program that listens or connects is given over real sockets. */
export interface LiveTarget {
  readonly name: string;
  /** Malformed frames in a whole run, at least. */
  readonly count: number;
  /** @throws whatever it throws is a finding */
  readonly run: (options: LiveOptions) => Promise<LiveResult>;
}

export interface LiveOptions {
  readonly seed: number;
  readonly count: number;
}

export interface LiveResult {
  /** Malformed frames that were read at the other end. */
  readonly count: number;
  readonly slowestMs: number;
  /** What else is to be told, in a few words. */
  readonly detail: string;
}

/** Longer than anything takes that should end, on a machine with much else to do. */
export const HANG_MS = 20_000;

/** @throws {Error} where it takes longer */
export async function within<T>(what: string, promise: Promise<T>, timeoutMs = HANG_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${what} has no end after ${timeoutMs / 1000} s`)), timeoutMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Memory after a collection, in bytes. */
export interface Memory {
  readonly heap: number;
  readonly resident: number;
}

/** What may stay behind: compiled code, pools, and what a table of the size it has by then takes. */
const MAX_HEAP_GROWTH = 16 * 2 ** 20;
const MAX_RESIDENT_GROWTH = 96 * 2 ** 20;

/** Needs a process that was started with --expose-gc. */
export function measureMemory(): Memory {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

/** @throws {Error} where there is more at the end than after the warm-up */
export function compareMemory(before: Memory, after: Memory): string {
  const heap = after.heap - before.heap;
  const resident = after.resident - before.resident;
  const detail = `heap ${megabytes(before.heap)} MB after the first fifth and ${megabytes(after.heap)} at the end, resident ${megabytes(before.resident)} and ${megabytes(after.resident)}`;
  if (heap > MAX_HEAP_GROWTH || resident > MAX_RESIDENT_GROWTH) throw new Error(`memory leaks: ${detail}`);
  return detail;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

export function isOneIn(random: Random, count: number): boolean {
  return random.below(count) === 0;
}
