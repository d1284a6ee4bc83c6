export const PROBE_STEPS = ["enumerate", "permission", "open", "init", "ping", "wink", "get-info", "pin-retries", "u2f-version"] as const;

export type ProbeStepName = (typeof PROBE_STEPS)[number];

export interface ProbeStep {
  readonly name: ProbeStepName;
  readonly state: "ok" | "failed" | "skipped";
  readonly ms: number;
  /** What was found, or why it failed or was skipped; one line, which may hold what a card said. */
  readonly note: string | undefined;
}

/**
 * The longest that each step may take, in ms. All of them together may take
 * `total`, so that a step late in a slow probe gets less; `init` is for each of
 * two attempts.
 */
export interface ProbeBounds {
  readonly open: number;
  readonly init: number;
  readonly ping: number;
  readonly wink: number;
  readonly getInfo: number;
  readonly pinRetries: number;
  readonly u2fVersion: number;
  readonly total: number;
  /** To wait for a card that went away, whether it comes back. */
  readonly back: number;
}

/** After `total` come at most 0.5 s for a cancelled request and 0.5 s to close the card. */
export const PROBE_BOUNDS: ProbeBounds = { open: 2000, init: 3000, ping: 2000, wink: 1000, getInfo: 3000, pinRetries: 1000, u2fVersion: 1000, total: 8500, back: 1000 };

/** Runs steps, and keeps how each went and how long it took. */
export class StepRecord {
  readonly #steps = new Map<ProbeStepName, ProbeStep>();
  readonly #deadline: number;

  constructor(totalMs: number) {
    this.#deadline = performance.now() + totalMs;
  }

  /** All of them, those that were never reached as skipped. */
  get steps(): readonly ProbeStep[] {
    return PROBE_STEPS.map((name) => this.#steps.get(name) ?? { name, state: "skipped", ms: 0, note: undefined });
  }

  skip(name: ProbeStepName, note: string): void {
    this.#steps.set(name, { name, state: "skipped", ms: 0, note });
  }

  /** What is left of the time for all, and no more than a step may have. */
  bound(ms: number): number {
    return Math.max(1, Math.min(ms, Math.floor(this.#deadline - performance.now())));
  }

  /**
   * @param note - of the result, for the record
   * @throws what `run` throws; its message is the note then
   */
  async run<T>(name: ProbeStepName, run: () => T | Promise<T>, note: (result: T) => string | undefined): Promise<T> {
    const begin = performance.now();
    const set = (state: ProbeStep["state"], text: string | undefined): void => {
      this.#steps.set(name, { name, state, ms: performance.now() - begin, note: text });
    };
    try {
      const result = await run();
      set("ok", note(result));
      return result;
    } catch (error) {
      set("failed", error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
}
