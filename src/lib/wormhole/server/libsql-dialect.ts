import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, type CompiledQuery, type DatabaseConnection, type DatabaseIntrospector, type Dialect, type Driver, type Kysely, type QueryResult } from "kysely";
import Database from "libsql";

/**
 * SQLite by libsql, for kysely. Unlike in kysely's own dialect, statements are
 * kept, as preparing one takes as long as running it.
 */
export class LibsqlDialect implements Dialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  createDriver(): Driver {
    return new LibsqlDriver(this.#database);
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): SqliteAdapter {
    return new SqliteAdapter();
  }

  createIntrospector(db: Kysely<never>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** There is one connection; who wants it while another has it waits. */
class LibsqlDriver implements Driver {
  readonly #database: Database.Database;
  readonly #connection: LibsqlConnection;
  #free = Promise.resolve();
  #release: () => void = () => undefined;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#connection = new LibsqlConnection(database);
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  async acquireConnection(): Promise<LibsqlConnection> {
    const before = this.#free;
    let release = (): void => undefined;
    this.#free = new Promise((resolve) => (release = resolve));
    await before;
    this.#release = release;
    return this.#connection;
  }

  releaseConnection(): Promise<void> {
    this.#release();
    return Promise.resolve();
  }

  beginTransaction(): Promise<void> {
    return this.#run("begin");
  }

  /** The process waits for the disk: what clients say meanwhile is done in the next transaction. */
  commitTransaction(): Promise<void> {
    return this.#run("commit");
  }

  rollbackTransaction(): Promise<void> {
    // What failed for want of room has been undone already.
    return this.#database.inTransaction ? this.#run("rollback") : Promise.resolve();
  }

  destroy(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  async #run(sql: string): Promise<void> {
    await this.#connection.executeQuery({ sql, parameters: [] });
  }
}

interface Prepared {
  readonly statement: Database.Statement;
  readonly isReader: boolean;
}

class LibsqlConnection implements DatabaseConnection {
  readonly #database: Database.Database;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** How many rows changed is nothing that is asked for here. */
  executeQuery<Row>({ sql, parameters }: Pick<CompiledQuery, "sql" | "parameters">): Promise<QueryResult<Row>> {
    return new Promise((resolve) => resolve({ rows: this.#run(sql, parameters) as Row[] }));
  }

  streamQuery(): never {
    throw new RangeError("rows are read all at once here");
  }

  #run(sql: string, parameters: readonly unknown[]): unknown[] {
    const { statement, isReader } = this.#prepare(sql);
    if (isReader) return statement.all(parameters);
    statement.run(parameters);
    return [];
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#prepared.get(sql);
    if (prepared === undefined) {
      const statement = this.#database.prepare(sql);
      prepared = { statement, isReader: statement.reader };
      this.#prepared.set(sql, prepared);
    }
    return prepared;
  }
}
