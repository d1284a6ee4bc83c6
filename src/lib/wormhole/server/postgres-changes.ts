import pg from "pg";
import { parseJsonText } from "../json.ts";
import { randomKey } from "./rounds.ts";

const CHANNEL = "keyhole_mailbox";
/** A notification holds 8000 bytes, a key 15 digits. Source: PostgreSQL 15, NOTIFY. */
const MAX_KEYS = 400;
const RETRY_MS = 1000;
/** How often it is looked whether the connection still carries anything. */
const BEAT_MS = 20_000;

/** Hears from other servers which mailboxes they changed, over a connection of its own. */
export class ChangeListener {
  readonly channel = CHANNEL;
  onChanges: (keys: readonly number[] | undefined) => void = () => undefined;
  readonly #config: pg.ClientConfig;
  /** Marks what comes from here. */
  readonly #self = randomKey();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  /** @throws what the driver throws */
  async start(): Promise<void> {
    const client = new pg.Client(this.#config);
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", ({ payload = "" }) => this.#receive(payload));
    this.#client = client;
    await client.connect();
    await client.query(`listen ${CHANNEL}`);
    this.#timer = setInterval(() => {
      client.query("select 1").catch(() => this.#lost(client));
    }, BEAT_MS);
  }

  /** What tells other servers of these mailboxes. */
  payloads(keys: readonly number[]): readonly string[] {
    const payloads: string[] = [];
    for (let i = 0; i < keys.length; i += MAX_KEYS) payloads.push(JSON.stringify([this.#self, ...keys.slice(i, i + MAX_KEYS)]));
    return payloads;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#client?.end();
  }

  /** Anybody who may use the database can send one. */
  #receive(payload: string): void {
    const numbers = parseJsonText(payload);
    if (!Array.isArray(numbers)) return;
    const [from, ...keys] = numbers.filter((number) => typeof number === "number");
    if (from !== this.#self) this.onChanges(keys);
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    clearInterval(this.#timer);
    client.end().catch(() => undefined);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#again(), RETRY_MS);
  }

  async #again(): Promise<void> {
    try {
      await this.start();
      // What was said meanwhile, nobody here has heard.
      this.onChanges(undefined);
    } catch {
      if (this.#client !== undefined) this.#lost(this.#client);
    }
  }
}
