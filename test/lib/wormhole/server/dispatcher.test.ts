import t, { type Test } from "tap";
import { parseFrame, type Frame } from "../../../../src/lib/wormhole/server/command.ts";
import { Dispatcher, type Client } from "../../../../src/lib/wormhole/server/dispatcher.ts";
import type { Subscription } from "../../../../src/lib/wormhole/server/hub.ts";
import { Metrics } from "../../../../src/lib/wormhole/server/metrics.ts";
import { newSession } from "../../../../src/lib/wormhole/server/session.ts";
import { openSqlite } from "../../../../src/lib/wormhole/server/sqlite.ts";
import { StoreUnreachable, type Store, type Transaction } from "../../../../src/lib/wormhole/server/store.ts";

// The dispatcher over a store with which things happen that are hard to bring
// about with a real one.

/** A store whose transactions a test can make fail, or follow by something before they are known to have ended. */
class Stage implements Store {
  readonly inner: Store;
  before: (() => void) | undefined;
  after: (() => Promise<void>) | undefined;
  changed: (keys: readonly number[] | undefined) => void = () => undefined;

  constructor(inner: Store) {
    this.inner = inner;
  }

  async transaction<Result>(run: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    this.before?.();
    const result = await this.inner.transaction(run);
    const { after } = this;
    this.after = undefined;
    await after?.();
    return result;
  }

  onChanges(changed: (keys: readonly number[] | undefined) => void): void {
    this.changed = changed;
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

class TestClient implements Client {
  session = newSession(1);
  subscription: Subscription | undefined;
  readonly frames: Readonly<Record<string, unknown>>[] = [];
  readonly #dispatcher: Dispatcher;
  #done: () => void = () => undefined;
  #pending = 0;

  constructor(dispatcher: Dispatcher, side: string) {
    this.#dispatcher = dispatcher;
    this.push(parseFrame(JSON.stringify({ type: "bind", appid: "test", side })));
  }

  send(frame: string | Buffer): void {
    const parsed = JSON.parse(frame.toString()) as Readonly<Record<string, unknown>>;
    if (parsed.type !== "ack") this.frames.push(parsed);
  }

  onDone(): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#done();
  }

  push(frame: Frame): void {
    this.#pending += 1;
    this.#dispatcher.push({ client: this, frame, received: 0 });
  }

  /** @returns what came since the last time, once all is answered */
  async say(...messages: readonly object[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
    for (const message of messages) this.push(parseFrame(JSON.stringify(message)));
    await new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    return this.frames.splice(0);
  }
}

interface Scene {
  readonly stage: Stage;
  readonly dispatcher: Dispatcher;
  readonly log: string[];
  readonly failures: unknown[];
}

async function open(t: Test): Promise<Scene> {
  const stage = new Stage(await openSqlite(":memory:"));
  const log: string[] = [];
  const failures: unknown[] = [];
  const dispatcher = new Dispatcher(stage, { allowList: true, maxMailbox: 1_000_000, metrics: new Metrics(), log: (line) => log.push(line), onFailure: (error) => failures.push(error) });
  t.teardown(() => {
    dispatcher.stop();
    return stage.close();
  });
  return { stage, dispatcher, log, failures };
}

/** Another server adds a message to the one mailbox there is. @returns its key */
async function addElsewhere({ inner }: Stage, phase: string): Promise<number> {
  return inner.transaction(async (transaction) => {
    const [mailbox] = await transaction.mailboxesById("test", ["m"]);
    const message = { mailbox: mailbox!.key, index: mailbox!.messages, side: "b", phase, body: "00", id: undefined, received: 0 };
    await transaction.save({ mailboxes: [{ ...mailbox!, messages: mailbox!.messages + 1 }], removed: [], messages: [message], numbers: [], usage: [] });
    return mailbox!.key;
  });
}

t.test("another server adds a message just as the mailbox is opened here", async (t) => {
  for (const isKnown of [true, false]) {
    const { stage, dispatcher } = await open(t);
    const a = new TestClient(dispatcher, "a");
    await a.say({ type: "ping", ping: 1 });
    // It is heard of before the transaction that opened it is known to have ended.
    stage.after = async () => {
      const key = await addElsewhere(stage, "0");
      stage.changed(isKnown ? [key] : undefined);
    };
    await a.say({ type: "open", mailbox: "m" });
    await dispatcher.idle();
    t.match(a.frames, [{ type: "message", side: "b", phase: "0" }]);
  }
});

t.test("what other servers added comes before what is added here", async (t) => {
  const { stage, dispatcher } = await open(t);
  const [a, b] = [new TestClient(dispatcher, "a"), new TestClient(dispatcher, "a")];
  await a.say({ type: "open", mailbox: "m" });
  await b.say({ type: "open", mailbox: "m" });
  const key = await addElsewhere(stage, "0");
  await addElsewhere(stage, "1");
  t.match(await a.say({ type: "add", phase: "2", body: "00" }), [{ phase: "0" }, { phase: "1" }, { phase: "2" }]);
  stage.changed([key]);
  await dispatcher.idle();
  t.match(b.frames, [{ phase: "0" }, { phase: "1" }, { phase: "2" }], "and once");
  t.same(a.frames, []);
});

t.test("another server closed the mailbox for the last side", async (t) => {
  const { stage, dispatcher } = await open(t);
  const a = new TestClient(dispatcher, "a");
  await a.say({ type: "open", mailbox: "m" });
  const key = a.session.open!.key;
  await stage.inner.transaction((transaction) => transaction.save({ mailboxes: [], removed: [key], messages: [], numbers: [], usage: [] }));
  stage.changed([key]);
  await dispatcher.idle();
  t.equal(a.subscription, undefined);
  t.same(dispatcher.subscribedKeys, []);
});

t.test("what nobody here has open is not looked at", async (t) => {
  const { stage, dispatcher } = await open(t);
  stage.before = () => t.fail("no transaction");
  stage.changed([1, 2, 3]);
  await dispatcher.idle();
});

t.test("no command that is ready has to wait for a store", async (t) => {
  const { stage, dispatcher } = await open(t);
  stage.before = () => t.fail("no transaction");
  const a = new TestClient(dispatcher, "a");
  t.match(await a.say({ type: "ping", ping: 1 }, { type: "bogus" }, { type: "claim", nameplate: 7 }), [{ type: "pong" }, { error: "unknown type" }, { error: /^nameplate must be/ }]);
});

t.test("one command that the store does not take", async (t) => {
  const { stage, dispatcher, log } = await open(t);
  const clients = ["a", "b", "c"].map((side) => new TestClient(dispatcher, side));
  await Promise.all(clients.map((client) => client.say({ type: "ping", ping: 1 })));
  let transactions = 0;
  stage.before = () => {
    transactions += 1;
    // All together, and then the second one alone.
    if (transactions === 1 || transactions === 3) throw new Error("not this one");
  };
  const said = await Promise.all(clients.map((client, i) => client.say({ type: "claim", nameplate: String(i) })));
  t.match(said, [[{ type: "claimed" }], [{ type: "error", error: "the server cannot store this now", orig: { type: "claim", nameplate: "1" } }], [{ type: "claimed" }]]);
  t.same(log, ["not this one"]);
  t.equal(dispatcher.isHealthy, true);
  t.match(await clients[1]!.say({ type: "claim", nameplate: "1" }), [{ type: "claimed" }], "it may be tried again on the same connection");
});

t.test("a store that is away for a moment", async (t) => {
  const { stage, dispatcher, log, failures } = await open(t);
  const a = new TestClient(dispatcher, "a");
  let tries = 0;
  stage.before = () => {
    tries += 1;
    if (tries < 3) throw new StoreUnreachable("database is away");
  };
  const answer = a.say({ type: "claim", nameplate: "7" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(dispatcher.isHealthy, false);
  t.match(await answer, [{ type: "claimed" }]);
  t.same(log, ["database is away; trying again for 30 s"], "said once");
  t.same({ tries, failures, isHealthy: dispatcher.isHealthy }, { tries: 3, failures: [], isHealthy: true });
});

t.test("a connection that ends leaves its mailbox, whatever the store does", async (t) => {
  const { stage, dispatcher } = await open(t);
  const a = new TestClient(dispatcher, "a");
  await a.say({ type: "open", mailbox: "m" });
  t.equal(dispatcher.subscribedKeys.length, 1);
  stage.before = () => {
    throw new Error("no room");
  };
  a.push({ command: { type: "leave" }, ack: undefined, orig: null });
  await dispatcher.idle();
  t.same(dispatcher.subscribedKeys, []);
  t.same(a.frames, []);
});
