import { once } from "node:events";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { GOOD, OTHER_HOST } from "../../../support/certificates.ts";
import { MailboxClient } from "../../../support/mailbox-client.ts";
import { temporaryDirectory } from "../../../support/keyhole.ts";
import { errorCodeOf } from "../../errors.ts";
import { startServer, type LiveServer } from "./live.ts";

async function metrics({ http }: LiveServer): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return new Map(text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => [line.replace(/ [^ ]*$/, ""), Number(line.replace(/^.* /, ""))]));
}

/** Waits for what comes without being asked for. */
async function eventually(t: Test, isSo: () => boolean | Promise<boolean>, name: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isSo()) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.ok(await isSo(), name);
}

t.test("frames", async (t) => {
  const { url } = await startServer(t, { motd: "hello" });
  const client = await MailboxClient.connect(t, url);
  t.match(await client.nextOfAll(), { type: "welcome", welcome: { motd: "hello", "your-address": { ipv4: "127.0.0.1", port: Number } }, server_tx: Number });
  client.send({ type: "ping", ping: 3, id: "b1b1" });
  t.match(await client.nextOfAll(), { type: "ack", id: "b1b1", server_tx: Number }, "first the ack");
  t.match(await client.nextOfAll(), { type: "pong", pong: 3, server_tx: Number });
  client.send({ type: "bogus" }, { no: "type" });
  t.match(await client.nextOfAll(), { type: "ack", id: null });
  t.match(await client.nextOfAll(), { type: "error", error: "must bind first", orig: { type: "bogus" }, server_tx: Number });
  t.match(await client.nextOfAll(), { type: "error", error: "missing 'type'", orig: { no: "type" } }, "no ack for what has no type");
  client.send({ type: "bind", appid: "test", side: "a" }, { type: "open", mailbox: "m" }, { type: "add", phase: "0", body: "00", id: "x1" });
  for (const id of [null, null, "x1"]) t.match(await client.nextOfAll(), { type: "ack", id }, "bind and open have no answer of their own");
  t.match(await client.nextOfAll(), { type: "message", side: "a", phase: "0", body: "00", id: "x1", server_rx: Number, server_tx: Number });
});

t.test("frames that are wrong", async (t) => {
  const { url } = await startServer(t);
  const other = await MailboxClient.bind(t, url, "other");
  const client = await MailboxClient.bind(t, url, "a");
  const nested = (depth: number): string => `{"type":"ping","ping":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const cases: readonly (readonly [name: string, frame: string | Uint8Array, error: string])[] = [
    ["null", "null", "not a JSON object"],
    ["an array", "[]", "not a JSON object"],
    ["a string", '"ping"', "not a JSON object"],
    ["a number", "7", "not a JSON object"],
    ["nothing", "", "not JSON, or nested too deeply"],
    ["half of it", '{"type":"ping"', "not JSON, or nested too deeply"],
    ["deep", nested(1_000_000), "not JSON, or nested too deeply"],
    ["a key of that name", '{"__proto__":{"type":"list"}}', "missing 'type'"],
    ["binary", Buffer.from('{"type":"list"}'), "binary frame, expected text"],
    ["a type that is none", '{"type":{"toString":1}}', "unknown type"],
    ["a nameplate that is none", '{"type":"claim","nameplate":1}', "nameplate must be 1 to 40 digits"],
    ["a mailbox that is none", '{"type":"open","mailbox":[]}', "mailbox must be a string of at most 256 characters"],
    ["a huge number", '{"type":"claim","nameplate":1e999}', "nameplate must be 1 to 40 digits"],
    ["NUL", '{"type":"open","mailbox":"a\\u0000b"}', "mailbox must be a string of at most 256 characters"],
    ["half a character", '{"type":"open","mailbox":"\\ud800"}', "mailbox must be a string of at most 256 characters"],
  ];
  for (const [name, frame, error] of cases) t.match(await client.sayRaw(frame), [{ type: "error", error }], name);
  t.match(await client.sayRaw('{"type":"ping","ping":-1e999}'), [{ type: "pong", pong: null }]);
  t.match(await client.sayRaw(nested(60)), [{ type: "pong" }]);
  const [long] = await client.say({ type: "bogus", filler: "x".repeat(1_000_000) });
  t.match(long, { type: "error", error: "unknown type", orig: null }, "what is long does not come back");
  t.same(await other.say(), [], "nobody else hears of it");
  t.match(await other.say({ type: "allocate" }), [{ type: "allocated" }]);
});

t.test("frames that end the connection, and no other", async (t) => {
  const { url } = await startServer(t, { maxMessage: 2000 });
  const other = await MailboxClient.bind(t, url, "other");
  const long = await MailboxClient.bind(t, url, "a");
  t.match(await long.say({ type: "ping", ping: "x".repeat(1900) }), [{ type: "pong" }]);
  long.send({ type: "ping", ping: "x".repeat(2001) });
  t.equal(await long.ended(), 1009, "too long");
  const notUtf8 = await MailboxClient.bind(t, url, "a");
  notUtf8.socket.send(Buffer.from([0xff]), { binary: false });
  t.equal(await notUtf8.ended(), 1007, "text that is not UTF-8");
  t.match(await other.say({ type: "ping", ping: 1 }), [{ type: "pong" }]);
});

t.test("replies come in the order of the commands, however many at once", async (t) => {
  const { url } = await startServer(t);
  const client = await MailboxClient.bind(t, url, "a");
  const other = await MailboxClient.bind(t, url, "b");
  client.send({ type: "open", mailbox: "m" });
  for (let i = 0; i < 3000; i++) client.send(i % 3 === 0 ? { type: "ping", ping: i } : i % 3 === 1 ? { type: "add", phase: String(i), body: "00" } : { type: "nonsense", i });
  t.match(await other.say({ type: "ping", ping: 1 }, { type: "allocate" }), [{ type: "pong" }, { type: "allocated" }], "meanwhile others are served");
  for (let i = 0; i < 3000; i++) {
    const { type, pong, phase, orig } = await client.next();
    const said = type === "pong" ? pong : type === "message" ? Number(phase) : (orig as { readonly i: number }).i;
    if (said !== i) t.equal(said, i);
  }
  t.pass("3000 in order");
});

t.test("messages reach every connection that has the mailbox open", async (t) => {
  const { url } = await startServer(t);
  const [one, two, b] = [await MailboxClient.bind(t, url, "a"), await MailboxClient.bind(t, url, "a"), await MailboxClient.bind(t, url, "b")];
  for (const client of [one, two, b]) await client.say({ type: "open", mailbox: "m" });
  b.send({ type: "add", phase: "0", body: "00" });
  for (const client of [one, two, b]) t.match(await client.next(), { type: "message", side: "b", phase: "0", body: "00", id: null });
  await two.say({ type: "close" });
  two.socket.close();
  await two.ended();
  b.send({ type: "add", phase: "1", body: "01" });
  for (const client of [one, b]) t.match(await client.next(), { type: "message", phase: "1" });
  const late = await MailboxClient.bind(t, url, "a");
  t.match(await late.say({ type: "open", mailbox: "m" }), [{ phase: "0" }, { phase: "1" }]);
});

t.test("what was sent before the connection went is done", async (t) => {
  const { url } = await startServer(t);
  const a = await MailboxClient.bind(t, url, "a");
  await a.say({ type: "open", mailbox: "m" });
  const b = await MailboxClient.bind(t, url, "b");
  b.send({ type: "open", mailbox: "m" }, { type: "add", phase: "0", body: "00" });
  b.socket.close();
  t.match(await a.next(), { type: "message", side: "b", phase: "0" });
});

t.test("a client that reads nothing is dropped", async (t) => {
  const server = await startServer(t, { maxMessage: 100_000 });
  const deaf = await MailboxClient.bind(t, server.url, "a");
  await deaf.say({ type: "open", mailbox: "m" });
  deaf.socket.pause();
  for (let i = 0; i < 5; i++) {
    const talker = await MailboxClient.bind(t, server.url, "b");
    await talker.say({ type: "list" });
    talker.socket.close();
  }
  // What fills the pipe to it, and then what the server keeps for it.
  for (let i = 0; i < 400; i++) deaf.send({ type: "ping", ping: "x".repeat(90_000) });
  await eventually(t, async () => (await metrics(server)).get('keyhole_mailbox_connections_dropped_total{reason="unread"}') === 1, "it is counted");
  deaf.socket.resume();
  t.equal(await deaf.ended(), 1006);
});

t.test("connections beyond the most there may be", async (t) => {
  const server = await startServer(t, { maxConnections: 2 });
  const [one] = [await MailboxClient.connect(t, server.url), await MailboxClient.connect(t, server.url)];
  await t.rejects(MailboxClient.connect(t, server.url), { message: "Unexpected server response: 503" });
  t.equal((await metrics(server)).get('keyhole_mailbox_connections_refused_total{reason="full"}'), 1, "other requests are answered");
  one.socket.close();
  await one.ended();
  await eventually(t, async () => {
    try {
      await MailboxClient.connect(t, server.url);
      return true;
    } catch {
      return (await metrics(server)).get("keyhole_mailbox_connections") === 2;
    }
  }, "and one that went makes room");
});

t.test("claims for each address", async (t) => {
  const server = await startServer(t, { claimsPerMinute: 3 });
  const refused = { type: "error", error: "too many claims: at most 3 a minute from one address" };
  // Wherever in the minute of the clock this begins, not more than three of six.
  const said = [];
  for (let i = 0; i < 6; i++) said.push(...(await (await MailboxClient.bind(t, server.url, "a")).say({ type: i % 2 === 0 ? "claim" : "allocate", nameplate: "7" })));
  t.equal(said.filter(({ type }) => type === "error").length, 3);
  t.match(said.at(-1), refused);
  const refusedOne = await MailboxClient.bind(t, server.url, "a");
  t.match(await refusedOne.say({ type: "claim", nameplate: "7" }), [refused]);
  t.match(await refusedOne.say({ type: "claim", nameplate: "7" }), [refused], "which does not use up the one claim");
  t.match(await refusedOne.say({ type: "open", mailbox: "m" }, { type: "add", phase: "0", body: "00" }, { type: "list" }), [{ type: "message" }, { type: "nameplates" }]);
  t.equal((await metrics(server)).get("keyhole_mailbox_rate_limited_total"), 5);

  const elsewhere = await MailboxClient.connect(t, server.url, { headers: { "X-Real-IP": "192.0.2.9", "X-Real-Port": "4711" } });
  t.match(await elsewhere.next(), { welcome: { "your-address": { ipv4: "192.0.2.9", port: 4711 } } });
  elsewhere.send({ type: "bind", appid: "test", side: "a" });
  t.match(await elsewhere.say({ type: "claim", nameplate: "8" }), [{ type: "claimed" }], "for whom a proxy asks");
});

t.test("without that option, loopback has no limit and others have one", async (t) => {
  const { url } = await startServer(t);
  const claims = async (headers: Readonly<Record<string, string>>): Promise<number> => {
    let errors = 0;
    for (let i = 0; i < 65; i++) {
      const client = await MailboxClient.connect(t, url, { headers });
      client.send({ type: "bind", appid: "test", side: "a" });
      errors += (await client.say({ type: "claim", nameplate: "7" })).filter(({ type }) => type === "error").length;
      client.socket.terminate();
    }
    return errors;
  };
  t.equal(await claims({}), 0);
  t.equal(await claims({ "X-Real-IP": "2001:db8::7" }), 5);
});

t.test("pages", async (t) => {
  const server = await startServer(t);
  const get = async (path: string, method = "GET"): Promise<string> => {
    const response = await fetch(server.http + path, { method });
    return `${response.status} ${await response.text()}`.trimEnd();
  };
  t.equal(await get("/"), "200 Keyhole mailbox server");
  t.equal(await get("/healthz"), "200 ok");
  t.equal(await get("/healthz?x"), "200 ok");
  t.equal(await get("/healthz", "HEAD"), "200");
  t.equal(await get("/healthz", "POST"), "405 only GET and HEAD");
  t.equal(await get("/v1"), "426 this is for WebSockets");
  t.equal(await get("/else"), "404 not found");
  t.equal((await fetch(`${server.http}/metrics`)).headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  await t.rejects(MailboxClient.connect(t, server.url.replace("/v1", "/v2")), { message: "Unexpected server response: 404" });
  const withQuery = await MailboxClient.connect(t, `${server.url}?x=1`);
  t.match(await withQuery.next(), { type: "welcome" });

  const a = await MailboxClient.bind(t, server.url, "a");
  await a.say({ type: "claim", nameplate: "7" }, { type: "open", mailbox: "m" }, { type: "add", phase: "0", body: "00" }, { type: "bogus" });
  await a.say({ type: "close", mood: "errory" });
  const counted = await metrics(server);
  for (const [name, count] of Object.entries({
    keyhole_mailbox_connections: 2,
    keyhole_mailbox_connections_total: 2,
    keyhole_mailbox_messages_total: 1,
    keyhole_mailbox_errors_total: 1,
    keyhole_mailbox_healthy: 1,
    'keyhole_mailbox_commands_total{type="claim"}': 1,
    'keyhole_mailbox_commands_total{type="unknown"}': 1,
    'keyhole_mailbox_ended_total{result="errory"}': 1,
  })) t.equal(counted.get(name), count, name);
  await eventually(t, async () => (await metrics(server)).get("keyhole_mailbox_mailboxes") === 1, "mailboxes");
  t.equal((await metrics(server)).get("keyhole_mailbox_nameplates"), 1);
});

t.test("requests that are none", async (t) => {
  const { addresses: [{ port } = { port: 0 }], url } = await startServer(t);
  for (const request of ["nonsense\r\n\r\n", "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n", `GET /${"x".repeat(100_000)}`]) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    socket.end(request);
    await new Promise((resolve) => socket.on("close", resolve));
  }
  t.match(await (await MailboxClient.connect(t, url)).next(), { type: "welcome" });
});

t.test("TLS", async (t) => {
  const server = await startServer(t, { tls: { cert: Buffer.from(GOOD.cert), key: Buffer.from(GOOD.key) } });
  const client = await MailboxClient.connect(t, server.url, { ca: GOOD.cert, rejectUnauthorized: false });
  t.match(await client.next(), { type: "welcome" });
  await t.rejects(MailboxClient.connect(t, server.url.replace("wss:", "ws:")));
  for (const [cert, key] of [[GOOD.cert, OTHER_HOST.key], ["nonsense", GOOD.key], [GOOD.cert, ""]] as const) {
    t.equal(await errorCodeOf(startServer(t, { tls: { cert: Buffer.from(cert), key: Buffer.from(key) } })), "WORMHOLE_TLS_FILES");
  }
});

t.test("where it cannot listen", async (t) => {
  const { addresses } = await startServer(t);
  t.equal(await errorCodeOf(startServer(t, { listen: addresses })), "WORMHOLE_LISTEN");
  t.equal(await errorCodeOf(startServer(t, { listen: [{ host: "192.0.2.1", port: 0 }] })), "WORMHOLE_LISTEN");
});

t.test("several addresses have the same port", async (t) => {
  const { addresses } = await startServer(t, { listen: [{ host: "127.0.0.1", port: 0 }, { host: "127.0.0.2", port: 0 }] });
  t.equal(addresses[0]?.port, addresses[1]?.port);
  for (const { host, port } of addresses) t.match(await (await MailboxClient.connect(t, `ws://${host}:${port}/v1`)).next(), { type: "welcome" });
});

t.test("stopping answers what came, and says goodbye", async (t) => {
  const server = await startServer(t);
  const client = await MailboxClient.bind(t, server.url, "a");
  await client.say({ type: "open", mailbox: "m" });
  for (let i = 0; i < 100; i++) client.send({ type: "add", phase: String(i), body: "00" });
  await client.next();
  await server.stop();
  t.equal(await client.ended(), 1001);
  await server.ended;
  await t.rejects(MailboxClient.connect(t, server.url));
  await server.stop();
});

t.test("stopping does not wait for those who do not answer", async (t) => {
  const server = await startServer(t);
  const client = await MailboxClient.bind(t, server.url, "a");
  client.socket.pause();
  const { port } = server.addresses[0]!;
  const silent = connect(port, "127.0.0.1");
  silent.on("error", () => undefined);
  await once(silent, "connect");
  await server.stop();
  t.pass("stopped");
});

t.test("mailboxes outlive the server", async (t) => {
  const db = `${temporaryDirectory(t)}/mailbox.db`;
  const first = await startServer(t, { db });
  const a = await MailboxClient.bind(t, first.url, "a");
  const mailbox = await a.join("7");
  await a.say({ type: "add", phase: "pake", body: "7b7d", id: "m1" });
  await first.stop();

  const second = await startServer(t, { db });
  const again = await MailboxClient.bind(t, second.url, "a");
  t.match(await again.say({ type: "claim", nameplate: "7" }, { type: "open", mailbox }), [{ type: "claimed", mailbox }, { type: "message", side: "a", phase: "pake", body: "7b7d", id: "m1" }]);
  const b = await MailboxClient.bind(t, second.url, "b");
  t.equal(await b.join("7"), mailbox);
  b.send({ type: "add", phase: "pake", body: "00" });
  t.match(await again.next(), { type: "message", side: "b", body: "00" });
});

t.test("what is idle is removed, with its nameplate, and what is in use is not", async (t) => {
  const server = await startServer(t, { idleMs: 600 });
  const gone = await MailboxClient.bind(t, server.url, "a");
  await gone.say({ type: "claim", nameplate: "8" }, { type: "open", mailbox: "idle" });
  gone.socket.terminate();
  const here = await MailboxClient.bind(t, server.url, "a");
  await here.join("7");
  await eventually(t, async () => (await metrics(server)).get('keyhole_mailbox_ended_total{result="pruney"}') === 2, "the two that nobody has open");
  t.match(await here.say({ type: "list" }), [{ nameplates: [{ id: "7" }] }]);
  t.match(await here.say({ type: "add", phase: "0", body: "00" }), [{ type: "message" }]);
});
