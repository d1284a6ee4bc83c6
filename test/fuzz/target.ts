import { KeyholeError } from "../../src/lib/errors.ts";
import type { Corpus } from "./corpus.ts";
import type { Random } from "./random.ts";

/** A parser that is given mutated inputs. */
export interface Target {
  readonly name: string;
  /** How many inputs in a whole run. */
  readonly count: number;
  readonly corpus: Corpus;
  /** How an input is made of others; where nothing is said, byte by byte. */
  readonly mutate?: (random: Random, corpus: Corpus) => Uint8Array;
  /** @throws whatever is not a `KeyholeError` is a finding */
  readonly run: (input: Uint8Array) => void;
}

export function expectRefusal(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
  }
}
