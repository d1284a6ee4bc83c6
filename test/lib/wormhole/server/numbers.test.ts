import t from "tap";
import { candidates, freeNumbers, LONG_RANGE, numberOf, REST_MS, SHORT_RANGES } from "../../../../src/lib/wormhole/server/numbers.ts";
import { field, Rig, type RigClient } from "./rig.ts";

async function allocate(rig: Rig, side = "a"): Promise<readonly [client: RigClient, number: number]> {
  const client = rig.client(side);
  const [allocated] = await rig.say(client, { type: "allocate" });
  return [client, Number(field(allocated, "nameplate"))];
}

/** Claims many nameplates, each by a connection of its own. */
async function claimAll(rig: Rig, numbers: readonly number[], ...more: readonly object[]): Promise<readonly RigClient[]> {
  const clients = numbers.map(() => rig.client("x"));
  await rig.run(clients.flatMap((client, i) => [{ type: "claim", nameplate: String(numbers[i]) }, ...more].map((message) => [client, message] as const)));
  return clients;
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

t.test("which nameplates are numbers to give", (t) => {
  for (const [nameplate, number] of [["1", 1], ["999999", 999_999], ["0", undefined], ["007", undefined], ["1000000", undefined], ["x", undefined], ["", undefined]] as const) t.equal(numberOf(nameplate), number, nameplate);
  t.same(SHORT_RANGES.flatMap(({ from, to }) => [from, to]), [1, 9, 10, 99, 100, 999]);
  t.same(freeNumbers({ from: 1, to: 9 }, new Set([1, 3, 9])), [2, 4, 5, 6, 7, 8]);
  t.same(candidates(3, LONG_RANGE, (below) => below - 1), [999_999]);
  t.same(candidates(3, LONG_RANGE, () => 0), [1000]);
  t.end();
});

t.test("the shortest first, by chance", async (t) => {
  const rig = await Rig.open(t);
  const numbers = [];
  for (let i = 0; i < 12; i++) numbers.push((await allocate(rig))[1]);
  t.same(numbers.slice(0, 9).sort(), upTo(9));
  t.ok(numbers.slice(9).every((number) => number >= 10 && number <= 99), numbers.join(" "));
  t.equal(new Set(numbers).size, numbers.length);
});

t.test("each of them may come", async (t) => {
  const first = new Set<number>();
  for (let i = 0; i < 9; i++) first.add((await allocate(await Rig.open(t, { random: (below) => i % below })))[1]);
  t.same([...first].sort(), upTo(9));
});

t.test("many in one transaction", async (t) => {
  const rig = await Rig.open(t);
  const clients = upTo(150).map(() => rig.client("a"));
  const { outcomes } = await rig.run(clients.map((client) => [client, { type: "allocate" }]));
  const numbers = outcomes.map(({ effects: [effect] }) => Number(effect?.type === "reply" && effect.reply.type === "allocated" ? effect.reply.nameplate : 0));
  t.same([...numbers].sort((a, b) => a - b).slice(0, 99), upTo(99));
  t.equal(new Set(numbers).size, 150);
  t.ok(numbers.every((number) => number >= 1 && number <= 999));
});

t.test("beside claims in the same transaction", async (t) => {
  const rig = await Rig.open(t);
  const [a, b] = [rig.client("a"), rig.client("b")];
  const { outcomes } = await rig.run([...upTo(8).map((number) => [rig.client("x"), { type: "claim", nameplate: String(number) }] as const), [a, { type: "ping", ping: 1 }], [a, { type: "allocate" }], [b, { type: "ping", ping: 1 }], [b, { type: "allocate" }]]);
  const replies = outcomes.flatMap(({ input, effects }) => (input.client === a || input.client === b ? effects : [])).flatMap((effect) => (effect.type === "reply" && effect.reply.type === "allocated" ? [effect.reply.nameplate] : []));
  t.equal(replies[0], "9");
  t.match(replies[1], /^[1-9][0-9]$/);
});

t.test("a number rests for a day after it was in use", async (t) => {
  const rig = await Rig.open(t, { random: () => 0 });
  await claimAll(rig, upTo(9).filter((number) => number !== 5));
  const [client, number] = await allocate(rig);
  t.equal(number, 5);
  rig.now += 10 * REST_MS;
  t.equal((await allocate(rig))[1], 10, "in use, however long");
  await rig.say(client, { type: "release", nameplate: "5" });
  t.equal((await allocate(rig))[1], 11);
  rig.now += REST_MS - 1;
  t.equal((await allocate(rig))[1], 12);
  rig.now += 1;
  t.equal((await allocate(rig))[1], 5);
});

t.test("whichever way it ended", async (t) => {
  const rig = await Rig.open(t, { random: () => 0 });
  const [closing] = await claimAll(rig, [1]);
  const mailbox = field((await rig.say(rig.client("x"), { type: "claim", nameplate: "1" }))[0], "mailbox");
  await rig.say(closing!, { type: "close", mailbox });
  t.equal((await allocate(rig))[1], 2, "closed");
  await claimAll(rig, [2, 3], { type: "release" });
  t.equal((await allocate(rig))[1], 4, "released");
  t.match(await rig.say(rig.client("y"), { type: "claim", nameplate: "1" }), [{ type: "claimed" }], "by name it can be had at any time");
});

t.test("numbers of more digits where the short ones are taken", async (t) => {
  const rig = await Rig.open(t);
  const clients = await claimAll(rig, upTo(999));
  const [, number] = await allocate(rig);
  t.ok(number >= 1000 && number <= 999_999, String(number));
  await rig.say(clients[41]!, { type: "release" });
  t.ok((await allocate(rig))[1] >= 1000, "a short one rests");
  rig.now += REST_MS;
  t.equal((await allocate(rig))[1], 42);
  t.equal((await allocate(rig, "b"))[1] >= 1000, true);
  t.equal((await allocate(rig, "other"))[1] >= 1000, true);
  const [elsewhere] = await rig.say(rig.client("a", { appid: "other" }), { type: "allocate" });
  t.match(elsewhere, { type: "allocated", nameplate: /^[1-9]$/ }, "other applications have numbers of their own");
});

t.test("no free number is found", async (t) => {
  const rig = await Rig.open(t, { random: () => 0 });
  await claimAll(rig, [...upTo(999), 1000]);
  t.same(await rig.say(rig.client("a"), { type: "allocate" }), [{ type: "error", error: "unable to find a free nameplate-id" }]);
});
