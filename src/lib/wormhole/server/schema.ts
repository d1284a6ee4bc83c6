import { sql, type Kysely } from "kysely";
import { WormholeError } from "../../errors.ts";

/** The tables, alike in SQLite and PostgreSQL. Times are in ms since 1970. */
export interface Tables {
  /** One row: how the other tables look. */
  readonly keyhole_schema: { version: number };
  readonly keyhole_mailboxes: MailboxRow;
  readonly keyhole_messages: MessageRow;
  /** Numbers that `allocate` does not give, as a nameplate has them or had them lately. */
  readonly keyhole_numbers: { app_id: string; number: number; rests_until: number | null };
  readonly keyhole_usage: UsageRow;
}

/** A mailbox and, while it is there, its nameplate. Sides are few, and JSON. */
export interface MailboxRow {
  key: number;
  app_id: string;
  id: string;
  nameplate: string | null;
  claims: string | null;
  for_nameplate: number;
  sides: string;
  messages: number;
  length: number;
  updated: number;
}

export interface MessageRow {
  mailbox: number;
  index: number;
  side: string;
  phase: string;
  body: string;
  id: string | null;
  received: number;
}

export interface UsageRow {
  what: string;
  app_id: string;
  for_nameplate: number;
  started: number;
  waiting_ms: number | null;
  total_ms: number;
  result: string;
}

export const SCHEMA_VERSION = 1;

type Migration = (db: Kysely<Tables>) => Promise<void>;

/** From no tables to version 1, from there to the next, and so on. */
const MIGRATIONS: readonly Migration[] = [createTables];

/**
 * Brings the tables of a database to what this program knows.
 *
 * @param db - in a transaction
 * @param version - that they have; 0 where there are none
 * @throws {WormholeError} WORMHOLE_STORE_VERSION
 */
export async function migrate(db: Kysely<Tables>, version: number): Promise<void> {
  if (version > SCHEMA_VERSION) throw newerError(version);
  if (version === SCHEMA_VERSION) return;
  for (const migration of MIGRATIONS.slice(version)) await migration(db);
  await db.updateTable("keyhole_schema").set({ version: SCHEMA_VERSION }).execute();
}

export function newerError(version: number): WormholeError {
  return new WormholeError("WORMHOLE_STORE_VERSION", `database has tables of version ${version}, expected at most ${SCHEMA_VERSION}`, { hint: "a newer keyhole made it; use that one, or another database" });
}

async function createTables(db: Kysely<Tables>): Promise<void> {
  await db.schema.createTable("keyhole_schema").addColumn("version", "integer", (column) => column.notNull()).execute();
  await db.insertInto("keyhole_schema").values({ version: 0 }).execute();
  await db.schema
    .createTable("keyhole_mailboxes")
    .addColumn("key", "bigint", (column) => column.primaryKey())
    .addColumn("app_id", "text", (column) => column.notNull())
    .addColumn("id", "text", (column) => column.notNull())
    .addColumn("nameplate", "text")
    .addColumn("claims", "text")
    .addColumn("for_nameplate", "integer", (column) => column.notNull())
    .addColumn("sides", "text", (column) => column.notNull())
    .addColumn("messages", "integer", (column) => column.notNull())
    .addColumn("length", "bigint", (column) => column.notNull())
    .addColumn("updated", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("keyhole_mailboxes_id").unique().on("keyhole_mailboxes").columns(["app_id", "id"]).execute();
  await db.schema.createIndex("keyhole_mailboxes_nameplate").unique().on("keyhole_mailboxes").columns(["app_id", "nameplate"]).where("nameplate", "is not", null).execute();
  await db.schema.createIndex("keyhole_mailboxes_updated").on("keyhole_mailboxes").column("updated").execute();
  await db.schema
    .createTable("keyhole_messages")
    .addColumn("mailbox", "bigint", (column) => column.notNull())
    .addColumn("index", "integer", (column) => column.notNull())
    .addColumn("side", "text", (column) => column.notNull())
    .addColumn("phase", "text", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .addColumn("id", "text")
    .addColumn("received", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("keyhole_messages_key", ["mailbox", "index"])
    .execute();
  await db.schema
    .createTable("keyhole_numbers")
    .addColumn("app_id", "text", (column) => column.notNull())
    .addColumn("number", "integer", (column) => column.notNull())
    .addColumn("rests_until", "bigint")
    .addPrimaryKeyConstraint("keyhole_numbers_key", ["app_id", "number"])
    .execute();
  await db.schema.createIndex("keyhole_numbers_rests_until").on("keyhole_numbers").column("rests_until").where("rests_until", "is not", null).execute();
  await db.schema
    .createTable("keyhole_usage")
    .addColumn("what", "text", (column) => column.notNull())
    .addColumn("app_id", "text", (column) => column.notNull())
    .addColumn("for_nameplate", "integer", (column) => column.notNull())
    .addColumn("started", "bigint", (column) => column.notNull())
    .addColumn("waiting_ms", "bigint")
    .addColumn("total_ms", "bigint", (column) => column.notNull())
    .addColumn("result", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("keyhole_usage_started").on("keyhole_usage").column("started").execute();
}

/** @returns the version of the tables; 0 where there are none */
export async function readVersion(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ version: number }>`select version from keyhole_schema`.execute(db);
  return rows[0]?.version ?? 0;
}
