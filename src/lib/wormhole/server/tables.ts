import { sql, type Compilable, type Kysely } from "kysely";
import { WormholeError } from "../../errors.ts";
import { parseJsonText, type Json } from "../json.ts";
import type { Claim, Mailbox, MailboxSide, Message } from "./mailbox.ts";
import { REST_MS, type Range } from "./numbers.ts";
import type { MailboxRow, MessageRow, Tables, UsageRow } from "./schema.ts";
import { inChunks, type Statements } from "./statements.ts";
import type { Counts, Transaction } from "./store.ts";
import type { Usage } from "./usage.ts";
import type { Changes, UsedNumber } from "./world.ts";

/** What commands look up and write, in either database. */
export class TableTransaction implements Transaction {
  readonly now: number;
  readonly #db: Kysely<Tables>;
  readonly #statements: Statements;

  constructor(db: Kysely<Tables>, statements: Statements, now: number) {
    this.#db = db;
    this.#statements = statements;
    this.now = now;
  }

  async mailboxesById(appid: string, ids: readonly string[]): Promise<readonly Mailbox[]> {
    const find = (chunk: readonly string[]): Promise<readonly MailboxRow[]> =>
      this.#run("mailboxesById", [appid, ...chunk], () => this.#db.selectFrom("keyhole_mailboxes").selectAll().where("app_id", "=", appid).where("id", "in", chunk));
    return (await this.#each(ids, find)).map(parseMailbox);
  }

  async mailboxesByNameplate(appid: string, nameplates: readonly string[]): Promise<readonly Mailbox[]> {
    const find = (chunk: readonly string[]): Promise<readonly MailboxRow[]> =>
      this.#run("mailboxesByNameplate", [appid, ...chunk], () => this.#db.selectFrom("keyhole_mailboxes").selectAll().where("app_id", "=", appid).where("nameplate", "in", chunk));
    return (await this.#each(nameplates, find)).map(parseMailbox);
  }

  async mailboxesByKey(keys: readonly number[]): Promise<readonly Mailbox[]> {
    const find = (chunk: readonly number[]): Promise<readonly MailboxRow[]> =>
      this.#run("mailboxesByKey", chunk, () => this.#db.selectFrom("keyhole_mailboxes").selectAll().where("key", "in", chunk));
    return (await this.#each(keys, find)).map(parseMailbox);
  }

  async idleMailboxes(before: number, limit: number): Promise<readonly Mailbox[]> {
    const rows = await this.#db.selectFrom("keyhole_mailboxes").selectAll().where("updated", "<=", before).orderBy("updated").limit(limit).execute();
    return rows.map(parseMailbox);
  }

  async nameplates(appid: string): Promise<readonly string[]> {
    const rows = await this.#run("nameplates", [appid], () => this.#db.selectFrom("keyhole_mailboxes").select("nameplate").where("app_id", "=", appid).where("nameplate", "is not", null));
    return rows.map(({ nameplate }) => nameplate ?? "");
  }

  async messages(key: number, from: number): Promise<readonly Message[]> {
    const rows = await this.#run("messages", [key, from], () => this.#db.selectFrom("keyhole_messages").selectAll().where("mailbox", "=", key).where("index", ">=", from).orderBy("index"));
    return rows.map(({ mailbox, index, side, phase, body, id, received }) => ({ mailbox, index, side, phase, body, id: id ?? undefined, received }));
  }

  /** One row for all: SQLite takes its time with each. */
  async takenNumbers(appid: string, { from, to }: Range): Promise<{ readonly numbers: ReadonlySet<number>; readonly until: number }> {
    const inAnyCase = this.now + REST_MS;
    const [row] = await this.#run("takenNumbers", [inAnyCase, appid, from, to, this.now], () =>
      this.#db
        .selectFrom("keyhole_numbers")
        .select([sql<string | null>`string_agg(cast(number as text), ',')`.as("numbers"), sql<number | null>`min(coalesce(rests_until, ${inAnyCase}))`.as("until")])
        .where("app_id", "=", appid)
        .where("number", ">=", from)
        .where("number", "<=", to)
        .where((where) => where.or([where("rests_until", "is", null), where("rests_until", ">", this.now)])),
    );
    const numbers = row?.numbers ?? "";
    return { numbers: new Set(numbers === "" ? [] : numbers.split(",").map(Number)), until: row?.until ?? this.now };
  }

  async takenAmong(appid: string, numbers: readonly number[]): Promise<ReadonlySet<number>> {
    const find = (chunk: readonly number[]): Promise<readonly { readonly number: number }[]> =>
      this.#run("takenAmong", [appid, ...chunk, this.now], () =>
        this.#db
          .selectFrom("keyhole_numbers")
          .select("number")
          .where("app_id", "=", appid)
          .where("number", "in", chunk)
          .where((where) => where.or([where("rests_until", "is", null), where("rests_until", ">", this.now)])),
      );
    return new Set((await this.#each(numbers, find)).map(({ number }) => number));
  }

  async save({ mailboxes, removed, messages, numbers, usage }: Changes): Promise<void> {
    // First what is gone: another mailbox may have its name by now.
    await this.#each(removed, (keys) => this.#run("removeMailboxes", keys, () => this.#db.deleteFrom("keyhole_mailboxes").where("key", "in", keys)));
    await this.#each(removed, (keys) => this.#run("removeMessages", keys, () => this.#db.deleteFrom("keyhole_messages").where("mailbox", "in", keys)));
    await this.#each(mailboxes.map(mailboxRow), (rows) => this.#saveMailboxes(rows));
    await this.#each(messages.map(messageRow), (rows) => this.#run("addMessages", valuesOf(rows), () => this.#db.insertInto("keyhole_messages").values(rows)));
    await this.#each(numbers.map(numberRow), (rows) => this.#saveNumbers(rows));
    await this.#each(usage.map(usageRow), (rows) => this.#run("addUsage", valuesOf(rows), () => this.#db.insertInto("keyhole_usage").values(rows)));
  }

  async touch(keys: readonly number[]): Promise<void> {
    await this.#each(keys, (chunk) => this.#run("touch", [this.now, ...chunk], () => this.#db.updateTable("keyhole_mailboxes").set({ updated: this.now }).where("key", "in", chunk)));
  }

  async forget(usageBefore: number): Promise<void> {
    await this.#db.deleteFrom("keyhole_numbers").where("rests_until", "<=", this.now).execute();
    await this.#db.deleteFrom("keyhole_usage").where("started", "<", usageBefore).execute();
  }

  async count(): Promise<Counts> {
    const count = sql<number>`count(*)`;
    const [row] = await this.#db.selectFrom("keyhole_mailboxes").select([count.as("mailboxes"), sql<number>`count(nameplate)`.as("nameplates")]).execute();
    return { mailboxes: Number(row?.mailboxes), nameplates: Number(row?.nameplates) };
  }

  #saveMailboxes(rows: readonly MailboxRow[]): Promise<readonly unknown[]> {
    return this.#run("saveMailboxes", valuesOf(rows), () =>
      this.#db
        .insertInto("keyhole_mailboxes")
        .values(rows)
        .onConflict((conflict) =>
          conflict.column("key").doUpdateSet((set) => ({
            nameplate: set.ref("excluded.nameplate"),
            claims: set.ref("excluded.claims"),
            sides: set.ref("excluded.sides"),
            messages: set.ref("excluded.messages"),
            length: set.ref("excluded.length"),
            updated: set.ref("excluded.updated"),
          })),
        ),
    );
  }

  #saveNumbers(rows: readonly Tables["keyhole_numbers"][]): Promise<readonly unknown[]> {
    return this.#run("saveNumbers", valuesOf(rows), () =>
      this.#db
        .insertInto("keyhole_numbers")
        .values(rows)
        .onConflict((conflict) => conflict.columns(["app_id", "number"]).doUpdateSet((set) => ({ rests_until: set.ref("excluded.rests_until") }))),
    );
  }

  #run<Row>(name: string, values: readonly unknown[], build: () => Compilable<Row>): Promise<readonly Row[]> {
    return this.#statements.run(this.#db as Kysely<never>, name, values, build);
  }

  async #each<T, Row>(values: readonly T[], run: (chunk: readonly T[]) => Promise<readonly Row[]>): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (const chunk of inChunks(values)) rows.push(...(await run(chunk)));
    return rows;
  }
}

function valuesOf(rows: readonly object[]): readonly unknown[] {
  return rows.flatMap((row) => Object.values(row) as unknown[]);
}

// The fields of each row stand in the order of its columns, as their values are
// taken in that order.

function mailboxRow({ key, appid, id, nameplate, forNameplate, sides, messages, length, updated }: Mailbox): MailboxRow {
  return {
    key,
    app_id: appid,
    id,
    nameplate: nameplate?.name ?? null,
    claims: nameplate === undefined ? null : JSON.stringify(nameplate.claims),
    for_nameplate: Number(forNameplate),
    sides: JSON.stringify(sides),
    messages,
    length,
    updated,
  };
}

function messageRow({ mailbox, index, side, phase, body, id, received }: Message): MessageRow {
  return { mailbox, index, side, phase, body, id: id ?? null, received };
}

function numberRow({ appid, number, restsUntil }: UsedNumber): Tables["keyhole_numbers"] {
  return { app_id: appid, number, rests_until: restsUntil ?? null };
}

function usageRow({ what, appid, forNameplate, started, waitingMs, totalMs, result }: Usage): UsageRow {
  return { what, app_id: appid, for_nameplate: Number(forNameplate), started, waiting_ms: waitingMs ?? null, total_ms: totalMs, result };
}

function parseMailbox({ key, app_id, id, nameplate, claims, for_nameplate, sides, messages, length, updated }: MailboxRow): Mailbox {
  return {
    key,
    appid: app_id,
    id,
    nameplate: nameplate === null ? undefined : { name: nameplate, claims: parseColumn(claims) as unknown as readonly Claim[] },
    forNameplate: for_nameplate !== 0,
    sides: parseColumn(sides) as unknown as readonly MailboxSide[],
    messages,
    length,
    updated,
  };
}

/** A database that this program wrote is not distrusted further than this. */
function parseColumn(text: string | null): readonly Json[] {
  const value = parseJsonText(text ?? "");
  if (!Array.isArray(value)) throw new WormholeError("WORMHOLE_STORE", "database holds a mailbox whose sides are no list", { kind: "outside", hint: "restore it from a backup, or begin with a new one" });
  return value as readonly Json[];
}
