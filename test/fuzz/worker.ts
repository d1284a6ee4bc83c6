import { parentPort, workerData } from "node:worker_threads";
import { encodeHex } from "../../src/lib/bytes.ts";
import { KeyholeError } from "../../src/lib/errors.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** What is run; the driver is scripts/fuzz.mjs. */
export interface Job {
  readonly seed: number;
  /** Of each target's inputs one in so many is run. */
  readonly share: number;
  /** Only the target of this name. */
  readonly only: string | undefined;
  /** Only the input of this number. */
  readonly at: number | undefined;
  /** Where the driver sees which input is under way: number of the target, number of the input. */
  readonly progress: Int32Array;
}

const { seed, share, only, at, progress } = workerData as Job;

for (const [number, target] of TARGETS.entries()) {
  if (only !== undefined && target.name !== only) continue;
  const first = at ?? 0;
  const end = at === undefined ? Math.ceil(target.count / share) : at + 1;
  progress[0] = number;
  const begin = performance.now();
  let refused = 0;
  let slowestMs = 0;
  let failure: { readonly at: number; readonly reason: string } | undefined;
  for (let i = first; i < end && failure === undefined; i++) {
    progress[1] = i;
    const input = (target.mutate ?? mutate)(new Random(seed, number, i), target.corpus);
    const inputBegin = performance.now();
    try {
      target.run(input);
    } catch (error) {
      if (error instanceof KeyholeError) refused += 1;
      else failure = { at: i, reason: describe(target, i, input, error) };
    }
    slowestMs = Math.max(slowestMs, performance.now() - inputBegin);
  }
  parentPort?.postMessage({ name: target.name, count: end - first, refused, seconds: (performance.now() - begin) / 1000, slowestMs, failure });
}

function describe({ name }: Target, i: number, input: Uint8Array, error: unknown): string {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${name}, input ${i}: ${encodeHex(input)}\n${reason}`;
}
