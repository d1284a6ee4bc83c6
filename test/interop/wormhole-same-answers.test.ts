import { randomBytes } from "node:crypto";
import fc from "fast-check";
import t, { type Test } from "tap";
import { MailboxClient, type Frame } from "../support/mailbox-client.ts";
import { Mailbox } from "./support/mailboxes.ts";

// Keyhole's mailbox server answers as magic-wormhole's does, whatever is sent
// to both.

const CONVERSATIONS = 200;
const AT_A_TIME = 40;

/** Two are of one side. */
const SIDES = ["a", "b", "c", "a"];

type Fields = Readonly<Record<string, unknown>>;

/** One connection sends this, or drops and comes back. */
interface Step {
  readonly connection: number;
  readonly message: Fields | "reconnect";
}

// What only the server knows stands for itself: the last mailbox that it told
// and the last number that it gave.
const nameplates = fc.constantFrom<unknown>("101", "102", "<nameplate>");
const mailboxes = fc.constantFrom<unknown>("<mailbox>", "<mailbox>", "<another>");
const optional = (name: string, value: fc.Arbitrary<unknown>, freq = 3): fc.Arbitrary<Fields> => fc.option(value.map((of) => ({ [name]: of })), { nil: {}, freq });
const command = (type: string, ...fields: readonly fc.Arbitrary<Fields>[]): fc.Arbitrary<Fields> => fc.tuple(...fields).map((parts) => Object.assign({ type }, ...parts) as Fields);

const messages = fc.oneof(
  { weight: 6, arbitrary: command("claim", optional("nameplate", nameplates, 15)) },
  { weight: 4, arbitrary: command("release", optional("nameplate", nameplates, 1)) },
  { weight: 6, arbitrary: command("open", optional("mailbox", mailboxes, 15)) },
  { weight: 6, arbitrary: command("add", optional("phase", fc.constantFrom("pake", "0"), 15), optional("body", fc.constantFrom("00ff", "not hex", ""), 15), optional("id", fc.constant("i1"))) },
  { weight: 4, arbitrary: command("close", optional("mailbox", mailboxes, 1), optional("mood", fc.constantFrom("happy", "scary"))) },
  { weight: 1, arbitrary: command("allocate") },
  { weight: 3, arbitrary: command("list", optional("id", fc.constantFrom<unknown>("i2", 7, null, { of: "list" }))) },
  { weight: 1, arbitrary: command("bind", fc.constant({ appid: "another", side: "d" })) },
  { weight: 1, arbitrary: fc.constantFrom<Fields>({ type: "ping" }, { type: "ping", ping: { any: [1] } }, { type: "dance" }, { neither: "type" }, {}) },
  { weight: 4, arbitrary: fc.constant("reconnect" as const) },
);

const conversations: fc.Arbitrary<readonly Step[]> = fc.array(fc.record({ connection: fc.nat(SIDES.length - 1), message: messages }), { minLength: 4, maxLength: 25 });

/** From here on nobody need do as magic-wormhole's server does. */
class Fault extends Error {}

/** One conversation with one server. */
class Conversation {
  readonly #t: Test;
  readonly #url: string;
  readonly #appid = randomBytes(8).toString("hex");
  readonly #clients: MailboxClient[] = [];
  /** What each connection, and those before it, were told. */
  readonly #told: Frame[][] = SIDES.map(() => []);
  /** What a server has made up, and how that is written here: by the order in which it did. */
  readonly #made = new Map<string, string>();
  // Theirs fails where two applications use the same mailbox.
  readonly #last: Record<string, string> = { "<mailbox>": `${this.#appid}-1`, "<another>": `${this.#appid}-2`, "<nameplate>": "103" };
  /** The mailboxes of the numbers that each side has had, where it was told. */
  readonly #claimed = new Map(SIDES.map((side) => [side, new Set<unknown>()]));
  readonly #opened: unknown[] = [];

  constructor(t: Test, url: string) {
    this.#t = t;
    this.#url = url;
  }

  /** @returns what was told, and after how many steps the server fails */
  async run(steps: readonly Step[]): Promise<{ readonly told: unknown; readonly count: number }> {
    for (const connection of SIDES.keys()) await this.#connect(connection);
    let count = 0;
    try {
      for (const step of steps) {
        await this.#take(step);
        count += 1;
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
    for (const [connection, client] of this.#clients.entries()) {
      if (client.closed === undefined) this.#told[connection]!.push(...(await client.say()));
      client.socket.terminate();
    }
    return { told: this.#told.map((frames) => frames.map((frame) => this.#named({ ...frame, server_tx: 0, server_rx: 0 }))), count };
  }

  async #connect(connection: number): Promise<void> {
    this.#clients[connection]?.socket.terminate();
    this.#clients[connection] = await MailboxClient.bind(this.#t, this.#url, `${this.#appid}-${SIDES[connection]!}`, { appid: this.#appid });
    this.#opened[connection] = undefined;
  }

  async #take({ connection, message }: Step): Promise<void> {
    const client = this.#clients[connection]!;
    // What others have sent before is not of this step.
    this.#told[connection]!.push(...(await client.say()));
    if (message === "reconnect") return this.#connect(connection);
    const actual: Fields = Object.fromEntries(Object.entries(message).map(([name, value]) => [name, this.#last[String(value)] ?? value]));
    const frames = await client.say(actual).catch(() => {
      throw new Fault("it drops the connection");
    });
    this.#follow(connection, actual, frames);
    this.#told[connection]!.push(...frames);
  }

  /**
   * Where a mailbox goes with its last side, that side loses whatever numbers
   * it has, also those of other mailboxes, and its other connections write on
   * into a mailbox that is gone, or a later one of that name.
   */
  #follow(connection: number, { type, mailbox }: Fields, frames: readonly Frame[]): void {
    const claimed = this.#claimed.get(SIDES[connection]!)!;
    for (const frame of frames) {
      if (frame.type === "claimed") {
        this.#last["<mailbox>"] = this.#learn(frame.mailbox, "mailbox");
        claimed.add(frame.mailbox);
      }
      if (frame.type === "allocated") {
        this.#last["<nameplate>"] = this.#learn(frame.nameplate, "nameplate");
        claimed.add(undefined);
      }
    }
    if (type === "open" && !frames.some((frame) => frame.type === "error")) this.#opened[connection] = mailbox;
    if (!frames.some((frame) => frame.type === "closed")) return;
    const closed = mailbox ?? this.#opened[connection];
    if ([...claimed].some((of) => of !== closed)) throw new Fault("it takes numbers away");
    if (SIDES.some((side, other) => other !== connection && side === SIDES[connection] && this.#opened[other] === closed)) throw new Fault("it leaves another connection behind");
  }

  #learn(value: unknown, what: string): string {
    const made = String(value);
    if (!this.#made.has(made)) this.#made.set(made, `<${what} ${this.#made.size}>`);
    return made;
  }

  #named(value: unknown): unknown {
    if (typeof value === "string") return this.#made.get(value) ?? value.replace(this.#appid, "<appid>");
    // In no order that counts.
    if (Array.isArray(value)) return value.map((of) => this.#named(of)).sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1));
    return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).map(([name, of]) => [name, this.#named(of)])) : value;
  }
}

await t.test("conversations", async (t) => {
  const [theirs, ours] = await Promise.all([Mailbox.start(t, "magic-wormhole"), Mailbox.start(t, "keyhole")]);
  const all = fc.sample(conversations, { numRuns: CONVERSATIONS, seed: 20_260_101 }).entries();
  let steps = 0;
  const compare = async (): Promise<void> => {
    for (const [i, conversation] of all) {
      // Theirs first, as far as it does not fail.
      const expected = await new Conversation(t, theirs.url).run(conversation);
      const found = await new Conversation(t, ours.url).run(conversation.slice(0, expected.count));
      steps += found.count;
      t.same(found.told, expected.told, `conversation ${i}`, { conversation });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, compare));
  t.ok(steps > CONVERSATIONS * 8, "most are whole", { steps });
});
