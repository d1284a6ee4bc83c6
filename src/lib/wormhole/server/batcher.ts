/**
 * Group commit: what comes while a transaction runs is done together in the
 * next one, so that the time of a commit is shared by all who wait.
 */
export class Batcher<Item> {
  readonly #run: (items: readonly Item[]) => Promise<void>;
  readonly #maxItems: number;
  readonly #tasks: (() => Promise<void>)[] = [];
  #items: Item[] = [];
  #isRunning = false;
  #idle: (() => void)[] = [];

  /** @param run - for the items of one transaction, in order; it does not fail */
  constructor(run: (items: readonly Item[]) => Promise<void>, maxItems: number) {
    this.#run = run;
    this.#maxItems = maxItems;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#start();
  }

  /** Runs something of its own between two batches. */
  task<Result>(run: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => run().then(resolve, reject));
      this.#start();
    });
  }

  /** Waits until nothing is left to do. */
  idle(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // All sockets that can be read by now are read first.
    setImmediate(() => void this.#next());
  }

  async #next(): Promise<void> {
    await this.#tasks.shift()?.();
    if (this.#items.length > 0) {
      const items = this.#items.slice(0, this.#maxItems);
      this.#items = this.#items.slice(this.#maxItems);
      await this.#run(items);
    }
    if (this.#items.length > 0 || this.#tasks.length > 0) {
      setImmediate(() => void this.#next());
      return;
    }
    this.#isRunning = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
