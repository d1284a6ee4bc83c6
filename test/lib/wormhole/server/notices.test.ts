import t, { type Test } from "tap";
import { Hub, type Subscriber, type Subscription } from "../../../../src/lib/wormhole/server/hub.ts";
import type { Mailbox, MailboxSide } from "../../../../src/lib/wormhole/server/mailbox.ts";
import { SILENCE_MS } from "../../../../src/lib/wormhole/server/notices.ts";
import { MailboxClient } from "../../../support/mailbox-client.ts";
import { startServer } from "./live.ts";

const WATCH = { keyhole: { watch: true } };

function crowded(side: string): object {
  return { type: "keyhole-notice", notice: "crowded", side };
}

function silent(side: string, reason: "left" | "silent"): object {
  return { type: "keyhole-notice", notice: "silent-claim", side, reason };
}

/** A side that watches its mailbox, and has said its pake. */
async function issuer(t: Test, url: string): Promise<MailboxClient> {
  const client = await MailboxClient.bind(t, url, "issuer", WATCH);
  await client.join("7");
  await client.say({ type: "add", phase: "pake", body: "00" });
  return client;
}

t.test("a third side came", async (t) => {
  const { url } = await startServer(t);
  const watching = await issuer(t, url);
  const b = await MailboxClient.bind(t, url, "b");
  await b.join("7");
  b.send({ type: "add", phase: "pake", body: "00" });
  t.match(await watching.next(), { type: "message", side: "b" });
  for (const side of ["c", "d", "c"]) {
    const client = await MailboxClient.bind(t, url, side);
    t.match(await client.say({ type: "claim", nameplate: "7" }), [{ type: "error", error: "crowded" }]);
  }
  t.match(await watching.next(), { ...crowded("c"), server_tx: Number });
  t.match(await watching.next(), crowded("d"));
  t.same(await watching.say(), [], "each once");
  t.match(await b.say(), [{ type: "message", side: "issuer" }, { type: "message", side: "b" }], "who did not ask is not told");
});

t.test("by its mailbox, too", async (t) => {
  const { url } = await startServer(t);
  const watching = await MailboxClient.bind(t, url, "issuer", WATCH);
  const mailbox = await watching.join("7");
  for (const side of ["b", "c"]) (await MailboxClient.bind(t, url, side)).send({ type: "open", mailbox });
  t.match(await watching.next(), crowded("c"));
});

t.test("a side came and left without a word", async (t) => {
  const { url } = await startServer(t);
  const watching = await issuer(t, url);
  const b = await MailboxClient.bind(t, url, "b");
  await b.say({ type: "claim", nameplate: "7" });
  t.same(await watching.say(), []);
  b.socket.close();
  t.match(await watching.next(), silent("b", "left"));
  const again = await MailboxClient.bind(t, url, "b");
  await again.join("7");
  await again.say({ type: "add", phase: "pake", body: "00" });
  t.match(await watching.next(), { type: "message", side: "b" }, "it may come back all the same");
  again.socket.close();
  await again.ended();
  t.same(await watching.say(), [], "once it has spoken, it may go");
});

t.test("a side closed without a word", async (t) => {
  const { url } = await startServer(t);
  const watching = await issuer(t, url);
  const b = await MailboxClient.bind(t, url, "b");
  const mailbox = await b.join("7");
  await b.say({ type: "close", mailbox, mood: "lonely" });
  t.match(await watching.next(), silent("b", "left"));
});

t.test("a connection of a side that has another by now is no loss", async (t) => {
  const { url } = await startServer(t);
  const watching = await issuer(t, url);
  const [old, fresh] = [await MailboxClient.bind(t, url, "b"), await MailboxClient.bind(t, url, "b")];
  await old.join("7");
  await fresh.join("7");
  old.socket.close();
  await old.ended();
  t.same(await watching.say(), []);
  fresh.socket.close();
  t.match(await watching.next(), silent("b", "left"));
});

t.test("who comes late is told what was before", async (t) => {
  const { url } = await startServer(t);
  const first = await issuer(t, url);
  first.socket.close();
  await first.ended();
  const b = await MailboxClient.bind(t, url, "b");
  const mailbox = await b.join("7");
  await b.say({ type: "close" });
  const watching = await MailboxClient.bind(t, url, "issuer", WATCH);
  watching.send({ type: "open", mailbox });
  t.match(await watching.next(), { type: "message", side: "issuer" });
  t.match(await watching.next(), silent("b", "left"));
});

class Listener implements Subscriber {
  readonly frames: unknown[] = [];
  subscription: Subscription | undefined;

  send(frame: string | Buffer): void {
    this.frames.push(JSON.parse(frame.toString()));
  }
}

function mailboxOf(...sides: readonly (Partial<MailboxSide> & { readonly side: string })[]): Mailbox {
  return { key: 1, appid: "test", id: "m", nameplate: undefined, forNameplate: true, sides: sides.map((side) => ({ added: 0, opened: true, via: 1, ...side })), messages: 0, length: 0, updated: 0 };
}

t.test("time alone makes a side silent", async (t) => {
  let hasLooked: (key: number) => void = () => undefined;
  const looked = new Promise<number>((resolve) => (hasLooked = resolve));
  const hub = new Hub((key) => hasLooked(key), () => undefined);
  const listener = new Listener();
  hub.subscribe(listener, { key: 1, next: 0, watch: { side: "a", told: new Set() } });
  const mailbox = mailboxOf({ side: "a" }, { side: "b" });
  hub.inspect(mailbox, SILENCE_MS - 10);
  t.same(listener.frames, []);
  t.equal(await looked, 1, "it asks for the mailbox when the time has come");
  hub.inspect(mailbox, SILENCE_MS);
  t.match(listener.frames, [silent("b", "silent")]);
  hub.inspect(mailbox, SILENCE_MS + 1000);
  t.equal(listener.frames.length, 1);
  hub.close();
});

t.test("nobody is kept waiting for", (t) => {
  const hub = new Hub(() => t.fail("nobody is there"), () => undefined);
  const [one, two] = [new Listener(), new Listener()];
  for (const listener of [one, two]) hub.subscribe(listener, { key: 1, next: 0, watch: { side: "a", told: new Set() } });
  hub.inspect(mailboxOf({ side: "a" }, { side: "b" }), SILENCE_MS - 1);
  t.same(hub.keys, [1]);
  hub.unsubscribe(one);
  t.same(hub.keys, [1]);
  hub.unsubscribe(two);
  hub.unsubscribe(two);
  t.same(hub.keys, [], "and no timer is left that would keep the process");
  hub.subscribe(one, { key: 1, next: 0, watch: undefined });
  hub.remove(1);
  t.equal(one.subscription, undefined);
  t.end();
});

t.test("each gets what it has not got, in order", (t) => {
  const hub = new Hub(() => undefined, () => undefined);
  const [one, two] = [new Listener(), new Listener()];
  const message = (index: number): Parameters<Hub["publish"]>[0] => ({ mailbox: 1, index, side: "a", phase: String(index), body: "00", id: undefined, received: 0 });
  t.equal(hub.nextIndex(1), undefined);
  hub.subscribe(one, { key: 1, next: 0, watch: undefined });
  hub.subscribe(two, { key: 1, next: 2, watch: undefined });
  t.equal(hub.nextIndex(1), 0);
  for (const index of [0, 1, 2, 2, 1, 3, 5]) hub.publish(message(index), 0);
  const phases = ({ frames }: Listener): unknown => frames.map((frame) => (frame as { readonly phase: string }).phase);
  t.same(phases(one), ["0", "1", "2", "3"]);
  t.same(phases(two), ["2", "3"]);
  t.equal(hub.nextIndex(1), 4);
  t.end();
});
