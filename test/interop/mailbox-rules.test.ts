import { isDeepStrictEqual } from "node:util";
import t, { type Test } from "tap";
import { MailboxClient, type Frame } from "../support/mailbox-client.ts";
import { Mailbox } from "./support/mailboxes.ts";

// The same random commands to Keyhole's mailbox server and to magic-wormhole's
// own: every client of both must be told the same.

const RUNS = 100;
/** At a time: the reference server waits 40 ms between small frames. */
const WORKERS = 8;
const MAX_STEPS = 30;
const MAX_CLIENTS = 7;

/** Ours first. */
const KINDS = ["keyhole", "magic-wormhole"] as const;
const servers = await Promise.all(KINDS.map((kind) => Mailbox.start(t, kind)));

/** A generator whose runs can be repeated. Source: Numerical Recipes, a linear congruential one. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One client, connected to both servers. */
interface Pair {
  readonly side: string;
  readonly clients: readonly MailboxClient[];
}

/** What one run has learnt about names that each server makes up. */
class Names {
  readonly #known = KINDS.map(() => new Map<unknown, string>());
  readonly #own = KINDS.map(() => new Map<unknown, unknown>());
  readonly mailboxes: string[];

  constructor(mailbox: string) {
    this.mailboxes = [mailbox];
  }

  learn(frames: readonly (readonly Frame[])[]): void {
    for (const [i, { type, mailbox }] of (frames[0] ?? []).entries()) {
      const made = frames.map((said) => said[i]?.mailbox);
      if (type !== "claimed" || this.#known[0]?.has(mailbox) === true || made.includes(undefined)) continue;
      const name = `mailbox ${this.mailboxes.length}`;
      this.mailboxes.push(name);
      for (const [k, id] of made.entries()) {
        this.#known[k]?.set(id, name);
        this.#own[k]?.set(name, id);
      }
    }
  }

  /** As server number `k` has them. */
  translate(message: object, k: number): unknown {
    return replaceStrings(message, (text) => this.#own[k]?.get(text) ?? text);
  }

  /** As both have them; without times, and without where a client is. */
  normal(frames: readonly Frame[], k: number): unknown {
    const plain = frames.map((frame) => ({ ...frame, server_tx: 0, server_rx: 0, ...(frame.welcome === undefined ? {} : { welcome: {} }) }));
    return replaceStrings(plain, (text) => this.#known[k]?.get(text) ?? text);
  }
}

function replaceStrings(value: unknown, replace: (text: string) => unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, inner: unknown) => (typeof inner === "string" ? replace(inner) : inner));
}

const MOODS = ["happy", "lonely", "scary", "errory", "weird"];
const WRONG: readonly Chosen[] = [{ type: "bogus" }, { type: "claim" }, { type: "open" }, { type: "add", phase: "x" }, { type: "add", body: "00" }, { type: "close" }, { type: "release" }, { type: "bind", appid: "x", side: "y" }, {}, { type: "ping" }];

/** Each side keeps to one nameplate and mailbox: of two, the reference server confuses the claims. */
function chooseCommand(random: (below: number) => number, names: Names, i: number): Chosen {
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const mailbox = names.mailboxes.at(-1);
  const id = random(3) === 0 ? { id: `id ${i}` } : {};
  switch (random(10)) {
    case 0:
      return { type: "list", ...id };
    case 1:
    case 2:
      return { type: "claim", nameplate: "1", ...id };
    case 3:
      return { type: "release", ...(random(2) === 0 ? { nameplate: "1" } : {}), ...id };
    case 4:
    case 5:
      return { type: "open", mailbox, ...id };
    case 6:
    case 7:
      return { type: "add", phase: String(random(3)), body: `aa${random(10)}${random(10)}`, ...id };
    case 8:
      return { type: "close", ...(random(2) === 0 ? { mailbox } : {}), mood: pick(MOODS), ...id };
    default:
      return pick(WRONG);
  }
}

interface Chosen {
  readonly type?: string;
  readonly [field: string]: unknown;
}

/** The reference server drops the connection on a close while some side has not released the nameplate: it is released first. */
function spare(command: Chosen, side: string, claims: Set<string>): Chosen {
  if (command.type === "claim") claims.add(side);
  if (command.type !== "close" && command.type !== "release") return command;
  const chosen = claims.size === 0 ? command : { type: "release", nameplate: "1" };
  claims.delete(side);
  return chosen;
}

/** @returns how many commands were compared */
async function run(t: Test, seed: number): Promise<number> {
  const random = generator(seed);
  const appid = `rules ${seed}`;
  const names = new Names(`first of ${appid}`);
  const pairs: Pair[] = [];
  const claims = new Set<string>();
  const log: unknown[] = [];
  for (let i = 0; i < MAX_STEPS; i++) {
    let pair = pairs[random(pairs.length)];
    let command = chooseCommand(random, names, i);
    if (pair === undefined || (pairs.length < MAX_CLIENTS && random(5) === 0)) {
      pair = { side: `side ${random(4)} of ${appid}`, clients: await Promise.all(servers.map(({ url }) => MailboxClient.connect(t, url))) };
      pairs.push(pair);
      command = { type: "bind", ...(random(20) === 0 ? {} : { appid }), side: pair.side };
    } else if (random(15) === 0) {
      for (const client of pair.clients) client.socket.close();
      await Promise.all(pair.clients.map((client) => client.ended()));
      pairs.splice(pairs.indexOf(pair), 1);
      continue;
    }
    command = spare(command, pair.side, claims);
    log.push([pair.side, command]);
    for (const [k, client] of pair.clients.entries()) client.send(names.translate(command, k));
    for (const some of [[pair], pairs.filter((other) => other !== pair)]) {
      let said;
      try {
        said = await Promise.all(some.map(({ clients }) => Promise.all(clients.map((client) => client.say()))));
      } catch {
        // The reference server drops clients where it stumbles.
        return i;
      }
      for (const frames of said) {
        names.learn(frames);
        const [ours, theirs] = frames.map((of, k) => names.normal(of, k));
        // What nobody hears any more it takes all the same.
        if (JSON.stringify(ours).includes("must open mailbox before adding") && (theirs as readonly unknown[]).length === 0) return i;
        if (!isDeepStrictEqual(ours, theirs)) {
          t.same(ours, theirs, `seed ${seed}: ${JSON.stringify(log)}`);
          return i;
        }
      }
    }
  }
  for (const client of pairs.flatMap(({ clients }) => clients)) client.socket.terminate();
  return MAX_STEPS;
}

await t.test("both servers say the same", async (t) => {
  let commands = 0;
  const seeds = Array.from({ length: RUNS }, (_, i) => i + 1).values();
  const work = async (): Promise<void> => {
    for (const seed of seeds) {
      const compared = await run(t, seed);
      commands += compared;
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  t.ok(commands > (RUNS * MAX_STEPS) / 2, `${commands} commands compared`);
});
