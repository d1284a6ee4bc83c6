import t from "tap";
import { addressOf, formatHost, yourAddress } from "../../../../src/lib/wormhole/server/address.ts";
import { Batcher } from "../../../../src/lib/wormhole/server/batcher.ts";
import type { Mailbox, MailboxSide } from "../../../../src/lib/wormhole/server/mailbox.ts";
import { Counter, Metrics } from "../../../../src/lib/wormhole/server/metrics.ts";
import { noticesFor, SILENCE_MS } from "../../../../src/lib/wormhole/server/notices.ts";
import { RateLimit } from "../../../../src/lib/wormhole/server/rate-limit.ts";
import { inChunks } from "../../../../src/lib/wormhole/server/statements.ts";
import { Unread, type Reader } from "../../../../src/lib/wormhole/server/unread.ts";
import { summarizeMailbox, summarizeNameplate } from "../../../../src/lib/wormhole/server/usage.ts";

t.test("where a client is", (t) => {
  const of = (host: string, headers: Readonly<Record<string, string>> = {}): object => addressOf({ host, port: 5 }, (name) => headers[name]);
  t.same(of("192.0.2.1"), { host: "192.0.2.1", port: 5, isLoopback: false });
  t.same(of("::ffff:192.0.2.1"), { host: "192.0.2.1", port: 5, isLoopback: false });
  t.same(of("::ffff:127.0.0.1"), { host: "127.0.0.1", port: 5, isLoopback: true });
  t.same(of("127.9.9.9"), { host: "127.9.9.9", port: 5, isLoopback: true });
  t.same(of("::1"), { host: "::1", port: 5, isLoopback: true });
  t.same(of("fe80::1%eth0"), { host: "fe80::1", port: 5, isLoopback: false });
  t.same(of("192.0.2.1", { "x-real-ip": "127.0.0.1" }), { host: "192.0.2.1", port: 5, isLoopback: false }, "nobody says so for himself");
  t.same(of("127.0.0.1", { "x-real-ip": "192.0.2.7", "x-real-port": "99" }), { host: "192.0.2.7", port: 99, isLoopback: false }, "but a proxy here does");
  t.same(of("::1", { "x-real-ip": "2001:db8::1", "x-real-port": "x" }), { host: "2001:db8::1", port: 0, isLoopback: false });
  t.same(of("127.0.0.1", { "x-real-ip": "evil" }), { host: "127.0.0.1", port: 5, isLoopback: true });
  t.same(yourAddress({ host: "192.0.2.1", port: 5, isLoopback: false }), { port: 5, ipv4: "192.0.2.1" });
  t.same(yourAddress({ host: "::1", port: 5, isLoopback: true }), { port: 5, ipv6: "::1" });
  t.equal(formatHost("::1"), "[::1]");
  t.equal(formatHost("localhost"), "localhost");
  t.end();
});

t.test("so many a minute", (t) => {
  const limit = new RateLimit(3);
  const begin = 1_700_000_040_000;
  const take = (address: string, atMs: number): boolean => limit.take(address, begin + atMs);
  t.same([0, 10, 20, 30].map((ms) => take("192.0.2.1", ms)), [true, true, true, false]);
  t.equal(take("192.0.2.2", 40), true, "each address has its own");
  t.equal(take("192.0.2.1", 59_999), false);
  t.equal(take("192.0.2.1", 60_000), false, "a new minute of the clock is no new minute");
  t.equal(take("192.0.2.1", 80_100), true, "a third of it later there is room for one");
  t.equal(take("192.0.2.1", 80_200), false);
  t.same([1, 2, 3, 4].map(() => take("192.0.2.1", 200_000)), [true, true, true, false], "and later for all");
  t.end();
});

t.test("a network of IPv6 is one address", (t) => {
  const limit = new RateLimit(1);
  t.equal(limit.take("2001:db8:0:1::1", 0), true);
  for (const address of ["2001:db8:0:1::2", "2001:db8::1:0:0:0:3", "2001:0DB8:0000:0001:ffff:ffff:ffff:ffff"]) t.equal(limit.take(address, 1), false, address);
  for (const address of ["2001:db8:0:2::1", "2001:db8::1", "::1"]) t.equal(limit.take(address, 1), true, address);
  t.end();
});

t.test("addresses beyond number", (t) => {
  const limit = new RateLimit(1);
  t.equal(limit.take("first", 0), true);
  for (let i = 0; i < 100_000; i++) limit.take(`host ${i}`, 0);
  t.equal(limit.take("first", 0), true, "the oldest is forgotten");
  t.equal(limit.take("host 99999", 0), false);
  t.end();
});

t.test("group commit", async (t) => {
  const batches: (readonly number[])[] = [];
  let release: () => void = () => undefined;
  const batcher = new Batcher<number>(async (items) => {
    batches.push(items);
    await new Promise<void>((resolve) => (release = resolve));
  }, 4);
  await batcher.idle();
  batcher.push(1);
  batcher.push(2);
  t.same(batches, [], "not before all sockets were read");
  await new Promise(setImmediate);
  t.same(batches, [[1, 2]]);
  for (const item of [3, 4, 5, 6, 7]) batcher.push(item);
  const task = batcher.task(() => Promise.resolve("done"));
  const failing = t.rejects(batcher.task(() => Promise.reject(new Error("no"))), { message: "no" });
  let isIdle = false;
  void batcher.idle().then(() => (isIdle = true));
  for (let i = 0; i < 3; i++) {
    t.equal(isIdle, false);
    release();
    for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
  }
  t.same(batches, [[1, 2], [3, 4, 5, 6], [7]]);
  t.equal(await task, "done");
  await failing;
  t.equal(isIdle, true);
});

t.test("lists in few lengths", (t) => {
  const lengths = (length: number): readonly number[] => inChunks(Array.from({ length }, (_, i) => i)).map((chunk) => chunk.length);
  t.same([0, 1, 3, 64, 100, 130].map(lengths), [[], [1], [2, 1], [64], [64, 32, 4], [64, 64, 2]]);
  t.same(inChunks([1, 2, 3, 4, 5, 6, 7]).flat(), [1, 2, 3, 4, 5, 6, 7]);
  t.end();
});

t.test("metrics", (t) => {
  const counter = new Counter("c", "Things.", "kind", ["a"]);
  counter.add("b", 2);
  counter.add("b", 0.5);
  t.equal(counter.encode(), '# HELP c Things.\n# TYPE c counter\nc{kind="a"} 0\nc{kind="b"} 2.5\n');
  const text = new Metrics().encode([{ name: "g", help: "Now.", value: 7 }]);
  for (const line of text.trimEnd().split("\n")) t.match(line, /^(?:# HELP \w+ [^\n]+|# TYPE \w+ (?:counter|gauge)|\w+(?:\{\w+="[\w-]+"\})? [0-9.]+)$/);
  t.match(text, /\ng 7\n$/);
  t.end();
});

function mailboxOf(...sides: readonly (Partial<MailboxSide> & { readonly side: string })[]): Mailbox {
  return { key: 1, appid: "test", id: "m", nameplate: undefined, forNameplate: true, sides: sides.map((side) => ({ added: 1000, opened: true, via: 1, ...side })), messages: 0, length: 0, updated: 1000 };
}

t.test("notices", (t) => {
  const own = { side: "a", spoke: true };
  t.same(noticesFor(mailboxOf(own), "a", 5000), { notices: [], nextAt: undefined }, "nobody came");
  t.same(noticesFor(mailboxOf({ side: "a" }), "a", 10 ** 6), { notices: [], nextAt: undefined }, "its own silence it knows of");
  t.same(noticesFor(mailboxOf(own, { side: "b" }), "a", 5000), { notices: [], nextAt: 1000 + SILENCE_MS });
  const silent = { type: "keyhole-notice", notice: "silent-claim", side: "b", reason: "silent" };
  t.same(noticesFor(mailboxOf(own, { side: "b" }), "a", 1000 + SILENCE_MS), { notices: [silent], nextAt: undefined });
  t.same(noticesFor(mailboxOf({ side: "b" }, own), "a", 1000 + SILENCE_MS), { notices: [silent], nextAt: undefined }, "whoever came first");
  t.same(noticesFor(mailboxOf(own, { side: "b", spoke: true, left: true, opened: false }), "a", 10 ** 6), { notices: [], nextAt: undefined });
  t.same(noticesFor(mailboxOf(own, { side: "b", left: true }), "a", 5000), { notices: [{ ...silent, reason: "left" }], nextAt: undefined });
  t.same(noticesFor(mailboxOf(own, { side: "b", opened: false }), "a", 5000), { notices: [{ ...silent, reason: "left" }], nextAt: undefined });
  t.same(noticesFor(mailboxOf(own, { side: "b", spoke: true }, { side: "c" }, { side: "d" }), "a", 10 ** 6).notices, ["c", "d"].map((side) => ({ type: "keyhole-notice", notice: "crowded", side })));
  t.end();
});

t.test("usage in the words of the reference server", (t) => {
  const sides = (...moods: readonly (string | undefined)[]): readonly MailboxSide[] => mailboxOf(...moods.map((mood, i) => ({ side: String(i), added: 1000 + 500 * i, ...(mood === undefined ? {} : { mood }) }))).sides;
  const result = (moods: readonly (string | undefined)[], isPruned = false): string => summarizeMailbox("test", true, sides(...moods), 9000, isPruned).result;
  t.same([["happy"], ["happy", "happy"], ["happy", undefined], ["lonely", "happy"], ["errory", "lonely"], ["scary", "errory"], ["weird", "happy"], ["happy", "happy", "scary"]].map((moods) => result(moods)), ["lonely", "happy", "happy", "lonely", "errory", "scary", "happy", "crowded"]);
  t.same([["happy"], ["scary", "happy"], ["happy", "happy", "scary"]].map((moods) => result(moods, true)), ["pruney", "pruney", "crowded"]);
  t.match(summarizeMailbox("test", true, sides("happy", "happy"), 9000, false), { started: 1000, waitingMs: 500, totalMs: 8000 });
  const nameplate = (count: number, isPruned: boolean): string => summarizeNameplate("test", Array.from({ length: count }, (_, i) => ({ side: String(i), added: i, claimed: false })), 9000, isPruned).result;
  t.same([nameplate(1, false), nameplate(2, false), nameplate(3, false), nameplate(2, true), nameplate(3, true)], ["lonely", "happy", "crowded", "pruney", "crowded"]);
  t.end();
});

t.test("what nobody reads", (t) => {
  class Slow implements Reader {
    unread: number;
    wasDropped = false;

    constructor(unread: number) {
      this.unread = unread;
    }

    drop(): void {
      this.wasDropped = true;
    }
  }
  const unread = new Unread(1000);
  const [small, large, late] = [new Slow(300), new Slow(600), new Slow(200)];
  for (const reader of [small, large, late]) unread.update(reader);
  t.same([small, large, late].map(({ wasDropped }) => wasDropped), [false, true, false], "the one that holds most goes");
  small.unread = 0;
  const reading = new Slow(900);
  unread.update(reading);
  t.equal(reading.wasDropped, true, "with what the others hold now");
  const again = new Slow(800);
  unread.update(again);
  t.equal(again.wasDropped, false);
  unread.remove(again);
  const more = new Slow(800);
  unread.update(more);
  t.equal(more.wasDropped, false);
  t.end();
});
