import type { WormholeState } from "./state.ts";

type Save = (state: WormholeState) => void | Promise<void>;

/**
 * Writes states down, one after the other, and only then lets out what follows
 * from them. While one is being written, later ones gather, and the last of
 * them stands for all.
 */
export class Journal {
  readonly #save: Save | undefined;
  readonly #onFailure: (error: unknown) => void;
  #written: WormholeState | undefined;
  #waiting: WormholeState | undefined;
  #releases: (() => void)[] = [];
  #isWriting = false;
  #work: Promise<void> = Promise.resolve();

  /**
   * @param save - without it, everything is let out at once
   * @param onFailure - is told why one could not be written; nothing is let out then
   */
  constructor(save: Save | undefined, onFailure: (error: unknown) => void) {
    this.#save = save;
    this.#onFailure = onFailure;
  }

  /** @param release - run once the state is written down, in order */
  write(state: WormholeState, release: () => void): void {
    if (this.#save === undefined) return release();
    this.#waiting = state;
    this.#releases.push(release);
    if (!this.#isWriting) this.#work = this.#run(this.#save);
  }

  /** Until all is written. */
  async settle(): Promise<void> {
    await this.#work;
  }

  async #run(save: Save): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting !== undefined) {
        const state = this.#waiting;
        const releases = this.#releases.splice(0);
        this.#waiting = undefined;
        if (this.#written === undefined || hasChanged(this.#written, state)) await save(state);
        this.#written = state;
        for (const release of releases) release();
      }
    } catch (error) {
      this.#onFailure(error);
    } finally {
      this.#isWriting = false;
    }
  }
}

/** Whether two states differ in more than what was said over a connection, which no other process goes on with. */
export function hasChanged(before: WormholeState, after: WormholeState): boolean {
  return (Object.keys(after) as (keyof WormholeState)[]).some((name) => name !== "connection" && before[name] !== after[name]);
}
