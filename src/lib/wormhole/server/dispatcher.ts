import { randomInt } from "node:crypto";
import { WormholeError } from "../../errors.ts";
import { Batcher } from "./batcher.ts";
import { Hub, type Subscriber } from "./hub.ts";
import { concernsStore, Loader } from "./load.ts";
import type { Metrics } from "./metrics.ts";
import { runRounds, type Done, type Input, type Outcome, type RoundOptions } from "./rounds.ts";
import { encodeMessage, encodeServerFrame } from "./server-frame.ts";
import type { Effect, Session } from "./session.ts";
import { StoreUnreachable, type Store, type Transaction } from "./store.ts";

/** A connection, as the dispatcher sees it. */
export interface Client extends Subscriber {
  session: Session;
  /** One of its frames has been answered. */
  onDone(): void;
}

export interface DispatcherOptions {
  readonly allowList: boolean;
  /** How much the messages of one mailbox may hold, in characters. */
  readonly maxMailbox: number;
  readonly metrics: Metrics;
  readonly log: (line: string) => void;
  /** The store is lost for good. */
  readonly onFailure: (error: WormholeError) => void;
}

/** Frames in one transaction, at most. */
const MAX_INPUTS = 1000;
const CANNOT_STORE: Effect = { type: "reply", reply: { type: "error", error: "the server cannot store this now" } };
/** Mailboxes of other servers looked at in one transaction. */
const MAX_CAUGHT_UP = 16;
/** How long the store may be out of reach, and the pause before each new try. */
const UNREACHABLE_MS = 30_000;
const RETRY_MS = 500;

/**
 * Takes the commands of all connections through the rules and the store, many
 * in one transaction, and lets no reply go before its commit.
 */
export class Dispatcher {
  readonly #store: Store;
  readonly #options: DispatcherOptions;
  readonly #rounds: RoundOptions;
  readonly #batcher: Batcher<Input<Client>>;
  readonly #hub: Hub;
  readonly #changed = new Set<number>();
  #isAnyChanged = false;
  #isHealthy = true;
  #isStopped = false;

  constructor(store: Store, options: DispatcherOptions) {
    this.#store = store;
    this.#options = options;
    this.#batcher = new Batcher((inputs) => this.#run(inputs), MAX_INPUTS);
    this.#hub = new Hub(
      (key) => this.#lookAt([key]),
      ({ notice }) => options.metrics.notices.add(notice),
    );
    const { allowList, maxMailbox } = options;
    this.#rounds = { allowList, maxMailbox, loader: new Loader(randomInt), random: randomInt, nextIndex: (key) => this.#hub.nextIndex(key) };
    store.onChanges((keys) => this.#lookAt(keys));
  }

  /** Whether the last transaction came through. */
  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  push(input: Input<Client>): void {
    this.#batcher.push(input);
  }

  /** Mailboxes that somebody here is subscribed to. */
  get subscribedKeys(): readonly number[] {
    return this.#hub.keys;
  }

  /** Mailboxes are gone. */
  remove(keys: readonly number[]): void {
    for (const key of keys) this.#hub.remove(key);
  }

  /** Waits until every command that came is answered. */
  idle(): Promise<void> {
    return this.#batcher.idle();
  }

  /** From now on nobody is answered any more. */
  stop(): void {
    this.#isStopped = true;
    this.#hub.close();
  }

  /**
   * Runs something between two batches.
   *
   * @returns nothing where it failed, which was then logged
   */
  task<Result>(run: (transaction: Transaction) => Promise<Result>): Promise<Result | undefined> {
    return this.#batcher.task(async () => {
      if (this.#isStopped) return undefined;
      try {
        return await this.#transaction(run);
      } catch (error) {
        this.#tell(error);
        return undefined;
      }
    });
  }

  async #run(inputs: readonly Input<Client>[]): Promise<void> {
    if (this.#isStopped) return;
    try {
      this.#deliver(await this.#commit(inputs));
    } catch (error) {
      // One command may have spoilt it for all.
      if (inputs.length > 1 && !(error instanceof StoreUnreachable)) for (const input of inputs) await this.#run([input]);
      else this.#refuse(inputs, error);
    }
  }

  #commit(inputs: readonly Input<Client>[]): Promise<Done<Client>> {
    if (!inputs.some(({ client, frame }) => concernsStore(client.session, frame.command))) return runRounds(inputs, undefined, this.#rounds);
    return this.#transaction((transaction) => runRounds(inputs, transaction, this.#rounds));
  }

  #refuse(inputs: readonly Input<Client>[], error: unknown): void {
    this.#tell(error);
    const outcomes = inputs.map((input): Outcome<Client> => ({ input, effects: [input.frame.command.type === "leave" ? { type: "unsubscribe" } : CANNOT_STORE] }));
    this.#deliver({ outcomes, sessions: new Map(), missed: [], changed: [], usage: [], now: Date.now() });
  }

  /** Tries again while the store is out of reach. */
  async #transaction<Result>(run: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const deadline = Date.now() + UNREACHABLE_MS;
    const { metrics, log, onFailure } = this.#options;
    for (;;) {
      const begin = performance.now();
      try {
        const result = await this.#store.transaction(run);
        metrics.transactions.add();
        metrics.transactionSeconds.add("", (performance.now() - begin) / 1000);
        this.#isHealthy = true;
        return result;
      } catch (error) {
        metrics.storeErrors.add();
        const wasHealthy = this.#isHealthy;
        this.#isHealthy = false;
        if (!(error instanceof StoreUnreachable) || this.#isStopped) throw error;
        if (wasHealthy) log(`${error.message}; trying again for ${UNREACHABLE_MS / 1000} s`);
        if (Date.now() > deadline) {
          onFailure(new WormholeError("WORMHOLE_STORE_LOST", error.message, { kind: "outside", hint: "start the server again once the database answers", cause: error }));
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #tell(error: unknown): void {
    this.#options.log(error instanceof Error ? error.message : String(error));
  }

  /** The commit is done: what follows from it leaves, in the order of the commands. */
  #deliver({ outcomes, sessions, missed, changed, usage, now: storeNow }: Done<Client>): void {
    const now = Date.now();
    for (const [client, session] of sessions) client.session = session;
    for (const message of missed) this.#hub.publish(message, now);
    for (const { input, effects } of outcomes) {
      const { ack } = input.frame;
      if (ack !== undefined) input.client.send(encodeServerFrame({ type: "ack", id: ack }, now));
      for (const effect of effects) this.#apply(input, effect, now);
    }
    for (const mailbox of changed) this.#hub.inspect(mailbox, storeNow);
    for (const { what, result } of usage) if (what === "mailbox") this.#options.metrics.ended.add(result);
    for (const { input } of outcomes) input.client.onDone();
  }

  #apply({ client, frame }: Input<Client>, effect: Effect, now: number): void {
    const { metrics } = this.#options;
    switch (effect.type) {
      case "reply": {
        const isError = effect.reply.type === "error";
        if (isError) metrics.errors.add();
        client.send(encodeServerFrame(isError ? { ...effect.reply, orig: frame.orig } : effect.reply, now));
        break;
      }
      case "replay":
        for (const message of effect.messages) client.send(encodeMessage(message, now));
        break;
      case "subscribe": {
        const { bound } = client.session;
        this.#hub.subscribe(client, { key: effect.key, next: effect.next, watch: bound?.watch === true ? { side: bound.side, told: new Set() } : undefined });
        break;
      }
      case "unsubscribe":
        this.#hub.unsubscribe(client);
        break;
      case "publish":
        metrics.messages.add();
        this.#hub.publish(effect.message, now);
        break;
      case "removed":
        this.#hub.remove(effect.key);
        break;
    }
  }

  /**
   * Mailboxes may have changed without this server, or time alone has made them
   * worth a notice. Who has them open is asked later: a transaction that is
   * about to end may open them.
   *
   * @param keys - nothing where it may be any
   */
  #lookAt(keys: readonly number[] | undefined): void {
    const isWaiting = this.#isAnyChanged || this.#changed.size > 0;
    if (keys === undefined) this.#isAnyChanged = true;
    else for (const key of keys) this.#changed.add(key);
    if (!isWaiting) void this.#batcher.task(() => this.#catchUpAll());
  }

  async #catchUpAll(): Promise<void> {
    const keys = this.#isAnyChanged ? this.#hub.keys : [...this.#changed].filter((key) => this.#hub.nextIndex(key) !== undefined);
    this.#isAnyChanged = false;
    this.#changed.clear();
    try {
      for (let i = 0; i < keys.length && !this.#isStopped; i += MAX_CAUGHT_UP) await this.#catchUp(keys.slice(i, i + MAX_CAUGHT_UP));
    } catch (error) {
      this.#tell(error);
    }
  }

  async #catchUp(keys: readonly number[]): Promise<void> {
    const found = await this.#transaction(async (transaction) => {
      const mailboxes = await transaction.mailboxesByKey(keys);
      const messages = [];
      for (const { key } of mailboxes) messages.push(...(await transaction.messages(key, this.#hub.nextIndex(key) ?? 0)));
      return { mailboxes, messages, now: transaction.now };
    });
    const now = Date.now();
    for (const message of found.messages) this.#hub.publish(message, now);
    for (const mailbox of found.mailboxes) this.#hub.inspect(mailbox, found.now);
    const there = new Set(found.mailboxes.map(({ key }) => key));
    for (const key of keys) if (!there.has(key)) this.#hub.remove(key);
  }
}
