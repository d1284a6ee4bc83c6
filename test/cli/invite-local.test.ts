import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import t from "tap";
import { WebSocket } from "ws";
import { mailboxUrlAt, privateAddresses } from "../../src/lib/invite/local-addresses.ts";
import { bareSide, eventNames, eventsOf, invite, nameplateOf, shell } from "../support/invite.ts";
import type { Program } from "../interop/support/program.ts";

// A mailbox server for the time of one call.

interface Local {
  readonly code: string;
  readonly url: string;
  readonly command: string;
}

async function codeOf(program: Program): Promise<Local> {
  const [line] = await program.expect("stdout", /^\{"event":"code".*\}\n/);
  return JSON.parse(line) as Local;
}

const isFree = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname.replaceAll(/[[\]]/g, ""));
    socket.on("error", () => resolve(true));
    socket.on("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });

t.test("the command that the other person types", async (t) => {
  const program = invite(t, ["create", "--local", "--text", '{"a": 1}']);
  const [, code, commands] = await program.expect("stdout", /^(\d\S+)\n((?:keyhole .*\n)+)/);
  for (const command of commands!.trimEnd().split("\n")) t.match(command, /^keyhole invite accept --mailbox (ws:\/\/[\d.]+:\d+\/v1|'ws:\/\/\[[0-9a-f:]+\]:\d+\/v1') \d+-[a-z]+-[a-z]+$/);
  const urls = [...commands!.matchAll(/ws:\/\/[^' ]+/g)].map(([url]) => url);
  const { port } = new URL(urls[0]!);
  const addresses = privateAddresses(networkInterfaces());
  t.same(urls, (addresses.length === 0 ? ["127.0.0.1"] : addresses).map((host) => mailboxUrlAt({ host, port: Number(port) })), "one for each private address, at one port");

  const [first] = commands!.split("\n");
  const received = await shell(t, first!, "");
  t.match(received, { status: 0, stdout: '{"a": 1}', stderr: "" });
  t.match(await program.ended, { status: 0, stdout: `${code!}\n${commands!}` });
  for (const url of urls) t.ok(await isFree(url), "the server is gone with the call");
});

t.test("--listen", async (t) => {
  const program = invite(t, ["create", "--json", "--local", "--listen", "127.0.0.1:0", "--format", "text", "--verify", "--yes", "--text", "hello"]);
  const { code, url, command } = await codeOf(program);
  t.match(url, /^ws:\/\/127\.0\.0\.1:\d+\/v1$/);
  t.equal(command, `keyhole invite accept --mailbox ${url} --format text --verify ${code}`);
  t.equal((await shell(t, `${command} --yes`, "")).stdout, "hello");
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [0, ["code", "contacted", "verified", "delivered"]]);

  const any = invite(t, ["create", "--json", "--local", "--listen", "[::1]:0", "--ttl", "1s", "--text", "{}"]);
  t.match((await codeOf(any)).url, /^ws:\/\/\[::1\]:\d+\/v1$/);
  t.equal((await any.ended).status, 1);
});

t.test("an address that cannot be listened on", async (t) => {
  for (const [address, status, error] of [
    ["203.0.113.7:4000", 3, /cannot listen on 203\.0\.113\.7:4000: this machine does not have the address/],
    ["127.0.0.1", 2, /--listen is "127\.0\.0\.1", expected HOST:PORT/],
  ] as const) {
    t.match(await invite(t, ["create", "--local", "--listen", address, "--text", "{}"]).ended, { status, stdout: "", stderr: error });
  }
});

t.test("a mailbox server of the environment is not asked", async (t) => {
  const program = invite(t, ["create", "--json", "--local", "--ttl", "1s", "--text", "{}"], { env: { KEYHOLE_MAILBOX: "ws://127.0.0.1:1/v1" } });
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [1, ["code", "expired"]]);
});

t.test("the server tells of a side that comes and says nothing, and of a third one", async (t) => {
  const silent = invite(t, ["create", "--json", "--local", "--ttl", "3s", "--text", "{}"]);
  const first = await codeOf(silent);
  const side = await bareSide(t, first.url);
  await side.join(nameplateOf(first.code));
  side.close();
  await silent.expect("stderr", /^somebody has taken the number of the code and has not spoken yet; /);
  const ended = await silent.ended;
  t.same([ended.status, eventNames(ended)], [1, ["code", "silent-guess"]]);

  const crowded = invite(t, ["create", "--json", "--local", "--text", "{}"]);
  const second = await codeOf(crowded);
  await (await bareSide(t, second.url)).join(nameplateOf(second.code));
  (await bareSide(t, second.url)).send({ type: "claim", nameplate: nameplateOf(second.code) });
  const told = await crowded.ended;
  t.same([told.status, eventNames(told)], [1, ["code", "crowded"]]);
});

t.test("many", async (t) => {
  // More than the server allows each address in a minute, were it not this process.
  const program = invite(t, ["create", "--json", "--local", "--count", "100", "--ttl", "2s", "--text", "{}"]);
  const ended = await program.ended;
  t.equal(ended.status, 1);
  const counts = eventsOf(ended).reduce<Record<string, number>>((sum, { event }) => ({ ...sum, [String(event)]: (sum[String(event)] ?? 0) + 1 }), {});
  t.same(counts, { code: 100, expired: 100 });
});

t.test("Ctrl-C", async (t) => {
  const program = invite(t, ["create", "--json", "--local", "--text", "{}"]);
  const { url } = await codeOf(program);
  program.kill("SIGINT");
  t.equal((await program.ended).status, 130);
  t.ok(await isFree(url));
});

t.test("strangers in the same network", async (t) => {
  const program = invite(t, ["create", "--json", "--local", "--listen", "127.0.0.1:0", "--ttl", "1m", "--text", "{}"]);
  const { url } = await codeOf(program);
  const loud = new WebSocket(url);
  const closed = new Promise<number>((resolve) => loud.on("close", resolve));
  loud.on("open", () => loud.send(`{"type":"ping","ping":"${"x".repeat(50_000)}"}`));
  loud.on("error", () => undefined);
  t.equal(await closed, 1009, "a frame that no invite of this size needs is not taken");

  const sockets = Array.from({ length: 80 }, () => new WebSocket(url));
  t.teardown(() => void sockets.forEach((socket) => socket.terminate()));
  const opened = await Promise.all(sockets.map((socket) => new Promise<boolean>((resolve) => socket.on("open", () => resolve(true)).on("error", () => resolve(false)))));
  const count = opened.filter((isOpen) => isOpen).length;
  t.ok(count >= 60 && count < 70, `so many connections at a time: ${count}`);
  for (const socket of sockets) socket.terminate();
  program.kill("SIGINT");
  t.equal((await program.ended).status, 130);
});
