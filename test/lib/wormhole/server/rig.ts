import type { Json } from "../../../../src/lib/wormhole/json.ts";
import { parseFrame } from "../../../../src/lib/wormhole/server/command.ts";
import { Loader } from "../../../../src/lib/wormhole/server/load.ts";
import { runRounds, type Done, type Input } from "../../../../src/lib/wormhole/server/rounds.ts";
import { newSession, step, type Session } from "../../../../src/lib/wormhole/server/session.ts";
import { openSqlite } from "../../../../src/lib/wormhole/server/sqlite.ts";
import type { Store } from "../../../../src/lib/wormhole/server/store.ts";
import { World } from "../../../../src/lib/wormhole/server/world.ts";

interface Teardown {
  readonly teardown: (close: () => Promise<void>) => unknown;
}

export class RigClient {
  session: Session;

  constructor(connection: number) {
    this.session = newSession(connection);
  }
}

export interface RigOptions {
  readonly maxMailbox?: number;
  readonly allowList?: boolean;
  /** An integer from 0 up to, not including, its argument. */
  readonly random?: (below: number) => number;
}

/** The rules over a store in memory, with a clock that tests move, and without any network. */
export class Rig {
  readonly store: Store;
  now = 1_700_000_000_000;
  readonly #options: RigOptions;
  readonly #random: (below: number) => number;
  readonly #loader: Loader;
  #connections = 0;

  private constructor(options: RigOptions, open: (now: () => number) => Store) {
    this.#options = options;
    this.store = open(() => this.now);
    this.#random = options.random ?? ((below) => Math.floor(Math.random() * below));
    this.#loader = new Loader(this.#random);
  }

  static async open(t: Teardown, options: RigOptions = {}): Promise<Rig> {
    let clock = (): number => 0;
    const store = await openSqlite(":memory:", { now: () => clock() });
    t.teardown(() => store.close());
    return new Rig(options, (now) => {
      clock = now;
      return store;
    });
  }

  /** A client that has bound. */
  client(side: string, more: object = {}): RigClient {
    const client = new RigClient(++this.#connections);
    const { command } = parseFrame(JSON.stringify({ type: "bind", appid: "test", side, ...more }));
    const noMailbox = (): never => {
      throw new Error("bind makes no mailbox");
    };
    client.session = step(client.session, command, new World(this.now), { received: this.now, allowList: true, maxMailbox: 0, newMailbox: noMailbox, random: this.#random }).session;
    return client;
  }

  /** One command. @returns what is replied to it, message after message, those of mailboxes among them */
  async say(client: RigClient, message: object): Promise<readonly object[]> {
    const { outcomes } = await this.run([[client, message]]);
    return outcomes.flatMap(({ effects }) => effects).flatMap((effect): object[] => {
      if (effect.type === "reply") return [effect.reply];
      if (effect.type === "replay") return effect.messages.map(({ side, phase, body }) => ({ side, phase, body }));
      return effect.type === "publish" ? [{ side: effect.message.side, phase: effect.message.phase, body: effect.message.body }] : [];
    });
  }

  /** Commands of several clients in one transaction. */
  run(messages: readonly (readonly [client: RigClient, message: object])[]): Promise<Done<RigClient>> {
    return this.#commit(messages.map(([client, message]) => ({ client, frame: parseFrame(JSON.stringify(message)), received: this.now })));
  }

  /** The connection of a client ends. */
  leave(client: RigClient): Promise<Done<RigClient>> {
    return this.#commit([{ client, frame: { command: { type: "leave" }, ack: undefined, orig: null }, received: this.now }]);
  }

  async #commit(inputs: readonly Input<RigClient>[]): Promise<Done<RigClient>> {
    const { allowList = true, maxMailbox = 1_000_000 } = this.#options;
    const done = await this.store.transaction((transaction) => runRounds(inputs, transaction, { loader: this.#loader, random: this.#random, allowList, maxMailbox, nextIndex: () => undefined }));
    for (const [client, session] of done.sessions) client.session = session;
    return done;
  }
}

export function field(object: object | undefined, name: string): Json {
  return (object as Readonly<Record<string, Json>>)[name] ?? null;
}
