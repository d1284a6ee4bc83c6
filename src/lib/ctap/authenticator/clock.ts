/** Tells and waits for time, in milliseconds from any beginning. */
export interface Clock {
  now(): number;
  /** @returns what gives the wait up */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
