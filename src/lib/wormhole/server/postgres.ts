import { Kysely, PostgresDialect, sql } from "kysely";
import { Socket } from "node:net";
import pg from "pg";
import { WormholeError } from "../../errors.ts";
import { systemErrorCode } from "../../files.ts";
import { ChangeListener } from "./postgres-changes.ts";
import { isConnectionError, parsePostgresUrl, reasonOf } from "./postgres-url.ts";
import { migrate, readVersion, type Tables } from "./schema.ts";
import { Statements } from "./statements.ts";
import { StoreUnreachable, type Store, type Transaction } from "./store.ts";
import { TableTransaction } from "./tables.ts";
import type { Changes } from "./world.ts";

/** Of the lock that lets one server at a time into a database: "KHmb". */
const LOCK = 0x4b486d62;
const CONNECT_TIMEOUT_MS = 5000;
const STATEMENT_TIMEOUT_MS = 10_000;
/** What the network may add to that. */
const QUERY_TIMEOUT_MS = 12_000;
const GOODBYE_MS = 500;

/**
 * Opens a PostgreSQL database, which any number of servers may share, and makes
 * its tables where there are none.
 *
 * @throws {WormholeError} WORMHOLE_STORE_URL, WORMHOLE_STORE_UNREACHABLE, WORMHOLE_STORE_VERSION, WORMHOLE_STORE
 */
export async function openPostgres(url: string): Promise<Store> {
  const name = parsePostgresUrl(url);
  const sockets = new Sockets();
  const config: pg.ClientConfig = {
    connectionString: url,
    application_name: "keyhole mailbox",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
    stream: () => sockets.open(),
  };
  const pool = new pg.Pool({ ...config, max: 1 });
  // A connection that breaks is told by the query on it, and by the next one.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  const store = new PostgresStore(name, new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), new ChangeListener(config), sockets);
  try {
    await store.start();
    return store;
  } catch (error) {
    await store.close();
    if (!(error instanceof StoreUnreachable)) throw error;
    throw new WormholeError("WORMHOLE_STORE_UNREACHABLE", error.message, { kind: "outside", hint: "check the URL, and that the database runs and lets this machine in", cause: error });
  }
}


/** Numbers of 64 bits, all of which are small enough here, come as text otherwise. */
const getTypeParser: pg.CustomTypesConfig["getTypeParser"] = (id, format) => (id === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(id, format) as unknown));

/** The connections to the database, so that one which does not answer can be left. */
class Sockets {
  readonly #open = new Set<Socket>();

  open(): Socket {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    return socket;
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** Source: PostgreSQL 15, appendix A. */
const SQLSTATE = /^[0-9A-Z]{5}$/;

class PostgresStore implements Store {
  readonly #name: string;
  readonly #db: Kysely<Tables>;
  readonly #statements = new Statements();
  readonly #listener: ChangeListener;
  readonly #sockets: Sockets;

  constructor(name: string, db: Kysely<Tables>, listener: ChangeListener, sockets: Sockets) {
    this.#name = name;
    this.#db = db;
    this.#listener = listener;
    this.#sockets = sockets;
  }

  async start(): Promise<void> {
    try {
      await this.#locked(async (db) => {
        const { rows } = await sql<{ found: string | null }>`select to_regclass('keyhole_schema')::text as found`.execute(db);
        await migrate(db, rows[0]?.found == null ? 0 : await readVersion(db));
      });
      await this.#listener.start();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async transaction<Result>(run: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    try {
      return await this.#locked(async (db, now) => {
        const transaction = new NotifyingTransaction(db, this.#statements, now);
        const result = await run(transaction);
        for (const payload of this.#listener.payloads(transaction.changed)) await sql`select pg_notify(${this.#listener.channel}, ${payload})`.execute(db);
        return result;
      });
    } catch (error) {
      throw this.#explain(error);
    }
  }

  onChanges(changed: (keys: readonly number[] | undefined) => void): void {
    this.#listener.onChanges = changed;
  }

  async close(): Promise<void> {
    const timer = setTimeout(() => this.#sockets.destroy(), GOODBYE_MS);
    await Promise.allSettled([this.#listener.close(), this.#db.destroy()]);
    clearTimeout(timer);
  }

  /** One at a time, of all servers; each sees what those before it committed. The clock is that of the database. */
  #locked<Result>(run: (db: Kysely<Tables>, now: number) => Promise<Result>): Promise<Result> {
    return this.#db
      .transaction()
      .setIsolationLevel("read committed")
      .execute(async (db) => {
        const { rows } = await sql<{ now: number }>`
          with locked as materialized (select pg_advisory_xact_lock(${LOCK}))
          select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now from locked`.execute(db);
        return run(db, rows[0]?.now ?? Date.now());
      });
  }

  #explain(error: unknown): unknown {
    if (isConnectionError(error)) {
      // What got no answer would keep the next ones waiting.
      this.#sockets.destroy();
      return new StoreUnreachable(`database ${this.#name} cannot be reached: ${reasonOf(error)}`, { cause: error });
    }
    if (!SQLSTATE.test(systemErrorCode(error) ?? "")) return error;
    return new WormholeError("WORMHOLE_STORE", `database ${this.#name} failed: ${reasonOf(error)}`, { kind: "outside", hint: "its own log may say more", cause: error });
  }
}

/** Remembers which mailboxes other servers should hear of. */
class NotifyingTransaction extends TableTransaction {
  readonly changed: number[] = [];

  override async save(changes: Changes): Promise<void> {
    await super.save(changes);
    this.changed.push(...changes.mailboxes.map(({ key }) => key), ...changes.removed);
  }
}
