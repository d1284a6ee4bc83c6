import t from "tap";
import { CtapDevice } from "../../../src/lib/ctap/device.ts";
import { HID_COMMAND } from "../../../src/lib/ctap/packet.ts";
import { isSilent, ping, pingStatistics } from "../../../src/lib/ctap/ping.ts";
import { BAD_CARDS } from "../../support/bad-cards.ts";
import { good, goodBut, scriptedTransport, type Script } from "../../support/hid-card.ts";
import { errorCodeOf } from "../errors.ts";

async function pingOf(script: Script, size = 100): Promise<unknown> {
  const device = await CtapDevice.open(scriptedTransport(script));
  try {
    return await ping(device, size, { silenceMs: 100 });
  } finally {
    await device.close();
  }
}

t.test("one PING", async (t) => {
  for (const size of [0, 1, 57, 58, 7609]) t.match(await pingOf(good, size), { ms: Number }, `${size} bytes`);
  t.equal(await pingOf(goodBut([HID_COMMAND.ping, () => undefined])), "lost");
  t.equal(await pingOf(BAD_CARDS["changing what PING carries"]!.script()), "wrong");
  t.equal(await errorCodeOf(pingOf(BAD_CARDS["refusing PING"]!.script())), "CTAP1_ERR_INVALID_COMMAND");
  t.equal(await errorCodeOf(pingOf(BAD_CARDS["counting packets wrong"]!.script())), "CTAP_SEQUENCE");
});

t.test("a card is silent after three lost in a row", (t) => {
  const good = { ms: 1 };
  for (const pings of [[], ["lost", "lost"], ["lost", "lost", good], ["lost", "lost", good, "lost", "lost"], ["lost", "wrong", "lost", "lost"], ["lost", "lost", "lost", good]] as const) t.notOk(isSilent(pings), JSON.stringify(pings));
  for (const pings of [["lost", "lost", "lost"], [good, "wrong", "lost", "lost", "lost"]] as const) t.ok(isSilent(pings), JSON.stringify(pings));
  t.end();
});

t.test("statistics", (t) => {
  t.same(pingStatistics([{ ms: 2 }, "lost", { ms: 4 }, "wrong", { ms: 4 }, { ms: 4 }, { ms: 5 }, { ms: 5 }, { ms: 7 }, { ms: 9 }, "lost"]), {
    sent: 11,
    answered: 8,
    lost: 2,
    wrong: 1,
    times: { minMs: 2, avgMs: 5, maxMs: 9, stddevMs: 2 },
  });
  t.same(pingStatistics([{ ms: 3 }]).times, { minMs: 3, avgMs: 3, maxMs: 3, stddevMs: 0 });
  t.equal(pingStatistics(["lost"]).times, undefined);
  t.same(pingStatistics([]), { sent: 0, answered: 0, lost: 0, wrong: 0, times: undefined });
  t.equal(pingStatistics(Array.from({ length: 200_000 }, () => ({ ms: 1 }))).answered, 200_000, "of very many");
  t.end();
});
