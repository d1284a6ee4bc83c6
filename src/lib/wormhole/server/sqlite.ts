import { Kysely } from "kysely";
import Database from "libsql";
import { closeSync, constants, fsyncSync, fstatSync, openSync, readSync } from "node:fs";
import { WormholeError } from "../../errors.ts";
import { readError, SECRET_MODE, systemErrorCode } from "../../files.ts";
import { LibsqlDialect } from "./libsql-dialect.ts";
import { migrate, newerError, readVersion, SCHEMA_VERSION, type Tables } from "./schema.ts";
import { Statements } from "./statements.ts";
import type { Store, Transaction } from "./store.ts";
import { TableTransaction } from "./tables.ts";

/** A database that is gone with the process. */
export const MEMORY = ":memory:";

/** Tells the files of this program from those of others, by `file` too: "KHmb". */
const APPLICATION_ID = 0x4b486d62;

export interface SqliteOptions {
  /** In ms since 1970. */
  readonly now?: () => number;
}

/**
 * Opens or makes an SQLite file, which no other process can have open
 * meanwhile: two servers would not hear of each other's messages.
 *
 * @throws {WormholeError} WORMHOLE_STORE_FOREIGN, WORMHOLE_STORE_VERSION, WORMHOLE_STORE_LOCKED, WORMHOLE_STORE; {FileError} FILE_READ
 */
export async function openSqlite(path: string, { now = Date.now }: SqliteOptions = {}): Promise<Store> {
  if (path !== MEMORY) checkFile(path);
  let database;
  try {
    database = new Database(path);
    return await SqliteStore.open(database, now);
  } catch (error) {
    database?.close();
    throw openError(path, error);
  }
}

class SqliteStore implements Store {
  readonly #database: Database.Database;
  readonly #db: Kysely<Tables>;
  readonly #statements = new Statements();
  readonly #now: () => number;

  private constructor(database: Database.Database, db: Kysely<Tables>, now: () => number) {
    this.#database = database;
    this.#db = db;
    this.#now = now;
  }

  static async open(database: Database.Database, now: () => number): Promise<SqliteStore> {
    database.exec("pragma locking_mode = exclusive");
    database.exec("pragma synchronous = full");
    const db = new Kysely<Tables>({ dialect: new LibsqlDialect(database) });
    const isNew = database.prepare("pragma application_id").get() as { application_id: number };
    // What tells the file apart goes to the file itself, not to the log beside it.
    await db.transaction().execute(async (transaction) => {
      await migrate(transaction, isNew.application_id === 0 ? 0 : await readVersion(transaction));
      database.exec(`pragma application_id = ${APPLICATION_ID}`);
      database.exec(`pragma user_version = ${SCHEMA_VERSION}`);
    });
    database.exec("pragma journal_mode = wal");
    return new SqliteStore(database, db, now);
  }

  async transaction<Result>(run: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    try {
      return await this.#db.transaction().execute((transaction) => run(new TableTransaction(transaction, this.#statements, this.#now())));
    } catch (error) {
      throw storeError(error);
    }
  }

  onChanges(): void {
    // Nobody else has the file.
  }

  /**
   * Lets go of the file. Closing alone would not: SQLite waits for all
   * statements, which go when the garbage collector comes to them.
   */
  async close(): Promise<void> {
    try {
      await this.#db.connection().execute(() => {
        for (const text of ["pragma journal_mode = delete", "pragma locking_mode = normal", "select version from keyhole_schema"]) this.#database.prepare(text).all();
        return Promise.resolve();
      });
    } catch {
      // The disk is full, say; then the log stays beside the file.
    }
    await this.#db.destroy();
  }
}

const MAGIC = "SQLite format 3\0";
const HEADER_LENGTH = 100;
const USER_VERSION_OFFSET = 60;
const APPLICATION_ID_OFFSET = 68;

/**
 * Makes the file where there is none, for its owner alone, and otherwise looks
 * whether it is ours before SQLite, which could change it, gets hold of it.
 * Source for the offsets: SQLite, Database File Format §1.3.
 */
function checkFile(path: string): void {
  let fd;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT, SECRET_MODE);
  } catch (error) {
    throw readError(path, "database", error);
  }
  try {
    if (!fstatSync(fd).isFile()) throw foreignError(path);
    const header = Buffer.alloc(HEADER_LENGTH);
    const length = readSync(fd, header, 0, HEADER_LENGTH, 0);
    if (length === 0) return;
    if (length < HEADER_LENGTH || header.toString("latin1", 0, MAGIC.length) !== MAGIC || header.readUInt32BE(APPLICATION_ID_OFFSET) !== APPLICATION_ID) throw foreignError(path);
    const version = header.readUInt32BE(USER_VERSION_OFFSET);
    if (version > SCHEMA_VERSION) throw newerError(version);
    fsyncSync(fd);
  } catch (error) {
    throw systemErrorCode(error) === undefined || error instanceof WormholeError ? error : readError(path, "database", error);
  } finally {
    closeSync(fd);
  }
}

function foreignError(path: string): WormholeError {
  return new WormholeError("WORMHOLE_STORE_FOREIGN", `${path} is not a database of keyhole's mailbox server`, { hint: "it was left as it is; name another file" });
}

function openError(path: string, error: unknown): unknown {
  if (systemErrorCode(error) === "SQLITE_BUSY") {
    return new WormholeError("WORMHOLE_STORE_LOCKED", `database ${path} is in use by another process`, { kind: "outside", hint: "servers that share mailboxes need PostgreSQL: --db postgres://…", cause: error });
  }
  if (systemErrorCode(error) === "SQLITE_NOTADB" || systemErrorCode(error) === "SQLITE_CORRUPT") return foreignError(path);
  return storeError(error);
}

/** What SQLite says in words of its own: no space, an input/output error. */
function storeError(error: unknown): unknown {
  const code = systemErrorCode(error);
  if (!(error instanceof Error) || code?.startsWith("SQLITE_") !== true) return error;
  return new WormholeError("WORMHOLE_STORE", `database failed: ${error.message} (${code})`, { kind: "outside", hint: "check that there is room on its disk", cause: error });
}
