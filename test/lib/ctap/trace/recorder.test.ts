import assert from "node:assert/strict";
import t from "tap";
import { CtapError } from "../../../../src/lib/errors.ts";
import { encodeMessage } from "../../../../src/lib/ctap/packet.ts";
import { parseTrace } from "../../../../src/lib/ctap/trace/parse.ts";
import { recordTransport } from "../../../../src/lib/ctap/trace/recorder.ts";
import type { Report } from "../../../../src/lib/ctap/trace/report.ts";
import { memoryPair } from "../../../../src/lib/ctap/transport/memory.ts";
import type { Transport } from "../../../../src/lib/ctap/transport/transport.ts";
import { errorCodeOf } from "../../errors.ts";
import { bytes, hex } from "../vectors.ts";
import { fileOf, record, TRANSCRIPTS } from "./conversations.ts";

function reportsOf(lines: readonly string[]): readonly Report[] {
  return parseTrace(fileOf(lines)).events.flatMap((event) => (event.kind === "report" ? [event.report] : []));
}

const GET_INFO = encodeMessage(0x0a1b2c3d, 0x10, bytes("04"))[0]!;
const ANSWER = encodeMessage(0x0a1b2c3d, 0x10, bytes("00a10181665532465f5632"))[0]!;

for (const [name, reports] of TRANSCRIPTS) {
  t.test(`${name}: every report is there again, in order, and every message decoded`, async (t) => {
    const lines = await record(reports);
    t.equal(lines.length, reports.length + 2);
    const found = reportsOf(lines);
    t.same(found.map(({ direction, bytes }) => `${direction} ${hex(bytes)}`), reports.map(({ direction, bytes }) => `${direction} ${hex(bytes)}`));
    for (const [i, { timeMs }] of found.entries()) assert(timeMs !== undefined && (i === 0 || timeMs > found[i - 1]!.timeMs!));

    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of parsed.slice(1, -1)) t.match(line, { time: /^2026-0[12]-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, direction: /^(to|from)-card$/, channel: /^[0-9a-f]{8}$/, command: /^([a-z]+|0x3e)$/, bytes: /^[0-9a-f]{128}$/ });
    t.equal(parsed.filter(({ problem }) => problem !== undefined).length, 0);
    const info = parsed.find(({ name, direction }) => name === "authenticatorGetInfo" && direction === "from-card");
    t.match(info, { command: "cbor", status: "CTAP2_OK", cbor: { 1: ["U2F_V2", "FIDO_2_0"], 4: { rk: true } } });
    t.ok(parsed.some(({ status }) => status === "CTAP2_ERR_PIN_INVALID"));
    t.ok(parsed.some(({ command }) => command === "keepalive"));
  });
}

t.test("what is no whole message is recorded too", async (t) => {
  const long = encodeMessage(0x0a1b2c3d, 0x10, new Uint8Array(200));
  const lines = await record([
    { direction: "to-card", bytes: long[0]! },
    { direction: "to-card", bytes: long[2]! },
    { direction: "from-card", bytes: long[1]! },
    { direction: "from-card", bytes: new Uint8Array(63) },
    { direction: "from-card", bytes: long[0]! },
    { direction: "from-card", bytes: ANSWER },
  ]);
  const [, first, second, third, fourth, fifth, sixth] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(first, { command: "cbor" });
  t.match(second, { sequence: 1, problem: /continuation packet 1, expected 0/ });
  t.match(third, { problem: /expected an init packet/ });
  t.match(fourth, { bytes: "00".repeat(63), problem: /63 bytes/ });
  t.equal(fourth?.channel, undefined);
  t.match(fifth, { command: "cbor" });
  t.match(sixth, { problem: /not ended/, payload: "00a10181665532465f5632", status: "CTAP2_OK" }, "a message that begins within another");
  t.equal(sixth?.name, undefined, "whose request nobody saw");
});

t.test("a failure of the transport is recorded and passed on", async (t) => {
  const lines: object[] = [];
  const { transport, card } = memoryPair();
  const recorder = recordTransport(transport, { write: (line) => lines.push(line), close: () => undefined });
  const { signal } = new AbortController();
  card.unplug();
  t.equal(await errorCodeOf(recorder.receive(signal)), "CTAP_DEVICE_LOST");
  t.equal(await errorCodeOf(recorder.send(GET_INFO)), "CTAP_DEVICE_LOST");
  t.match(lines, [{ event: "open", trace: 1, device: "memory:" }, { event: "error", code: "CTAP_DEVICE_LOST" }, { direction: "to-card" }, { event: "error", code: "CTAP_DEVICE_LOST" }]);
});

t.test("an abort is no failure, and closing twice is closing once", async (t) => {
  const lines: object[] = [];
  let closed = 0;
  const { transport } = memoryPair();
  const recorder = recordTransport(transport, { write: (line) => lines.push(line), close: () => void closed++ });
  const controller = new AbortController();
  const waiting = recorder.receive(controller.signal);
  controller.abort(new CtapError("CTAP_ABORTED", "enough"));
  t.equal(await errorCodeOf(waiting), "CTAP_ABORTED");
  await recorder.close();
  await recorder.close();
  t.match(lines, [{ event: "open" }, { event: "close" }]);
  t.equal(lines.length, 2);
  t.equal(closed, 1);
});

t.test("a request is recorded before it is sent", async (t) => {
  const order: string[] = [];
  const transport: Transport = {
    name: "test:",
    send: () => {
      order.push("sent");
      return Promise.resolve();
    },
    receive: () => Promise.resolve(ANSWER),
    close: () => Promise.resolve(),
  };
  const recorder = recordTransport(transport, { write: (line) => order.push("direction" in line ? "recorded" : "event"), close: () => undefined });
  await recorder.send(GET_INFO);
  t.same(order, ["event", "recorded", "sent"]);
});

t.test("endless foreign channels take no endless memory, and the own one stays", async (t) => {
  const foreign = Array.from({ length: 2000 }, (_, i): Report => ({ direction: "from-card", bytes: encodeMessage(i + 1, 0x10, new Uint8Array(100))[0]! }));
  const lines = await record([{ direction: "to-card", bytes: GET_INFO }, ...foreign.slice(0, 200), { direction: "from-card", bytes: ANSWER }, ...foreign]);
  t.match(JSON.parse(lines[202] ?? ""), { name: "authenticatorGetInfo", cbor: { 1: ["U2F_V2"] } });
  t.equal(lines.length, 2204);
});
