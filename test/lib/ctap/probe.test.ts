import t from "tap";
import { encodeCbor, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { encodeMessage, HID_COMMAND } from "../../../src/lib/ctap/packet.ts";
import { PROBE_BOUNDS, PROBE_STEPS } from "../../../src/lib/ctap/probe-steps.ts";
import { probeTransport } from "../../../src/lib/ctap/probe.ts";
import { BAD_CARDS } from "../../support/bad-cards.ts";
import { answer, GET_INFO, getInfoAnswer, good, goodBut, scriptedTransport, type Script } from "../../support/hid-card.ts";

/** Shorter than for people, as cards in memory answer at once or not at all; long enough for a busy machine. */
const BOUNDS = { init: 400, ping: 500, wink: 500, getInfo: 500, pinRetries: 500, u2fVersion: 500 };

// They wait, most of the time.
t.jobs = 8;

for (const [name, { script, code, status }] of Object.entries(BAD_CARDS)) {
  t.test(`a card ${name}`, { buffered: true }, async (t) => {
    const { diagnosis, steps } = await probeTransport(scriptedTransport(script()), { bounds: BOUNDS });
    t.equal(diagnosis.code, code, diagnosis.message);
    t.equal(diagnosis.status, status);
    t.same(steps.map((step) => step.name), PROBE_STEPS, "says how each step went");
  });
}

t.test("the bounds end every probe within 10 seconds", (t) => {
  const { total, back, ...steps } = PROBE_BOUNDS;
  const cancelAndClose = 500 + 500;
  t.ok(total + cancelAndClose < 10_000);
  for (const [name, ms] of Object.entries({ ...steps, back, twoInits: 2 * steps.init })) t.ok(ms <= total, `${name} fits into it`);
  t.equal(steps.init, 3000, "INIT has 3 s");
  t.end();
});

t.test("a step gets no more than what is left of the whole time", async (t) => {
  const { diagnosis, steps } = await probeTransport(scriptedTransport(goodBut([HID_COMMAND.ping, () => undefined])), { bounds: { total: 50, ping: 600_000 } });
  t.equal(diagnosis.code, "half-mute");
  t.match(steps.find(({ name }) => name === "ping"), { state: "failed", note: /card did not send an answer within 0\.0\d* s/ });
});

t.test("steps of a good card", async (t) => {
  const { steps, init, info, warnings } = await probeTransport(scriptedTransport(good));
  t.same(
    steps.map(({ name, state, note }) => [name, state, note]),
    [
      ["enumerate", "skipped", undefined],
      ["permission", "skipped", undefined],
      ["open", "skipped", undefined],
      ["init", "ok", "channel 0x00c0ffee, device 1.2.3, WINK CBOR MSG"],
      ["ping", "ok", "100 bytes there and back"],
      ["wink", "ok", "the card blinks, if it has a light"],
      ["get-info", "ok", `U2F_V2 FIDO_2_0 FIDO_2_1, ${encodeCbor(GET_INFO).length} bytes`],
      ["pin-retries", "skipped", "no PIN is set"],
      ["u2f-version", "ok", "U2F_V2"],
    ],
  );
  t.ok(steps.every(({ ms }) => ms >= 0));
  t.same(init?.deviceVersion, [1, 2, 3]);
  t.same(info?.versions, ["U2F_V2", "FIDO_2_0", "FIDO_2_1"]);
  t.same(warnings, []);
});

t.test("what cannot go on is not tried", async (t) => {
  const { steps } = await probeTransport(scriptedTransport(goodBut([HID_COMMAND.ping, () => undefined])), { bounds: BOUNDS });
  t.same(steps.slice(3).map(({ state }) => state), ["ok", "failed", "skipped", "skipped", "skipped", "skipped"]);
});

t.test("a refused step is not the end", async (t) => {
  const { steps, warnings, diagnosis } = await probeTransport(scriptedTransport(BAD_CARDS["refusing CBOR"]!.script()));
  t.same(steps.slice(3).map(({ state }) => state), ["ok", "ok", "ok", "failed", "skipped", "ok"]);
  t.match(diagnosis.message, /CTAP1_ERR_INVALID_COMMAND/);
  t.same(warnings, []);
});

t.test("several things wrong: the gravest first, the others as warnings", async (t) => {
  const script: Script = (request, wire) => {
    if (request.command === HID_COMMAND.ping) answer(request, wire, new Uint8Array(3));
    else if (request.command === HID_COMMAND.cbor) answer(request, wire, Uint8Array.of(0x7f));
    else good(request, wire);
    // Of somebody else.
    for (const report of encodeMessage(0x1234, HID_COMMAND.msg, new Uint8Array(4))) wire.send(report);
  };
  const { diagnosis, warnings } = await probeTransport(scriptedTransport(script));
  t.equal(diagnosis.code, "get-info-refused");
  t.match(diagnosis.message, /CTAP1_ERR_OTHER/);
  t.same(warnings.map(({ code }) => code), ["ping-echo", "other-traffic"]);
  t.match(warnings[1]?.message, /MSG on channel 0x00001234/);
});

t.test("PIN retries are asked for once, with a protocol that the card knows, where a PIN is set", async (t) => {
  const requestsOf = async (...entries: readonly (readonly [number, CborValue])[]): Promise<readonly string[]> => {
    const info = new Map<CborValue, CborValue>([...GET_INFO, ...entries]);
    const requests: string[] = [];
    const answerCbor: Script = (request, wire) => {
      requests.push(Buffer.from(request.data).toString("hex"));
      answer(request, wire, request.data[0] === 0x04 ? getInfoAnswer(info) : Uint8Array.of(0, ...encodeCbor(new Map([[3, 2]]))));
    };
    const { steps } = await probeTransport(scriptedTransport(goodBut([HID_COMMAND.cbor, answerCbor])));
    return [...requests.slice(1), steps.find(({ name }) => name === "pin-retries")?.note ?? ""];
  };
  const isSet: readonly [number, CborValue] = [4, new Map([["clientPin", true]])];
  t.same(await requestsOf(isSet), ["06a201010201", "2 tries left"], "protocol 1 where it lists none");
  t.same(await requestsOf(isSet, [6, [3, 2, 1]]), ["06a201020201", "2 tries left"]);
  t.same(await requestsOf(isSet, [6, [7]]), ["06a10201", "2 tries left"], "no protocol where none is known");
  t.same(await requestsOf([4, new Map([["clientPin", false]])]), ["no PIN is set"]);
});

t.test("Qubes' proxy, taken leniently", async (t) => {
  const { diagnosis, info } = await probeTransport(scriptedTransport(BAD_CARDS["behind Qubes' proxy"]!.script()), { lenient: true });
  t.equal(diagnosis.code, "ok");
  t.same(info?.versions, ["U2F_V2", "FIDO_2_0", "FIDO_2_1"]);
});

t.test("the way round for PIN/UV depends on what the card has", async (t) => {
  const hintFor = async (...entries: readonly (readonly [number, CborValue])[]): Promise<readonly [code: string, hint: string]> => {
    const info = new Map<CborValue, CborValue>([...GET_INFO, ...entries]);
    const script = goodBut([HID_COMMAND.cbor, (request, wire) => answer(request, wire, request.data[0] === 0x04 ? getInfoAnswer(info) : Uint8Array.of(0, ...encodeCbor(new Map([[3, 8]]))))]);
    const { diagnosis } = await probeTransport(scriptedTransport(script));
    return [diagnosis.code, diagnosis.hint];
  };
  const options = (...set: readonly (readonly [string, boolean])[]): readonly [number, CborValue] => [4, new Map(set)];
  t.match(await hintFor(options(["uv", true])), ["pin-uv-protocols", /without pinUvAuthParam and with the option uv true/]);
  t.match(await hintFor(options(["clientPin", true])), ["pin-uv-protocols", /without pinUvAuthParam and without the option uv/]);
  t.match(await hintFor(options(["alwaysUv", true]), [6, []]), ["pin-uv-protocols", /--uv discouraged/]);
  t.match(await hintFor(options(["bioEnroll", true], ["uv", true]), [6, [3]]), ["pin-uv-protocols", /--uv required/]);
  t.match(await hintFor(options(["clientPin", true]), [6, [2]]), ["ok"]);
  t.match(await hintFor(options(["clientPin", false], ["uv", false])), ["ok"]);
});

t.test("Ctrl-C ends it with the reason of the signal", async (t) => {
  const controller = new AbortController();
  const probe = probeTransport(scriptedTransport(() => setImmediate(() => controller.abort(new Error("enough")))), { signal: controller.signal });
  await t.rejects(probe, { message: "enough" });
});

t.test("a card that floods the line does not hold the probe up", async (t) => {
  const script: Script = (request, wire) => {
    const [report] = encodeMessage(0x77, HID_COMMAND.cbor, new Uint8Array(10));
    let left = 200;
    const flood = (): void => {
      for (let i = 0; i < 500; i++) wire.send(report!);
      left -= 1;
      if (left > 0) setImmediate(flood);
    };
    if (request.command === HID_COMMAND.init) good(request, wire);
    else flood();
  };
  const { diagnosis } = await probeTransport(scriptedTransport(script), { bounds: BOUNDS });
  t.equal(diagnosis.code, "busy");
  t.match(diagnosis.message, /CBOR on channel 0x00000077/);
});
