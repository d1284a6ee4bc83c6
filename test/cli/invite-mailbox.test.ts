import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { GOOD, OTHER_HOST } from "../support/certificates.ts";
import { checkFailure, finish, keyhole, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";
import { MailboxClient } from "../support/mailbox-client.ts";

interface Started {
  readonly url: string;
  readonly child: ReturnType<typeof startKeyhole>;
  readonly ended: Promise<Outcome & { readonly signal: NodeJS.Signals | null }>;
}

async function start(t: Test, words: readonly string[], options: Parameters<typeof startKeyhole>[1] = {}): Promise<Started> {
  const child = startKeyhole(["invite", "mailbox", "--json", "--listen", "127.0.0.1:0", ...words], options);
  t.teardown(() => {
    child.kill("SIGKILL");
  });
  const ended = finish(child);
  const line = await firstOutput(child.stdout, ended);
  const { url, ...event } = JSON.parse(line) as { readonly url: string };
  t.same(event, { event: "listening" });
  return { url, child, ended };
}

/** @throws where the program ends without */
async function firstOutput(stream: NodeJS.ReadableStream, ended: Started["ended"]): Promise<string> {
  const output = once(stream, "data").then(([data]) => String(data));
  return Promise.race([output, ended.then(({ stderr }) => Promise.reject(new Error(`it ended: ${stderr}`)))]);
}

t.test("it says where it listens, serves, and ends well by SIGTERM", async (t) => {
  const { url, child, ended } = await start(t, ["--db", ":memory:", "--motd", "hello\u{1f511}"]);
  t.match(url, /^ws:\/\/127\.0\.0\.1:[0-9]+\/v1$/);
  const client = await MailboxClient.connect(t, url);
  t.match(await client.next(), { type: "welcome", welcome: { motd: "hello\u{1f511}" } });
  client.send({ type: "bind", appid: "test", side: "a" });
  t.match(await client.say({ type: "claim", nameplate: "7" }, { type: "list" }), [{ type: "claimed" }, { nameplates: [{ id: "7" }] }]);
  child.kill("SIGTERM");
  t.equal(await client.ended(), 1001);
  t.match(await ended, { status: 0, signal: null, stderr: /^$/ });
});

t.test("in words", async (t) => {
  const child = startKeyhole(["invite", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
  const ended = finish(child);
  t.match(await firstOutput(child.stderr, ended), /^listening at ws:\/\/127\.0\.0\.1:[0-9]+\/v1; Ctrl-C ends it\n$/);
  child.kill("SIGINT");
  t.match(await ended, { status: 130, signal: null, stdout: /^$/, stderr: /^listening [^\n]+\n$/ });
});

t.test("clients that do not answer are not waited for, and a second signal ends it at once", async (t) => {
  const { url, child, ended } = await start(t, ["--db", ":memory:"]);
  const deaf = await MailboxClient.bind(t, url, "a");
  deaf.socket.pause();
  child.kill("SIGTERM");
  t.equal((await ended).status, 0);

  const second = await start(t, ["--db", ":memory:"]);
  const other = await MailboxClient.bind(t, second.url, "a");
  other.socket.pause();
  second.child.kill("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 100));
  second.child.kill("SIGTERM");
  t.match(await second.ended, { status: null, signal: "SIGTERM" });
});

t.test("where its database is", async (t) => {
  const home = temporaryDirectory(t);
  const places = [
    [{}, join(home, ".local/state/keyhole")],
    [{ XDG_STATE_HOME: join(home, "state") }, join(home, "state/keyhole")],
    [{ XDG_STATE_HOME: "relative" }, join(home, ".local/state/keyhole")],
  ] as const;
  for (const [env, directory] of places) {
    const { child, ended } = await start(t, [], { cwd: home, env });
    child.kill("SIGTERM");
    t.equal((await ended).status, 0);
    t.same(readdirSync(directory), ["mailbox.db"]);
    t.equal(statSync(directory).mode & 0o777, 0o700);
    t.equal(statSync(join(directory, "mailbox.db")).mode & 0o777, 0o600);
  }
  const { child, ended } = await start(t, [], { cwd: home, env: { KEYHOLE_MAILBOX_DB: join(home, "by-environment.db") } });
  child.kill("SIGTERM");
  await ended;
  t.ok(existsSync(join(home, "by-environment.db")));
});

t.test("started again, or twice", async (t) => {
  const db = join(temporaryDirectory(t), "mailbox.db");
  const first = await start(t, ["--db", db]);
  const mailbox = await (await MailboxClient.bind(t, first.url, "a")).join("7");
  checkFailure(t, keyhole(["invite", "mailbox", "--listen", "127.0.0.1:0", "--db", db]), 3, /^error: database .*mailbox\.db is in use by another process$/);
  first.child.kill("SIGKILL");
  await first.ended;
  const second = await start(t, ["--db", db]);
  t.equal(await (await MailboxClient.bind(t, second.url, "b")).join("7"), mailbox);
});

t.test("options", async (t) => {
  const directory = temporaryDirectory(t);
  writeFiles(directory, { cert: GOOD.cert, key: GOOD.key });
  const { url, child, ended } = await start(t, ["--db", ":memory:", "--disallow-list", "--max-connections", "1", "--max-message", "1024", "--claims-per-minute", "1", "--tls-cert", "cert", "--tls-key", "key"], { cwd: directory });
  t.match(url, /^wss:\/\/127\.0\.0\.1:/);
  const client = await MailboxClient.connect(t, url, { rejectUnauthorized: false });
  client.send({ type: "bind", appid: "test", side: "a" });
  t.match(await client.say({ type: "claim", nameplate: "7" }, { type: "allocate" }, { type: "list" }), [{ type: "welcome" }, { type: "claimed" }, { type: "error", error: /^too many claims/ }, { nameplates: [] }]);
  await t.rejects(MailboxClient.connect(t, url, { rejectUnauthorized: false }), { message: "Unexpected server response: 503" });
  client.send({ type: "ping", ping: "x".repeat(2000) });
  t.equal(await client.ended(), 1009);
  child.kill("SIGTERM");
  t.equal((await ended).status, 0);
});

t.test("idle mailboxes", async (t) => {
  const { url } = await start(t, ["--db", ":memory:", "--idle", "1s"]);
  const a = await MailboxClient.bind(t, url, "a");
  await a.say({ type: "claim", nameplate: "7" });
  let listed = await a.say({ type: "list" });
  t.match(listed, [{ nameplates: [{ id: "7" }] }]);
  for (let tries = 0; tries < 100 && JSON.stringify(listed).includes("id"); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    listed = await a.say({ type: "list" });
  }
  t.match(listed, [{ nameplates: [] }]);
});

t.test("what cannot be", (t) => {
  const directory = temporaryDirectory(t);
  writeFiles(directory, { cert: GOOD.cert, key: GOOD.key, "other.key": OTHER_HOST.key, text: "no database\n".repeat(50) });
  const cases: readonly (readonly [words: readonly string[], status: number, error: RegExp])[] = [
    [["--listen", "4000"], 2, /^error: --listen is "4000", expected HOST:PORT/],
    [["--listen", "127.0.0.1:65536"], 2, /^error: --listen is /],
    [["--listen", "[127.0.0.1]:0"], 2, /^error: --listen is /],
    [["--listen", ":0"], 2, /^error: --listen is /],
    [["--listen", "192.0.2.1:0"], 3, /^error: cannot listen on 192\.0\.2\.1:0: this machine does not have the address$/],
    [["--idle", "5"], 2, /^error: --idle is "5"/],
    [["--max-connections", "0"], 2, /^error: --max-connections is "0"/],
    [["--max-message", "1023"], 2, /^error: --max-message is "1023"/],
    [["--claims-per-minute", "0"], 2, /^error: --claims-per-minute is "0"/],
    [["--motd", "x".repeat(5001)], 2, /^error: --motd is 5001 characters/],
    [["--tls-cert", "cert"], 2, /^error: --tls-cert needs --tls-key$/],
    [["--tls-key", "key"], 2, /^error: --tls-key needs --tls-cert$/],
    [["--tls-cert", "none", "--tls-key", "key"], 2, /^error: TLS certificate none cannot be read: no such file/],
    [["--tls-cert", "cert", "--tls-key", "other.key"], 2, /^error: certificate and private key are not a pair in PEM$/],
    [["--tls-cert", "text", "--tls-key", "key"], 2, /^error: certificate and private key are not a pair in PEM$/],
    [["--db", "text"], 2, /^error: text is not a database of keyhole's mailbox server$/],
    [["--db", "."], 2, /^error: database \. cannot be read: it is a directory/],
    [["--db", "none/mailbox.db"], 2, /^error: database none\/mailbox\.db cannot be read: no such file/],
    [["--db", "postgres://user:sesame@127.0.0.1:1/db"], 3, /^error: database postgres:\/\/127\.0\.0\.1:1\/db cannot be reached: /],
    [["--db", "postgres://user:ses ame@[/db"], 2, /^error: database URL cannot be read$/],
    [["word"], 2, /^error: invite mailbox takes no further word/],
  ];
  for (const [words, status, error] of cases) {
    const outcome = keyhole(["invite", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:", ...words], { cwd: directory });
    checkFailure(t, outcome, status, error, words.join(" ").slice(0, 60));
    t.notMatch(outcome.stderr, /sesame|ses ame/);
  }
  t.end();
});

t.test("a private key that others can read", async (t) => {
  const directory = temporaryDirectory(t);
  writeFiles(directory, { cert: GOOD.cert, key: GOOD.key });
  chmodSync(join(directory, "key"), 0o644);
  for (const [words, expected] of [[[], /^warning: TLS private key key can be read by others\n$/], [["--quiet"], /^$/]] as const) {
    const { child, ended } = await start(t, ["--db", ":memory:", "--tls-cert", "cert", "--tls-key", "key", ...words], { cwd: directory });
    child.kill("SIGTERM");
    t.match(await ended, { status: 0, stderr: expected });
  }
});

t.test("a port in use", async (t) => {
  const { url } = await start(t, ["--db", ":memory:"]);
  const at = /127\.0\.0\.1:[0-9]+/.exec(url)![0];
  checkFailure(t, keyhole(["invite", "mailbox", "--listen", at, "--db", ":memory:"]), 3, /^error: cannot listen on 127\.0\.0\.1:[0-9]+: another program has it \(EADDRINUSE\)$/);
});
