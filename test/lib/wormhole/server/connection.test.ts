import { PassThrough } from "node:stream";
import t from "tap";
import type { WebSocket } from "ws";
import { Connection, type ConnectionOptions } from "../../../../src/lib/wormhole/server/connection.ts";
import { Metrics } from "../../../../src/lib/wormhole/server/metrics.ts";
import { Unread } from "../../../../src/lib/wormhole/server/unread.ts";

const KIB = 1024;

/** A client whose socket only counts what becomes of it. */
class Client {
  readonly stream = new PassThrough();
  readonly connection: Connection;
  isTerminated = false;

  constructor(unread: Unread) {
    const socket = { bufferedAmount: 0, readyState: 1, OPEN: 1, isPaused: false, ping: () => undefined, terminate: () => (this.isTerminated = true) };
    const options = { dispatcher: { push: () => undefined }, metrics: new Metrics(), unread, maxUnread: 1024 * KIB, limit: undefined };
    this.connection = new Connection(socket as unknown as WebSocket, this.stream, { host: "192.0.2.1", port: 1, isLoopback: false }, options as unknown as ConnectionOptions);
  }

  hold(length: number): void {
    this.stream.emit("data", Buffer.alloc(length));
  }

  finish(): void {
    this.connection.receive(Buffer.from('{"type":"ping","ping":1}'), false);
  }
}

t.test("what is held of messages that are not whole has a bound, for one client and for all", (t) => {
  const unread = new Unread(600 * KIB);
  const clients = Array.from({ length: 3 }, () => new Client(unread));
  const [first, second, third] = clients as [Client, Client, Client];
  first.hold(100 * KIB);
  second.hold(300 * KIB);
  t.same(clients.map(({ isTerminated }) => isTerminated), [false, false, false]);
  third.hold(250 * KIB);
  t.same(clients.map(({ isTerminated }) => isTerminated), [false, true, false], "whoever holds most of it goes");
  for (let i = 0; i < 20; i++) {
    third.hold(100 * KIB);
    third.finish();
  }
  t.notOk(third.isTerminated, "what is whole is not held");

  const alone = new Client(new Unread(10_000 * KIB));
  for (let i = 0; i < 11; i++) alone.hold(100 * KIB);
  t.ok(alone.isTerminated);
  t.end();
});

t.test("a long message that does not come to an end", (t) => {
  const client = new Client(new Unread(10_000 * KIB));
  const { now } = Date;
  t.teardown(() => (Date.now = now));
  client.hold(100 * KIB);
  t.ok(client.connection.ping());
  Date.now = () => now() + 119_000;
  client.hold(1);
  client.connection.isAlive = true;
  t.ok(client.connection.ping(), "two minutes are enough for a slow network");
  Date.now = () => now() + 121_000;
  client.hold(1);
  client.connection.isAlive = true;
  t.notOk(client.connection.ping());
  t.end();
});
