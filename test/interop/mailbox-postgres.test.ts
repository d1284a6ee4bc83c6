import t, { type Test } from "tap";
import { startMailboxServer, type MailboxServer, type MailboxServerOptions } from "../../src/lib/wormhole/server/server.ts";
import { finish, keyhole, startKeyhole, checkFailure } from "../support/keyhole.ts";
import { MailboxClient, type Frame } from "../support/mailbox-client.ts";
import { PASSWORD, Postgres } from "./support/postgres.ts";

// Several mailbox servers of Keyhole over one PostgreSQL database.

const postgres = await Postgres.start(t);

interface Server extends Pick<MailboxServer, "stop"> {
  readonly url: string;
  readonly http: string;
}

async function start(t: Test, db: string, options: Partial<MailboxServerOptions> = {}): Promise<Server> {
  const server = await startMailboxServer({ listen: [{ host: "127.0.0.1", port: 0 }], db, ...options });
  t.teardown(() => server.stop());
  const at = `127.0.0.1:${server.addresses[0]!.port}`;
  return { url: `ws://${at}/v1`, http: `http://${at}`, stop: () => server.stop() };
}

async function startTwo(t: Test, name: string, options: Partial<MailboxServerOptions> = {}): Promise<readonly [Server, Server]> {
  const db = postgres.makeDatabase(name);
  // Both at once make the tables.
  return Promise.all([start(t, db, options), start(t, db, options)]);
}

function phases(frames: readonly Frame[]): readonly unknown[] {
  return frames.filter(({ type }) => type === "message").map(({ side, phase }) => `${String(side)} ${String(phase)}`);
}

/** The next messages of a mailbox. */
async function hear(client: MailboxClient, count: number): Promise<readonly unknown[]> {
  const frames = [];
  while (frames.length < count) frames.push(await client.receive("message"));
  return phases(frames);
}

await t.test("an exchange between two servers", async (t) => {
  const [one, two] = await startTwo(t, "exchange");
  const a = await MailboxClient.bind(t, one.url, "a");
  const b = await MailboxClient.bind(t, two.url, "b");
  const mailbox = await a.join("7");
  await a.say({ type: "add", phase: "pake", body: "7b7d", id: "m1" });
  t.equal(await b.join("7"), mailbox);
  t.match(await b.next(), { type: "message", side: "a", phase: "pake", body: "7b7d", id: "m1" });
  b.send({ type: "add", phase: "pake", body: "00" });
  t.match(await a.next(), { type: "message", side: "b", phase: "pake", body: "00", id: null });
  t.same(phases(await b.say()), ["b pake"]);
  t.match(await b.say({ type: "list" }), [{ nameplates: [{ id: "7" }] }]);
  await a.say({ type: "release" });
  t.match(await b.say({ type: "release" }, { type: "list" }), [{ type: "released" }, { nameplates: [] }]);
  const third = await MailboxClient.bind(t, one.url, "c");
  t.match(await third.say({ type: "open", mailbox }), [{ type: "error", error: "crowded" }]);
  await a.say({ type: "close", mood: "happy" });
  t.match(await b.say({ type: "close", mood: "happy" }), [{ type: "closed" }]);
});

await t.test("all hear the same, in the same order", async (t) => {
  const [one, two] = await startTwo(t, "ordered");
  const clients = await Promise.all([one, two, one, two].map(({ url }, i) => MailboxClient.bind(t, url, i % 2 === 0 ? "a" : "b")));
  for (const client of clients) await client.say({ type: "open", mailbox: "m" });
  const each = 100;
  for (let i = 0; i < each; i++) for (const [k, client] of clients.entries()) client.send({ type: "add", phase: `${k}-${i}`, body: "00" });
  const heard = await Promise.all(clients.map((client) => hear(client, each * clients.length)));
  t.equal(new Set(heard[0]).size, each * clients.length);
  for (const other of heard.slice(1)) t.same(other, heard[0]);
  const late = await MailboxClient.bind(t, two.url, "a");
  late.send({ type: "open", mailbox: "m" });
  t.same(await hear(late, each * clients.length), heard[0], "and so does who comes late");
});

await t.test("no number is given twice", async (t) => {
  const servers = await startTwo(t, "numbers");
  const allocate = async (i: number): Promise<unknown> => {
    const client = await MailboxClient.bind(t, servers[i % 2]!.url, `side ${i}`);
    return (await client.say({ type: "allocate" }))[0]?.nameplate;
  };
  const numbers = await Promise.all(Array.from({ length: 150 }, (_, i) => allocate(i)));
  t.equal(new Set(numbers).size, 150);
  t.equal(numbers.filter((number) => String(number).length < 3).length, 99, "the short ones first");
});

await t.test("notices about who came to another server", async (t) => {
  const [one, two] = await startTwo(t, "notices");
  const watching = await MailboxClient.bind(t, one.url, "issuer", { keyhole: { watch: true } });
  await watching.join("7");
  const b = await MailboxClient.bind(t, two.url, "b");
  await b.join("7");
  b.socket.close();
  t.match(await watching.next(), { type: "keyhole-notice", notice: "silent-claim", side: "b", reason: "left" });
  const c = await MailboxClient.bind(t, two.url, "c");
  t.match(await c.say({ type: "claim", nameplate: "7" }), [{ type: "error", error: "crowded" }]);
  t.match(await watching.next(), { type: "keyhole-notice", notice: "crowded", side: "c" });
});

await t.test("a mailbox that is in use at one server is not pruned by the other", async (t) => {
  const [one, two] = await startTwo(t, "pruning", { idleMs: 1000 });
  const a = await MailboxClient.bind(t, one.url, "a");
  await a.join("7");
  const b = await MailboxClient.bind(t, one.url, "b");
  await b.say({ type: "claim", nameplate: "8" });
  const c = await MailboxClient.bind(t, two.url, "c");
  let listed = await c.say({ type: "list" });
  for (let tries = 0; tries < 100 && JSON.stringify(listed).includes('"8"'); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    listed = await c.say({ type: "list" });
  }
  t.match(listed, [{ nameplates: [{ id: "7" }] }]);
  t.match(await a.say({ type: "add", phase: "0", body: "00" }), [{ type: "message" }]);
});

await t.test("text that PostgreSQL would refuse", async (t) => {
  const [one] = await startTwo(t, "text");
  const client = await MailboxClient.bind(t, one.url, "ä'\"\\\u{1f511}");
  t.match(await client.say({ type: "open", mailbox: "a\0b" }), [{ type: "error" }]);
  t.match(await client.say({ type: "open", mailbox: "m'); drop table keyhole_messages; --" }), []);
  t.match(await client.say({ type: "add", phase: "\\x00", body: "%s$1", id: "\0\ud800" }), [{ type: "message", side: "ä'\"\\\u{1f511}", phase: "\\x00", body: "%s$1", id: "\0\ud800" }]);
  t.match(await client.say({ type: "add", phase: "\ud800", body: "00" }), [{ type: "error" }]);
  const longest = "\u{ffff}".repeat(256);
  const long = await MailboxClient.bind(t, one.url, longest, { appid: longest });
  t.match(await long.say({ type: "open", mailbox: longest }, { type: "add", phase: longest, body: "00" }), [{ type: "message" }], "the longest names");
});

await t.test("servers started again", async (t) => {
  const db = postgres.makeDatabase("restart");
  const first = await start(t, db);
  const mailbox = await (await MailboxClient.bind(t, first.url, "a")).join("7");
  await first.stop();
  const second = await start(t, db);
  t.equal(await (await MailboxClient.bind(t, second.url, "b")).join("7"), mailbox);
});

await t.test("the connection by which servers hear of each other breaks", async (t) => {
  const [one, two] = await startTwo(t, "listening");
  const a = await MailboxClient.bind(t, one.url, "a");
  await a.say({ type: "open", mailbox: "m" });
  const b = await MailboxClient.bind(t, two.url, "b");
  await b.say({ type: "open", mailbox: "m" });
  postgres.query("listening", "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'listening' and pid <> pg_backend_pid() and query ilike 'listen%'");
  b.send({ type: "add", phase: "0", body: "00" });
  t.match(await a.next(), { type: "message", phase: "0" }, "what was missed comes later");
  b.send({ type: "add", phase: "1", body: "01" });
  t.match(await a.next(), { type: "message", phase: "1" });
});

await t.test("database and servers that do not fit", (t) => {
  const refuse = (db: string, status: number, error: RegExp): void => {
    const outcome = keyhole(["invite", "mailbox", "--listen", "127.0.0.1:0", "--db", db]);
    checkFailure(t, outcome, status, error);
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), "wrong-one"]) t.notOk(outcome.stderr.includes(secret), "without the password");
  };
  refuse(postgres.url("exchange", "wrong-one"), 3, /^error: database postgres:\/\/127\.0\.0\.1:[0-9]+\/exchange failed: password authentication failed/);
  refuse(postgres.url("nowhere"), 3, /^error: database postgres:\/\/127\.0\.0\.1:[0-9]+\/nowhere failed: database "nowhere" does not exist/);
  const newer = postgres.makeDatabase("newer");
  postgres.query("newer", "create table keyhole_schema (version integer); insert into keyhole_schema values (1000)");
  refuse(newer, 2, /^error: database has tables of version 1000, expected at most [0-9]+$/);
  t.equal(postgres.query("newer", "select count(*) from pg_tables where schemaname = 'public'").trim(), "1", "left as it was");
  t.end();
});

await t.test("the database goes away and comes back", async (t) => {
  const log: string[] = [];
  const server = await start(t, postgres.makeDatabase("comeback"), { log: (line) => log.push(line) });
  const a = await MailboxClient.bind(t, server.url, "a");
  const mailbox = await a.join("7");
  await a.say({ type: "add", phase: "0", body: "00" });
  postgres.stop();
  a.send({ type: "add", phase: "1", body: "01" });
  for (let tries = 0; tries < 200 && log.length === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  t.match(log[0], /^database postgres:\/\/127\.0\.0\.1:[0-9]+\/comeback cannot be reached: .*; trying again for 30 s$/);
  t.equal((await fetch(`${server.http}/healthz`)).status, 503);
  postgres.startAgain();
  t.match(await a.next(), { type: "message", phase: "1" }, "what was asked meanwhile is done");
  t.equal((await fetch(`${server.http}/healthz`)).status, 200);
  const b = await MailboxClient.bind(t, server.url, "b");
  t.equal(await b.join("7"), mailbox);
  t.same(await hear(b, 2), ["a 0", "a 1"]);
});

// Last, as it takes the database from all.
await t.test("the database does not come back", async (t) => {
  const child = startKeyhole(["invite", "mailbox", "--json", "--listen", "127.0.0.1:0", "--db", postgres.makeDatabase("gone")]);
  t.teardown(() => {
    child.kill("SIGKILL");
  });
  const ended = finish(child);
  const { url } = JSON.parse(await new Promise<string>((resolve) => child.stdout.once("data", (data: Buffer) => resolve(data.toString())))) as { readonly url: string };
  const a = await MailboxClient.bind(t, url, "a");
  await a.say({ type: "claim", nameplate: "7" });
  postgres.stop();
  a.send({ type: "list" });
  const { status, stderr } = await ended;
  t.equal(status, 3);
  t.match(stderr, /\nerror: database postgres:\/\/127\.0\.0\.1:[0-9]+\/gone cannot be reached: [^\n]+\nhint: start the server again once the database answers\n$/);
  t.notOk(stderr.includes(PASSWORD));
  t.equal(await a.ended(), 1001);
});
