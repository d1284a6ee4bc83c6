import { COSE_ALGORITHM } from "../../lib/ctap/cose.ts";
import { UsageError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";

/** Those that a credential may be asked to sign by. */
const SIGNING: ReadonlyMap<string, number> = new Map([
  ["es256", COSE_ALGORITHM.es256],
  ["eddsa", COSE_ALGORITHM.eddsa],
  ["es384", COSE_ALGORITHM.es384],
]);

/**
 * The numbers of `--alg`, the best first.
 *
 * @throws {UsageError} USAGE_ALGORITHM
 */
export function algorithmsOption(args: Arguments): readonly number[] {
  const algorithms = args.required("alg").split(",").map((name) => {
    const number = SIGNING.get(name);
    if (number !== undefined) return number;
    throw new UsageError("USAGE_ALGORITHM", `--alg has ${JSON.stringify(name)}, expected ${[...SIGNING.keys()].join(", ")}`, { hint: "several have commas between, the best first" });
  });
  if (new Set(algorithms).size === algorithms.length) return algorithms;
  throw new UsageError("USAGE_ALGORITHM", "--alg names an algorithm twice", { hint: args.usageHint });
}

/** `es256`; of one that has no name here, its number in COSE. */
export function algorithmName(number: number): string {
  return Object.entries(COSE_ALGORITHM).find(([, known]) => known === number)?.[0] ?? String(number);
}
