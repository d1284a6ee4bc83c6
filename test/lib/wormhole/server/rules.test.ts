import t from "tap";
import { field, Rig, type RigClient } from "./rig.ts";

const CROWDED = [{ type: "error", error: "crowded" }];

function error(text: string): readonly object[] {
  return [{ type: "error", error: text }];
}

async function claim(rig: Rig, client: RigClient, nameplate: string): Promise<string> {
  const [claimed] = await rig.say(client, { type: "claim", nameplate });
  return field(claimed, "mailbox") as string;
}

t.test("two sides meet", async (t) => {
  const rig = await Rig.open(t);
  const a = rig.client("a");
  const b = rig.client("b");
  const mailbox = await claim(rig, a, "7");
  t.match(mailbox, /^[a-z2-7]{13}$/);
  t.equal(await claim(rig, b, "7"), mailbox);
  t.same(await rig.say(a, { type: "list" }), [{ type: "nameplates", nameplates: [{ id: "7" }] }]);
  t.same(await rig.say(a, { type: "open", mailbox }), []);
  t.same(await rig.say(a, { type: "add", phase: "pake", body: "00" }), [{ side: "a", phase: "pake", body: "00" }]);
  t.same(await rig.say(b, { type: "open", mailbox }), [{ side: "a", phase: "pake", body: "00" }]);
  t.same(await rig.say(a, { type: "release" }), [{ type: "released" }]);
  t.same(await rig.say(b, { type: "list" }), [{ type: "nameplates", nameplates: [{ id: "7" }] }], "b has it still");
  t.same(await rig.say(b, { type: "release" }), [{ type: "released" }]);
  t.same(await rig.say(b, { type: "list" }), [{ type: "nameplates", nameplates: [] }]);
  t.same(await rig.say(a, { type: "close", mood: "happy" }), [{ type: "closed" }]);
  t.same(await rig.say(rig.client("b"), { type: "open", mailbox }), [{ side: "a", phase: "pake", body: "00" }], "it is there until b closes, too");
  t.same(await rig.say(b, { type: "close", mood: "happy" }), [{ type: "closed" }]);
  t.same(await rig.say(rig.client("c"), { type: "open", mailbox }), [], "gone; a new one has its name");
  t.same(await rig.store.transaction((transaction) => transaction.count()), { mailboxes: 1, nameplates: 0 });
});

t.test("once is meant by connection", async (t) => {
  const rig = await Rig.open(t);
  const a = rig.client("a");
  t.same(await rig.say(a, { type: "bind", appid: "test", side: "a" }), error("already bound"));
  t.same(await rig.say(a, { type: "bind" }), error("already bound"));
  await rig.say(a, { type: "allocate" });
  t.same(await rig.say(a, { type: "allocate" }), error("you already allocated one, don't be greedy"));
  const mailbox = await claim(rig, a, "100000");
  t.same(await rig.say(a, { type: "claim", nameplate: "100000" }), error("only one claim per connection"));
  t.same(await rig.say(a, { type: "claim" }), error("claim requires 'nameplate'"), "which is looked at first");
  await rig.say(a, { type: "open", mailbox });
  t.same(await rig.say(a, { type: "open", mailbox }), error("only one open per connection"));
  t.same(await rig.say(a, { type: "open" }), error("only one open per connection"));
  t.same(await rig.say(a, { type: "release", nameplate: "9" }), error("release and claim must use same nameplate"));
  await rig.say(a, { type: "release" });
  t.same(await rig.say(a, { type: "release" }), error("only one release per connection"));
  t.same(await rig.say(a, { type: "close", mailbox: "other" }), error("open and close must use same mailbox"));
  await rig.say(a, { type: "close" });
  t.same(await rig.say(a, { type: "close" }), error("only one close per connection"));
  t.same(await rig.say(a, { type: "add", phase: "0", body: "00" }), error("must open mailbox before adding"));
  t.same(await rig.say(a, { type: "open", mailbox }), [], "after a close, open again");

  const again = rig.client("a");
  t.match(await rig.say(again, { type: "allocate" }), [{ type: "allocated" }]);
  t.match(await rig.say(again, { type: "claim", nameplate: "100001" }), [{ type: "claimed" }]);
  t.same(await rig.say(again, { type: "release", nameplate: "100001" }), [{ type: "released" }]);
  t.same(await rig.say(again, { type: "close", mailbox }), [{ type: "closed" }]);
});

t.test("what has to come before", async (t) => {
  const rig = await Rig.open(t);
  const nobody = rig.client("x", { appid: 7 });
  for (const message of [{ type: "list" }, { type: "allocate" }, { type: "claim" }, { type: "add" }, { type: "bogus" }, { type: 7 }]) {
    t.same(await rig.say(nobody, message), error("must bind first"), JSON.stringify(message));
  }
  t.same(await rig.say(nobody, { type: "ping", ping: [1] }), [{ type: "pong", pong: [1] }]);
  t.same(await rig.say(nobody, { type: "ping" }), error("ping requires 'ping'"));
  t.same(await rig.say(nobody, { type: "bind", appid: "x" }), error("bind requires 'side'"));
  const a = rig.client("a");
  t.same(await rig.say(a, { type: "bogus" }), error("unknown type"));
  t.same(await rig.say(a, { type: "release" }), error("release without nameplate must follow claim"));
  t.same(await rig.say(a, { type: "close" }), error("close without mailbox must follow open"));
  t.same(await rig.say(a, { type: "add" }), error("must open mailbox before adding"));
  t.same(await rig.say(a, { type: "release", nameplate: "555" }), [{ type: "released" }], "of what nobody has");
  t.same(await rig.say(a, { type: "close", mailbox: "never" }), [{ type: "closed" }]);
  t.same(await rig.store.transaction((transaction) => transaction.count()), { mailboxes: 0, nameplates: 0 });
});

t.test("a claim that is wrong does not use up the one there is", async (t) => {
  const rig = await Rig.open(t);
  const a = rig.client("a");
  t.same(await rig.say(a, { type: "claim", nameplate: "abc" }), error("nameplate must be 1 to 40 digits"));
  t.match(await rig.say(a, { type: "claim", nameplate: "8" }), [{ type: "claimed" }]);
});

t.test("a third side stays recorded", async (t) => {
  const rig = await Rig.open(t);
  const [a, b, c] = [rig.client("a"), rig.client("b"), rig.client("c")];
  const mailbox = await claim(rig, a, "7");
  await claim(rig, b, "7");
  await rig.say(a, { type: "open", mailbox });
  t.same(await rig.say(c, { type: "claim", nameplate: "7" }), CROWDED);
  t.same(await rig.say(b, { type: "open", mailbox }), CROWDED, "a side that belongs there");
  t.same(await rig.say(b, { type: "open", mailbox }), CROWDED, "and again");
  t.same(await rig.say(rig.client("a"), { type: "claim", nameplate: "7" }), CROWDED);
  t.same(await rig.say(rig.client("a"), { type: "close", mailbox }), CROWDED);
  t.same(await rig.say(a, { type: "add", phase: "0", body: "00" }), [{ side: "a", phase: "0", body: "00" }], "who is subscribed goes on");
  t.same(await rig.say(a, { type: "close" }), [{ type: "closed" }]);
  t.same(await rig.store.transaction((transaction) => transaction.count()), { mailboxes: 1, nameplates: 1 }, "it stays until it is pruned");
});

t.test("any number of sides too many", async (t) => {
  const rig = await Rig.open(t);
  for (let i = 0; i < 40; i++) {
    const replies = await rig.say(rig.client(`side ${i}`), { type: "claim", nameplate: "7" });
    if (i < 2) t.match(replies, [{ type: "claimed" }]);
    else t.same(replies, CROWDED);
  }
});

t.test("a nameplate that a side released it cannot claim again, while it is there", async (t) => {
  const rig = await Rig.open(t);
  const [a, b] = [rig.client("a"), rig.client("b")];
  const mailbox = await claim(rig, a, "7");
  await claim(rig, b, "7");
  await rig.say(a, { type: "release" });
  t.same(await rig.say(rig.client("a"), { type: "claim", nameplate: "7" }), error("reclaimed"));
  await rig.say(b, { type: "release" });
  t.not(await claim(rig, rig.client("a"), "7"), mailbox, "then there is another mailbox behind it");
});

t.test("a nameplate goes with its mailbox", async (t) => {
  const rig = await Rig.open(t);
  const [a, b] = [rig.client("a"), rig.client("b")];
  const mailbox = await claim(rig, a, "7");
  await claim(rig, b, "7");
  await rig.say(a, { type: "close", mailbox });
  t.same(await rig.say(a, { type: "list" }), [{ type: "nameplates", nameplates: [{ id: "7" }] }]);
  await rig.say(b, { type: "close", mailbox });
  t.same(await rig.say(a, { type: "list" }), [{ type: "nameplates", nameplates: [] }]);
  t.same(await rig.say(a, { type: "release" }), [{ type: "released" }]);
});

t.test("a mailbox that was closed by another connection of the same side", async (t) => {
  const rig = await Rig.open(t);
  const [one, two] = [rig.client("a"), rig.client("a")];
  await rig.say(one, { type: "open", mailbox: "m" });
  await rig.say(two, { type: "close", mailbox: "m" });
  t.same(await rig.say(one, { type: "add", phase: "0", body: "00" }), error("must open mailbox before adding"));
  t.same(await rig.say(one, { type: "close" }), [{ type: "closed" }]);
});

t.test("applications do not meet", async (t) => {
  const rig = await Rig.open(t);
  const [a, b] = [rig.client("a"), rig.client("b", { appid: "other" })];
  t.not(await claim(rig, a, "7"), await claim(rig, b, "7"));
  for (const [client, phase] of [[a, "0"], [b, "1"]] as const) {
    t.same(await rig.say(client, { type: "open", mailbox: "the same" }), []);
    await rig.say(client, { type: "add", phase, body: "00" });
  }
  t.same(await rig.say(rig.client("c"), { type: "open", mailbox: "the same" }), [{ side: "a", phase: "0", body: "00" }]);
  t.same(await rig.say(rig.client("c", { appid: "third" }), { type: "list" }), [{ type: "nameplates", nameplates: [] }]);
});

t.test("names that mean something to JavaScript or SQL", async (t) => {
  const rig = await Rig.open(t);
  for (const [i, name] of ["__proto__", "constructor", "toString", "hasOwnProperty", "'; drop table keyhole_mailboxes; --", "", "%", "ä\u{1f511}"].entries()) {
    const a = rig.client(name, { appid: name });
    t.same(await rig.say(a, { type: "open", mailbox: name }), [], JSON.stringify(name));
    t.same(await rig.say(a, { type: "add", phase: name, body: "00" }), [{ side: name, phase: name, body: "00" }]);
    t.same(await rig.say(rig.client("b", { appid: name }), { type: "open", mailbox: name }), [{ side: name, phase: name, body: "00" }]);
    t.same(await rig.store.transaction((transaction) => transaction.count()), { mailboxes: i + 1, nameplates: 0 });
  }
});

t.test("messages", async (t) => {
  const rig = await Rig.open(t);
  const [a, b] = [rig.client("a"), rig.client("b")];
  await rig.say(a, { type: "open", mailbox: "m" });
  await rig.say(b, { type: "open", mailbox: "m" });
  const sent = [];
  for (const [i, client] of [a, b, a, a, b, b].entries()) {
    // The same phase twice, and the same moment: they are kept as they came.
    const message = { phase: String(i % 2), body: i.toString(16).padStart(2, "0") };
    await rig.say(client, { type: "add", ...message });
    sent.push({ side: client === a ? "a" : "b", ...message });
  }
  t.same(await rig.say(rig.client("a"), { type: "open", mailbox: "m" }), sent);
});

t.test("in one transaction", async (t) => {
  const rig = await Rig.open(t);
  const [a, b] = [rig.client("a"), rig.client("b")];
  const done = await rig.run([
    [a, { type: "claim", nameplate: "7" }],
    [a, { type: "open", mailbox: "m" }],
    [a, { type: "add", phase: "0", body: "00" }],
    [a, { type: "add", phase: "1", body: "01" }],
    [a, { type: "release" }],
    [a, { type: "list" }],
    [b, { type: "claim", nameplate: "7" }],
    [b, { type: "open", mailbox: "m" }],
    [b, { type: "close" }],
    [b, { type: "open", mailbox: "n" }],
    [b, { type: "bogus" }],
  ]);
  const what = (client: RigClient): readonly string[] => done.outcomes.filter(({ input }) => input.client === client).flatMap(({ effects }) => effects.map(({ type, ...effect }) => ("reply" in effect ? effect.reply.type : type)));
  t.same(what(a), ["claimed", "replay", "subscribe", "publish", "publish", "released", "nameplates"]);
  t.same(what(b), ["claimed", "replay", "subscribe", "unsubscribe", "closed", "replay", "subscribe", "error"]);
  t.same(await rig.say(rig.client("a"), { type: "open", mailbox: "m" }), [{ side: "a", phase: "0", body: "00" }, { side: "a", phase: "1", body: "01" }]);
});

t.test("list in one transaction with what changes it", async (t) => {
  const rig = await Rig.open(t);
  await claim(rig, rig.client("x"), "1");
  const [a, b] = [rig.client("a"), rig.client("b")];
  const done = await rig.run([
    [a, { type: "claim", nameplate: "2" }],
    [b, { type: "claim", nameplate: "3" }],
    [a, { type: "list" }],
    [b, { type: "release" }],
    [a, { type: "release" }],
    [b, { type: "list" }],
    [a, { type: "list" }],
  ]);
  const lists = done.outcomes.flatMap(({ effects }) => effects).flatMap((effect) => (effect.type === "reply" && effect.reply.type === "nameplates" ? [effect.reply.nameplates.map(({ id }) => id).join(" ")] : []));
  t.same(lists, ["1 2 3", "1", "1"]);
});

t.test("made and gone in one transaction, and its names used anew", async (t) => {
  const rig = await Rig.open(t);
  const [a, b, c] = [rig.client("a"), rig.client("b"), rig.client("c")];
  await rig.run([[a, { type: "claim", nameplate: "7" }], [a, { type: "release" }], [a, { type: "open", mailbox: "m" }], [a, { type: "close" }]]);
  t.same(await rig.store.transaction((transaction) => transaction.count()), { mailboxes: 1, nameplates: 0 }, "the one behind the nameplate");
  await rig.run([[b, { type: "open", mailbox: "m" }], [b, { type: "add", phase: "0", body: "00" }], [b, { type: "close" }], [c, { type: "ping", ping: 1 }], [c, { type: "ping", ping: 1 }], [c, { type: "ping", ping: 1 }], [c, { type: "open", mailbox: "m" }]]);
  t.same(await rig.say(rig.client("c"), { type: "open", mailbox: "m" }), []);
  t.same(await rig.store.transaction((transaction) => transaction.count()), { mailboxes: 2, nameplates: 0 });
});

t.test("a mailbox holds only so much", async (t) => {
  const rig = await Rig.open(t, { maxMailbox: 1000 });
  const a = rig.client("a");
  await rig.say(a, { type: "open", mailbox: "m" });
  t.match(await rig.say(a, { type: "add", phase: "0", body: "00".repeat(400) }), [{ phase: "0" }]);
  t.same(await rig.say(a, { type: "add", phase: "1", body: "00".repeat(100) }), error("mailbox is full"));
  t.match(await rig.say(a, { type: "add", phase: "2", body: "00".repeat(98) }), [{ phase: "2" }]);
  t.same(await rig.say(a, { type: "close" }), [{ type: "closed" }]);
});

t.test("without list", async (t) => {
  const rig = await Rig.open(t, { allowList: false });
  const a = rig.client("a");
  await claim(rig, a, "7");
  t.same(await rig.say(a, { type: "list" }), [{ type: "nameplates", nameplates: [] }]);
});

t.test("list is sorted as text", async (t) => {
  const rig = await Rig.open(t);
  for (const nameplate of ["9", "10", "1", "0010"]) await claim(rig, rig.client("a"), nameplate);
  t.same(await rig.say(rig.client("b"), { type: "list" }), [{ type: "nameplates", nameplates: [{ id: "0010" }, { id: "1" }, { id: "10" }, { id: "9" }] }]);
});

t.test("usage", async (t) => {
  const rig = await Rig.open(t);
  const results: string[] = [];
  const act = async (...messages: Parameters<Rig["run"]>[0]): Promise<void> => {
    const { usage } = await rig.run(messages);
    results.push(...usage.map(({ what, result, waitingMs, totalMs }) => `${what} ${result} ${waitingMs ?? "-"} ${totalMs}`));
    rig.now += 1000;
  };
  const [a, b] = [rig.client("a"), rig.client("b")];
  await act([a, { type: "claim", nameplate: "7" }], [a, { type: "open", mailbox: "m" }]);
  await act([b, { type: "claim", nameplate: "7" }], [b, { type: "open", mailbox: "m" }]);
  await act([a, { type: "release" }], [b, { type: "release" }]);
  await act([a, { type: "close", mood: "happy" }]);
  await act([b, { type: "close", mood: "scary" }]);
  const c = rig.client("c");
  await act([c, { type: "open", mailbox: "n" }]);
  await act([c, { type: "close", mood: "errory" }]);
  t.same(results, ["nameplate happy 1000 2000", "mailbox scary 1000 4000", "mailbox errory - 1000"]);
});
