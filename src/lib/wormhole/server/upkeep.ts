import type { Dispatcher } from "./dispatcher.ts";
import type { Metrics } from "./metrics.ts";
import type { Counts, Transaction } from "./store.ts";
import { World, type Changes } from "./world.ts";

/** How long usage is kept. */
const USAGE_MS = 90 * 24 * 60 * 60 * 1000;
const MAX_INTERVAL_MS = 60_000;
const MIN_INTERVAL_MS = 100;
/** Mailboxes removed in one transaction. */
const MAX_REMOVED = 200;
const COUNTS_MS = 1000;

/** Removes what nobody needs any more, from time to time. */
export class Upkeep {
  readonly #dispatcher: Dispatcher;
  readonly #metrics: Metrics;
  readonly #idleMs: number;
  readonly #timer: NodeJS.Timeout;
  #isRunning = false;
  #counts: { readonly at: number; readonly counts: Promise<Counts | undefined> } | undefined;

  /** @param idleMs - a mailbox without activity or subscriber is removed after this time */
  constructor(dispatcher: Dispatcher, metrics: Metrics, idleMs: number) {
    this.#dispatcher = dispatcher;
    this.#metrics = metrics;
    this.#idleMs = idleMs;
    // Often enough that a mailbox in use never looks idle to another server.
    this.#timer = setInterval(() => void this.#run(), Math.max(MIN_INTERVAL_MS, Math.min(MAX_INTERVAL_MS, idleMs / 3)));
  }

  /** How much there is, as of a moment ago; nothing where the store does not answer. */
  counts(now: number): Promise<Counts | undefined> {
    if (this.#counts === undefined || now - this.#counts.at > COUNTS_MS) this.#counts = { at: now, counts: this.#dispatcher.task((transaction) => transaction.count()) };
    return this.#counts.counts;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      await this.#dispatcher.task((transaction) => transaction.touch(this.#dispatcher.subscribedKeys));
      while ((await this.#removeSome()) === MAX_REMOVED);
      await this.#dispatcher.task((transaction) => transaction.forget(transaction.now - USAGE_MS));
    } finally {
      this.#isRunning = false;
    }
  }

  async #removeSome(): Promise<number> {
    const changes = await this.#dispatcher.task((transaction) => prune(transaction, this.#idleMs));
    if (changes === undefined) return 0;
    this.#dispatcher.remove(changes.removed);
    for (const { what, result } of changes.usage) if (what === "mailbox") this.#metrics.ended.add(result);
    return changes.removed.length;
  }
}

async function prune(transaction: Transaction, idleMs: number): Promise<Changes> {
  const world = new World(transaction.now);
  for (const mailbox of await transaction.idleMailboxes(transaction.now - idleMs, MAX_REMOVED)) {
    world.load(mailbox);
    world.remove(mailbox, true);
  }
  const changes = world.changes();
  await transaction.save(changes);
  return changes;
}
