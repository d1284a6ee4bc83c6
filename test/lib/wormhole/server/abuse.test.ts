import { once } from "node:events";
import { connect, type Socket } from "node:net";
import t, { type Test } from "tap";
import { MailboxClient } from "../../../support/mailbox-client.ts";
import { parsePostgresUrl } from "../../../../src/lib/wormhole/server/postgres-url.ts";
import { errorCodeOf } from "../../errors.ts";
import { startServer, type LiveServer } from "./live.ts";

// Clients that mean no good.

function upgrade(path: string): string {
  return [`GET ${path} HTTP/1.1`, "Host: x", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""].join("\r\n");
}

async function dial(t: Test, { addresses }: LiveServer): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: addresses[0]!.port, allowHalfOpen: true });
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

t.test("an upgrade that is refused, and a reset", async (t) => {
  const server = await startServer(t);
  for (let i = 0; i < 50; i++) {
    const socket = await dial(t, server);
    socket.write(upgrade("/nope"));
    if (i % 2 === 0) await once(socket, "data");
    socket.resetAndDestroy();
  }
  t.equal((await fetch(`${server.http}/healthz`)).status, 200);
});

t.test("an upgrade that is refused to a client that does not close", async (t) => {
  const server = await startServer(t);
  const socket = await dial(t, server);
  socket.write(upgrade("/nope"));
  const [answer] = (await once(socket, "data")) as [Buffer];
  t.match(answer.toString(), /^HTTP\/1\.1 404 /);
  await once(socket, "end");
  t.pass("the server has closed");
});

t.test("a mailbox that many open and nobody reads", async (t) => {
  const maxMessage = 1024 * 1024;
  const server = await startServer(t, { maxMessage });
  const writer = await MailboxClient.bind(t, server.url, "a");
  writer.send({ type: "open", mailbox: "big" });
  for (const phase of ["0", "1"]) {
    writer.send({ type: "add", phase, body: "00".repeat(maxMessage / 2 - 100) });
    await writer.next();
  }
  const reader = await MailboxClient.bind(t, server.url, "a");
  // More than one client may leave unread, and none of it is read.
  const flood = Array.from({ length: 20 }, (_, i) => ({ type: "ping", ping: `${i}`.repeat(500_000) }));
  reader.socket.pause();
  reader.send({ type: "open", mailbox: "big" }, ...flood);
  const wasDropped = async (): Promise<boolean> => /dropped_total\{[^}]*unread[^}]*\} 1/.test(await (await fetch(`${server.http}/metrics`)).text());
  for (let tries = 0; tries < 500 && !(await wasDropped()); tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(await wasDropped());
});

t.test("pages in a browser on this machine have the limit of everybody", async (t) => {
  const server = await startServer(t);
  const claims = Array.from({ length: 70 }, () => ({ type: "allocate" }));
  const errors = async (headers: Record<string, string>): Promise<number> => {
    let count = 0;
    for (const claim of claims) {
      const client = await MailboxClient.connect(t, server.url, { headers });
      client.send({ type: "bind", appid: "test", side: "a" }, claim);
      await client.receive("welcome");
      if ((await client.next()).type === "error") count += 1;
      client.socket.terminate();
    }
    return count;
  };
  t.equal(await errors({}), 0);
  t.equal(await errors({ Origin: "https://example.com" }), 10);
});

t.test("an allocation pays for one claim", async (t) => {
  const server = await startServer(t, { claimsPerMinute: 2 });
  const types: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await MailboxClient.bind(t, server.url, `side${i}`);
    client.send({ type: "allocate" });
    const { type, nameplate } = await client.next();
    types.push(type);
    client.send({ type: "claim", nameplate: nameplate ?? "77" });
    types.push((await client.next()).type);
  }
  t.same(types, ["allocated", "claimed", "allocated", "claimed", "error", "error"]);
});

t.test("a database URL that hides its password badly", async (t) => {
  for (const url of ["postgres://user:12/secretpw@host/db", "postgres://%zz/db", "postgres://h/a/b"]) {
    const code = await errorCodeOf(Promise.resolve().then(() => parsePostgresUrl(url)));
    t.equal(code, "WORMHOLE_STORE_URL", url);
  }
  t.equal(parsePostgresUrl("postgres://user:pass%2Fword@host:5433/db"), "postgres://host:5433/db");
});
