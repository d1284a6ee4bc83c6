import assert from "node:assert/strict";
import t from "tap";
import { CtapError } from "../../../src/lib/errors.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { Ctap2, CTAP2_COMMAND, Enumeration } from "../../../src/lib/ctap/ctap2.ts";
import { CtapDevice, type TransactOptions } from "../../../src/lib/ctap/device.ts";
import type { Message } from "../../../src/lib/ctap/message.ts";
import { HID_COMMAND } from "../../../src/lib/ctap/packet.ts";
import { PinUvAuthToken } from "../../../src/lib/ctap/pin-uv-auth-token.ts";
import { errorCodeOf } from "../errors.ts";
import { cbor, keepalive, scriptedCard } from "./scripted-card.ts";
import { bytes, readVectors } from "./vectors.ts";

interface Messages {
  readonly makeCredential_response: { readonly hex: string };
  readonly getAssertion_response: { readonly hex: string };
  readonly getInfo: readonly { readonly hex: string }[];
}

const vectors = readVectors("ctap2-messages") as Messages;
const madeCredential = bytes(vectors.makeCredential_response.hex);
const assertion = bytes(vectors.getAssertion_response.hex);
const getInfo = bytes(vectors.getInfo[0]?.hex ?? "");
const clientDataHash = new Uint8Array(32).fill(7);

interface Request {
  readonly command: number;
  readonly params: CborMap | undefined;
}

/** A card that answers CBOR as a test says, and what it was asked. */
async function open(answer: (request: Request) => readonly Message[], options: TransactOptions = {}): Promise<{ readonly ctap2: Ctap2; readonly asked: Request[] }> {
  const asked: Request[] = [];
  const transport = scriptedCard(({ command, data }) => {
    assert.equal(command, HID_COMMAND.cbor);
    const value = data.length > 1 ? parseCbor(data.subarray(1)).value : undefined;
    const request = { command: data[0] ?? -1, params: isCborMap(value) ? value : undefined };
    asked.push(request);
    return answer(request);
  });
  const device = await CtapDevice.open(transport);
  t.teardown(() => device.close());
  return { ctap2: new Ctap2(device, options), asked };
}

t.test("getInfo is asked once, until it is no longer so", async (t) => {
  const { ctap2, asked } = await open(({ command }) => [command === CTAP2_COMMAND.getInfo ? cbor(0, getInfo) : cbor(0)]);
  const info = await ctap2.getInfo();
  t.same(info.versions, ["U2F_V2", "FIDO_2_0"]);
  t.equal(await ctap2.getInfo(), info);
  t.equal(asked.length, 1);
  t.not(await ctap2.refresh(), info);
  t.equal(asked.length, 2);
  await ctap2.reset();
  await ctap2.getInfo();
  t.same(asked.map(({ command }) => command), [4, 4, 7, 4]);
});

t.test("an answer that failed is not kept", async (t) => {
  let status = 0x7f;
  const { ctap2 } = await open(() => [cbor(status, status === 0 ? getInfo : undefined)]);
  t.equal(await errorCodeOf(ctap2.getInfo()), "CTAP1_ERR_OTHER");
  status = 0;
  t.equal((await ctap2.getInfo()).maxMsgSize, 1200);
});

t.test("answers come as they are, and a status as an error of its name", async (t) => {
  const answers = new Map<number, Message>([
    [0x50, cbor(0)],
    [0x51, cbor(0, Uint8Array.of(0xa1, 1, 2))],
    [0x52, cbor(0x19)],
    [0x53, cbor(0, Uint8Array.of(0x80))],
    [0x54, cbor(0, Uint8Array.of(0xa1, 1))],
    [0x55, { command: HID_COMMAND.cbor, data: new Uint8Array() }],
    [0x56, cbor(0xf1, Uint8Array.of(1, 2, 3))],
    // Keys the wrong way round: awkward, and readable.
    [0x57, cbor(0, bytes("a202020101"))],
  ]);
  const { ctap2, asked } = await open(({ command }) => [answers.get(command) ?? cbor(1)]);
  t.same(await ctap2.call(0x50), new Map());
  t.same(await ctap2.call(0x51, new Map([[2, 1], [1, 2]])), new Map([[1, 2]]));
  t.same([...(asked[1]?.params ?? [])], [[1, 2], [2, 1]], "in canonical order");
  t.equal(asked[0]?.params, undefined);
  await t.rejects(ctap2.call(0x52), { code: "CTAP2_ERR_CREDENTIAL_EXCLUDED", kind: "no" });
  t.equal(await errorCodeOf(ctap2.call(0x53)), "CTAP_ANSWER", "a list");
  t.equal(await errorCodeOf(ctap2.call(0x54)), "CTAP_CBOR", "cut short");
  t.equal(await errorCodeOf(ctap2.call(0x55)), "CTAP_ANSWER", "not even a status");
  t.equal(await errorCodeOf(ctap2.callRaw(0x55)), "CTAP_ANSWER");
  await t.rejects(ctap2.call(0x56), { code: "CTAP2_ERR_VENDOR", kind: "outside", message: /0xf1/ });
  t.same(await ctap2.callRaw(0x56), { status: 0xf1, data: Uint8Array.of(1, 2, 3) });
  t.same(await ctap2.call(0x57), new Map([[2, 2], [1, 1]]));
  t.equal(await errorCodeOf(ctap2.call(0x58)), "CTAP1_ERR_INVALID_COMMAND");
});

t.test("makeCredential, with a token for the hash and keepalives for the person", async (t) => {
  const told: string[] = [];
  const { ctap2, asked } = await open(() => [keepalive(1), keepalive(2), cbor(0, madeCredential)], { onKeepalive: (status) => told.push(status) });
  const token = new PinUvAuthToken(new Uint8Array(32).fill(1), 2);
  const made = await ctap2.makeCredential({ clientDataHash, rp: { id: "example.com" }, user: { id: Uint8Array.of(1) }, algorithms: [-7], token, options: { rk: true } });
  t.equal(made.fmt, "packed");
  t.same(told, ["processing", "up-needed"]);
  t.equal(asked[0]?.command, 1);
  t.same(asked[0]?.params?.get(8), token.authenticate(clientDataHash));
  t.equal(asked[0]?.params?.get(9), 2);
  t.same(asked[0]?.params?.get(7), new Map([["rk", true]]));
});

/** The recorded assertion with other values. */
function asserted(...entries: readonly (readonly [CborValue, CborValue])[]): Message {
  const { value } = parseCbor(assertion);
  assert(isCborMap(value));
  return cbor(0, encodeCbor(new Map([...value, ...entries])));
}

t.test("getAssertion fetches every assertion that there is", async (t) => {
  for (const count of [undefined, 0, 1, 2, 5]) {
    let next = 0;
    const { ctap2, asked } = await open(({ command }) => [command === 2 ? asserted([5, count]) : asserted([4, new Map([["id", Uint8Array.of(++next)]])])]);
    const assertions = await ctap2.getAssertion({ rpId: "example.com", clientDataHash });
    const expected = Math.max(1, count ?? 1);
    t.equal(assertions.length, expected);
    t.same(asked.map(({ command }) => command), [2, ...Array.from({ length: expected - 1 }, () => 8)]);
    t.same(assertions.slice(1).map(({ user }) => user?.id), Array.from({ length: expected - 1 }, (_, i) => Uint8Array.of(i + 1)));
  }
  const { ctap2, asked } = await open(() => [asserted([5, 100_000])]);
  t.equal(await errorCodeOf(ctap2.getAssertion({ rpId: "example.com", clientDataHash })), "CTAP_ANSWER", "nobody has so many");
  t.equal(asked.length, 1);
});

t.test("an assertion without its credential is that of the only one allowed, and never of a next one", async (t) => {
  const without = (count?: number): Message => asserted([1, undefined], [5, count]);
  const only = { id: Uint8Array.of(9) };
  const { ctap2 } = await open(() => [without()]);
  t.same((await ctap2.getAssertion({ rpId: "example.com", clientDataHash, allowList: [only] }))[0].credential, only);
  t.equal(await errorCodeOf(ctap2.getAssertion({ rpId: "example.com", clientDataHash })), "CTAP_ANSWER");
  const { ctap2: several } = await open(() => [without(2)]);
  t.equal(await errorCodeOf(several.getAssertion({ rpId: "example.com", clientDataHash, allowList: [only] })), "CTAP_ANSWER");
});

t.test("selection and reset say whether they were done", async (t) => {
  let status = 0;
  const { ctap2, asked } = await open(() => [cbor(status)]);
  await ctap2.selection();
  await ctap2.reset();
  t.same(asked.map(({ command }) => command), [0x0b, 0x07]);
  status = 0x30;
  t.equal(await errorCodeOf(ctap2.reset()), "CTAP2_ERR_NOT_ALLOWED");
  status = 0x2f;
  t.equal(await errorCodeOf(ctap2.selection()), "CTAP2_ERR_USER_ACTION_TIMEOUT");
});

t.test("a signal cancels on the card", async (t) => {
  const controller = new AbortController();
  const reason = new CtapError("TEST_STOP", "stop");
  const commands: number[] = [];
  const transport = scriptedCard(({ command }) => {
    commands.push(command);
    return [command === HID_COMMAND.cancel ? cbor(0x2d) : keepalive(2)];
  });
  const device = await CtapDevice.open(transport);
  const ctap2 = new Ctap2(device, { signal: controller.signal, onKeepalive: () => controller.abort(reason) });
  await t.rejects(ctap2.selection(), reason);
  t.same(commands, [HID_COMMAND.cbor, HID_COMMAND.cancel]);
  await device.close();
});

t.test("a request without a person has 10 seconds, whatever a person has", async (t) => {
  const { ctap2 } = await open(() => [cbor(0)]);
  const times: unknown[] = [];
  const { device } = ctap2;
  device.transact = (_command, payload, options) => {
    times.push([payload[0], options?.timeoutMs]);
    return Promise.resolve(Uint8Array.of(0));
  };
  const long = new Ctap2(device, { timeoutMs: 86_400_000 });
  for (const command of [1, 2, 4, 7, 8, 9, 0x0a, 0x0b, 0x0c, 0x0d, 0x40, 0x41]) await long.call(command);
  for (const subCommand of [2, 5, 6]) await long.call(6, new Map([[2, subCommand]]));
  await long.call(4, undefined, { timeoutMs: 300 });
  const [day, brief] = [86_400_000, 10_000];
  t.same(times, [
    ...[[1, day], [2, day], [4, brief], [7, day], [8, brief], [9, day], [0x0a, brief], [0x0b, day], [0x0c, brief], [0x0d, brief], [0x40, day], [0x41, brief]],
    ...[[6, brief], [6, brief], [6, day], [4, 300]],
  ]);
});

t.test("an enumeration ends, by its time and by its requests", async (t) => {
  const now = performance.now.bind(performance);
  let asideMs = 0;
  performance.now = () => now() + asideMs;
  t.teardown(() => {
    performance.now = now;
  });
  const { ctap2, asked } = await open(() => {
    asideMs += 5000;
    return [asserted([5, 1000])];
  });
  await t.rejects(ctap2.getAssertion({ rpId: "example.com", clientDataHash }), { code: "CTAP_ENDLESS", kind: "outside", message: "card is not done with its assertions after 60 s, expected to be done by then" });
  t.ok(asked.length < 15, `${asked.length} of 1000`);
  const enumeration = new Enumeration("credentials");
  for (let i = 0; i < 10_000; i++) enumeration.next();
  t.throws(() => void enumeration.next(), { code: "CTAP_ENDLESS", message: /after 10000 requests/ });
});
