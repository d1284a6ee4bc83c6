import Database from "libsql";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { MailboxClient } from "../../../support/mailbox-client.ts";
import { temporaryDirectory } from "../../../support/keyhole.ts";
import { fillDisk, mountSmallDisk } from "../../../support/small-disk.ts";
import { SCHEMA_VERSION } from "../../../../src/lib/wormhole/server/schema.ts";
import { openSqlite } from "../../../../src/lib/wormhole/server/sqlite.ts";
import { errorCodeOf } from "../../errors.ts";
import { startServer } from "./live.ts";

async function makeDatabase(t: Test): Promise<string> {
  const path = join(temporaryDirectory(t), "mailbox.db");
  await (await openSqlite(path)).close();
  return path;
}

t.test("a new file is for its owner alone", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "mailbox.db");
  const mask = process.umask(0);
  const store = await openSqlite(path);
  process.umask(mask);
  await store.transaction((transaction) => transaction.save({ mailboxes: [], removed: [], messages: [], usage: [], numbers: [{ appid: "a", number: 1, restsUntil: 1 }] }));
  const files = readdirSync(directory);
  t.ok(files.includes("mailbox.db-wal"), "with its log");
  for (const name of files) t.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  await store.close();
  t.same(readdirSync(directory), ["mailbox.db"], "and it is one file again");
});

t.test("every commit is on the disk before its reply", async (t) => {
  const path = await makeDatabase(t);
  const { url } = await startServer(t, { db: path });
  const a = await MailboxClient.bind(t, url, "a");
  await a.say({ type: "open", mailbox: "m" }, { type: "add", phase: "0", body: "00" });
  // As after a loss of power, without what SQLite would do when it ends.
  const directory = temporaryDirectory(t);
  for (const end of ["", "-wal"]) writeFileSync(join(directory, `mailbox.db${end}`), readFileSync(path + end));
  const store = await openSqlite(join(directory, "mailbox.db"));
  t.match(await store.transaction(async (transaction) => transaction.messages((await transaction.mailboxesById("test", ["m"]))[0]!.key, 0)), [{ side: "a", phase: "0", body: "00" }]);
  await store.close();
});

t.test("one server at a time", async (t) => {
  const path = await makeDatabase(t);
  const first = await openSqlite(path);
  t.equal(await errorCodeOf(openSqlite(path)), "WORMHOLE_STORE_LOCKED");
  const link = join(temporaryDirectory(t), "link.db");
  symlinkSync(path, link);
  t.equal(await errorCodeOf(openSqlite(link)), "WORMHOLE_STORE_LOCKED", "by whatever name");
  await first.close();
  await (await openSqlite(link)).close();
});

t.test("a server that was killed leaves no lock", async (t) => {
  const path = await makeDatabase(t);
  const script = `import Database from "libsql"; const db = new Database(process.argv[1]); db.exec("pragma locking_mode = exclusive"); db.exec("pragma journal_mode = wal"); db.exec("create table left_over (x)"); process.kill(process.pid, "SIGKILL");`;
  t.equal(spawnSync(process.execPath, ["--input-type=module", "-e", script, path]).signal, "SIGKILL");
  await (await openSqlite(path)).close();
});

t.test("files of others are left as they are", async (t) => {
  const directory = temporaryDirectory(t);
  const other = join(directory, "other.db");
  const database = new Database(other);
  database.exec("create table notes (x text)");
  database.exec("insert into notes values ('mine')");
  database.close();
  writeFileSync(join(directory, "text"), "these are no tables\n".repeat(100));
  writeFileSync(join(directory, "short"), "SQLite format 3\0");
  for (const name of ["other.db", "text", "short"]) {
    const path = join(directory, name);
    const before = readFileSync(path);
    t.equal(await errorCodeOf(openSqlite(path)), "WORMHOLE_STORE_FOREIGN", name);
    t.same(readFileSync(path), before);
  }
  t.same(readdirSync(directory).sort(), ["other.db", "short", "text"], "nothing beside them either");
});

t.test("what is no file, or cannot be read", async (t) => {
  const directory = temporaryDirectory(t);
  t.equal(await errorCodeOf(openSqlite(directory)), "FILE_READ");
  t.equal(await errorCodeOf(openSqlite(join(directory, "none", "mailbox.db"))), "FILE_READ");
  t.equal(await errorCodeOf(openSqlite("/dev/null")), "WORMHOLE_STORE_FOREIGN");
  t.same(readdirSync(directory), []);
});

t.test("tables of a newer version", async (t) => {
  const path = await makeDatabase(t);
  const bytes = readFileSync(path);
  bytes.writeUInt32BE(SCHEMA_VERSION + 1, 60);
  writeFileSync(path, bytes);
  t.equal(await errorCodeOf(openSqlite(path)), "WORMHOLE_STORE_VERSION", "by the head of the file");
  t.same(readFileSync(path), bytes);

  const second = await makeDatabase(t);
  const database = new Database(second);
  database.exec(`update keyhole_schema set version = ${SCHEMA_VERSION + 1}`);
  database.close();
  t.equal(await errorCodeOf(openSqlite(second)), "WORMHOLE_STORE_VERSION", "by what it says itself");
});

t.test("a damaged file", async (t) => {
  const path = await makeDatabase(t);
  const bytes = readFileSync(path);
  bytes.fill(0xff, 100, 5000);
  writeFileSync(path, bytes);
  t.match(await errorCodeOf(openSqlite(path)), /^WORMHOLE_STORE/);
});

t.test("a transaction that fails leaves nothing", async (t) => {
  const store = await openSqlite(":memory:");
  const mailbox = { key: 1, appid: "test", id: "m", nameplate: undefined, forNameplate: false, sides: [], messages: 0, length: 0, updated: 1 };
  const changes = { mailboxes: [mailbox], removed: [], messages: [], numbers: [], usage: [] };
  await t.rejects(store.transaction(async (transaction) => {
    await transaction.save(changes);
    throw new Error("no");
  }), { message: "no" });
  t.same(await store.transaction((transaction) => transaction.count()), { mailboxes: 0, nameplates: 0 });
  await store.transaction((transaction) => transaction.save(changes));
  t.equal(await errorCodeOf(store.transaction((transaction) => transaction.save({ ...changes, mailboxes: [{ ...mailbox, key: 2 }] }))), "WORMHOLE_STORE", "two of one name");
  t.same(await store.transaction((transaction) => transaction.count()), { mailboxes: 1, nameplates: 0 });
  await store.close();
});

t.test("mailboxes come back as they were", async (t) => {
  const store = await openSqlite(":memory:", { now: () => 5 });
  const mailbox = {
    key: 2 ** 48 - 2, appid: "app", id: "id", nameplate: { name: "7", claims: [{ side: "a", added: 1, claimed: true }, { side: "ä'\"", added: 2, claimed: false }] }, forNameplate: true,
    sides: [{ side: "a", added: 1, opened: true, via: 2 ** 48 - 2, spoke: true }, { side: "ä'\"", added: 2, opened: false, mood: "happy", via: 3, left: true }], messages: 3, length: 2 ** 40, updated: 1_700_000_000_000,
  };
  await store.transaction((transaction) => transaction.save({ mailboxes: [mailbox], removed: [], messages: [], numbers: [], usage: [] }));
  await store.transaction(async (transaction) => {
    t.equal(transaction.now, 5);
    for (const found of [await transaction.mailboxesById("app", ["x", "id", "y"]), await transaction.mailboxesByNameplate("app", ["7"]), await transaction.mailboxesByKey([mailbox.key]), await transaction.idleMailboxes(mailbox.updated, 5)]) t.same(found, [mailbox]);
    t.same(await transaction.idleMailboxes(mailbox.updated - 1, 5), []);
    t.same(await transaction.mailboxesById("App", ["id"]), []);
    await transaction.touch([mailbox.key, 7]);
    t.match(await transaction.mailboxesByKey([mailbox.key]), [{ updated: 5 }]);
  });
  await store.close();
});

t.test("old usage and rested numbers are forgotten", async (t) => {
  const store = await openSqlite(":memory:", { now: () => 100 });
  const usage = { what: "mailbox", appid: "a", forNameplate: true, started: 10, waitingMs: undefined, totalMs: 3, result: "happy" } as const;
  await store.transaction((transaction) => transaction.save({ mailboxes: [], removed: [], messages: [], usage: [usage, { ...usage, started: 20 }], numbers: [100, 101, undefined].map((restsUntil, i) => ({ appid: "a", number: i + 1, restsUntil })) }));
  await store.transaction((transaction) => transaction.forget(20));
  await store.transaction(async (transaction) => t.same(await transaction.takenNumbers("a", { from: 1, to: 9 }), { numbers: new Set([2, 3]), until: 101 }));
  await store.close();
});

t.test("no room on the disk", async (t) => {
  const directory = temporaryDirectory(t);
  if (!mountSmallDisk(t, directory, "400k")) return;
  const log: string[] = [];
  const server = await startServer(t, { db: join(directory, "mailbox.db"), log: (line) => log.push(line) });
  const a = await MailboxClient.bind(t, server.url, "a");
  await a.say({ type: "open", mailbox: "m" }, { type: "add", phase: "0", body: "00" });
  fillDisk(directory);
  const body = "00".repeat(20_000);
  let said = await a.say({ type: "add", phase: "1", body });
  for (let i = 0; i < 20 && said[0]?.type === "message"; i++) said = await a.say({ type: "add", phase: "1", body });
  t.match(said, [{ type: "error", error: "the server cannot store this now" }]);
  t.match(log.at(-1), /^database failed: .*full/);
  t.equal((await fetch(`${server.http}/healthz`)).status, 503);
  t.match(await a.say({ type: "ping", ping: 1 }), [{ type: "pong" }], "it stays up");
  rmSync(join(directory, "filler"));
  t.match(await a.say({ type: "add", phase: "2", body: "02" }), [{ type: "message", phase: "2" }], "and goes on once there is room");
  t.equal((await fetch(`${server.http}/healthz`)).status, 200);
});
