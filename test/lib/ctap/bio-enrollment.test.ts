import t, { type Test } from "tap";
import { BioEnrollment, bioEnrollmentCommand, type Sample } from "../../../src/lib/ctap/bio-enrollment.ts";
import { cborMap, encodeCbor, type CborMap } from "../../../src/lib/ctap/cbor.ts";
import { CTAP2_COMMAND } from "../../../src/lib/ctap/ctap2.ts";
import type { TransactOptions } from "../../../src/lib/ctap/device.ts";
import { parseGetInfo } from "../../../src/lib/ctap/get-info.ts";
import { PinUvAuthToken } from "../../../src/lib/ctap/pin-uv-auth-token.ts";
import { errorCode, errorCodeOf } from "../errors.ts";
import { ctap2Card, getInfo, type Reply, type Request, type ScriptedCtap2 } from "./ctap2-card.ts";
import { keepalive } from "./scripted-card.ts";
import { wireData } from "./recorded.ts";
import { bytes, hex } from "./vectors.ts";

const TOKEN = new PinUvAuthToken(bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 2);
const CANCEL = "a201010203";

async function bio(t: Test, answer: (request: Request, i: number) => Reply, transact: TransactOptions = {}, options: Record<string, boolean> = { bioEnroll: true }): Promise<ScriptedCtap2 & { readonly bio: BioEnrollment }> {
  const card = await ctap2Card(t, getInfo(options), answer, transact);
  return { ...card, bio: new BioEnrollment(card.ctap2, await card.ctap2.getInfo(), TOKEN) };
}

/** Subcommands that were sent, in order. */
const subCommands = (requests: readonly Request[]): unknown => requests.map(({ params }) => params.get(2));

const sampleAnswer = (status: number, remaining: number): CborMap => cborMap([4, bytes("6896")], [5, status], [6, remaining]);

t.test("the answers of libfido2's fuzzer", async (t) => {
  const replies = ["INFO", "ENUM", "ENROLL"].flatMap((name) => wireData(`WIREDATA_CTAP_CBOR_BIO_${name}`));
  const { bio: fingers, requests } = await bio(t, (_request, i) => [keepalive(1), keepalive(2), { command: 0x10, data: replies[i]!.payload }]);
  t.same(await fingers.sensorInfo(), { kind: "touch", samples: 4, maxNameLength: 64 });
  t.same((await fingers.fingerprints()).map(({ id, name }) => [hex(id), name]), [["cea3", "finger1"], ["bf5e", "finger2"], ["5ed2", "finger3"]]);
  const samples: Sample[] = [];
  t.equal(hex(await fingers.enroll({ timeoutMs: 10_000, onSample: (sample) => void samples.push(sample) })), "6896");
  t.same(samples, [2, 1, 0].map((remaining) => ({ status: "good", remaining })));

  t.same(requests.map(({ command, params }) => [command, params.get(1), params.get(2), params.get(3)]), [
    [0x09, 1, 7, undefined],
    [0x09, 1, 4, undefined],
    [0x09, 1, 1, new Map([[3, 10_000]])],
    [0x09, 1, 2, new Map<number, unknown>([[1, bytes("6896")], [3, 10_000]])],
    [0x09, 1, 2, new Map<number, unknown>([[1, bytes("6896")], [3, 10_000]])],
  ]);
  t.same(requests.map(({ params }) => params.get(5)), [undefined, "0104", "0101a103192710", ...Array<string>(2).fill("0102a201426896" + "03192710")].map((message) => (message === undefined ? message : TOKEN.authenticate(bytes(message)))), "proofs: modality, subcommand, parameters");
});

t.test("rename and remove", async (t) => {
  const { bio: fingers, requests } = await bio(t, () => new Map());
  await fingers.rename(bytes("6896"), "thumb");
  await fingers.remove(bytes("6896"));
  t.same(requests.map(({ params }) => [params.get(2), params.get(3), params.get(4)]), [
    [5, new Map<number, unknown>([[1, bytes("6896")], [2, "thumb"]]), 2],
    [6, new Map([[1, bytes("6896")]]), 2],
  ]);
  t.same(requests.map(({ params }) => params.get(5)), requests.map(({ params }) => TOKEN.authenticate(Uint8Array.of(1, Number(params.get(2)), ...encodeCbor(params.get(3))))));
});

t.test("a card without fingerprints, or that says little of itself", async (t) => {
  t.same(await (await bio(t, () => 0x2c)).bio.fingerprints(), []);
  t.same(await (await bio(t, () => new Map())).bio.fingerprints(), []);
  t.same(await (await bio(t, () => cborMap([7, [cborMap([1, bytes("01")])]]))).bio.fingerprints(), [{ id: bytes("01"), name: undefined }]);
  t.same(await (await bio(t, () => new Map())).bio.sensorInfo(), { kind: "unknown", samples: undefined, maxNameLength: 64 });
  t.same(await (await bio(t, () => cborMap([2, 2], [3, 5], [8, 15]))).bio.sensorInfo(), { kind: "swipe", samples: 5, maxNameLength: 15 });
});

t.test("how samples go", async (t) => {
  const statuses = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 99, 0];
  const samples: Sample[] = [];
  const { bio: fingers, requests } = await bio(t, (_request, i) => sampleAnswer(statuses[i]!, i === statuses.length - 1 ? 0 : 1));
  await fingers.enroll({ onSample: (sample) => void samples.push(sample) });
  t.same(
    samples.map(({ status }) => status),
    ["too-high", "too-low", "too-left", "too-right", "too-fast", "too-slow", "poor-quality", "too-skewed", "too-short", "merge-failure", "exists", "unknown", "no-user-presence-transition", "unknown", "good"],
  );
  t.same(requests[0]!.params.get(3), undefined, "no time given, none sent");
  t.same(subCommands(requests), [1, ...Array<number>(14).fill(2)]);
});

t.test("what ends an enrolment too soon, and that the card is then told", async (t) => {
  const cases: readonly (readonly [name: string, code: string, answer: (i: number) => Reply, sent: readonly number[]])[] = [
    ["nobody touches the sensor", "CTAP_USER_TIMEOUT", (i) => sampleAnswer(i === 0 ? 0 : 13, 2), [1, 2, 3]],
    ["a status within", "CTAP2_ERR_USER_ACTION_TIMEOUT", (i) => (i === 1 ? 0x2f : sampleAnswer(0, 2)), [1, 2, 3]],
    ["no room, so that nothing began", "CTAP2_ERR_FP_DATABASE_FULL", () => 0x17, [1]],
    ["no id", "CTAP_ANSWER", () => cborMap([5, 0], [6, 2]), [1, 3]],
    ["no count", "CTAP_ANSWER", () => cborMap([4, bytes("01")], [5, 0]), [1, 3]],
    ["no status", "CTAP_ANSWER", () => cborMap([4, bytes("01")], [6, 0]), [1, 3]],
    ["a sensor that never has enough", "CTAP_BIO_SAMPLES", () => sampleAnswer(7, 1), [1, ...Array<number>(99).fill(2), 3]],
  ];
  for (const [name, code, answer, sent] of cases) {
    const { bio: fingers, requests } = await bio(t, ({ params }, i) => (params.get(2) === 3 ? new Map() : answer(i)));
    t.equal(await errorCodeOf(fingers.enroll()), code, name);
    t.same(subCommands(requests), sent, name);
    if (sent.at(-1) === 3) t.equal(hex(requests.at(-1)!.bytes), CANCEL, "which needs no proof");
  }
});

t.test("a caller that gives up cancels, and a card that does not answer to that is left", async (t) => {
  const controller = new AbortController();
  const reason = new Error("given up");
  const { bio: fingers, requests } = await bio(t, ({ params }, i) => (params.get(2) === 3 ? [] : i === 0 ? sampleAnswer(0, 3) : [keepalive(2)]), { signal: controller.signal });
  await t.rejects(fingers.enroll({ onSample: () => void setTimeout(() => controller.abort(reason), 10) }), reason);
  t.same(subCommands(requests), [1, 2, 3]);
});

t.test("a callback that throws ends it too", async (t) => {
  const { bio: fingers, requests } = await bio(t, ({ params }) => (params.get(2) === 3 ? 0x2c : sampleAnswer(0, 3)));
  await t.rejects(fingers.enroll({ onSample: () => { throw new RangeError("of the caller"); } }), { message: "of the caller" });
  t.same(subCommands(requests), [1, 3]);
});

t.test("answers that are not what they should be, and ones cut off", async (t) => {
  for (const wrong of [cborMap([7, bytes("00")]), cborMap([7, [1]]), cborMap([7, [new Map()]]), cborMap([7, [cborMap([1, "id"])]])]) {
    t.equal(await errorCodeOf((await bio(t, () => wrong)).bio.fingerprints()), "CTAP_ANSWER");
  }
  const { payload } = wireData("WIREDATA_CTAP_CBOR_BIO_ENUM")[0]!;
  const { bio: fingers } = await bio(t, (_request, i) => [{ command: 0x10, data: payload.subarray(0, i + 2) }]);
  for (let length = 2; length < payload.length; length++) t.equal(await errorCodeOf(fingers.fingerprints()), "CTAP_CBOR");
  t.equal((await fingers.fingerprints()).length, 3);
});

t.test("which command there is", async (t) => {
  const command = (options: Record<string, boolean>): number => bioEnrollmentCommand(parseGetInfo(encodeCbor(getInfo(options))));
  t.equal(command({ bioEnroll: true }), CTAP2_COMMAND.bioEnrollment);
  t.equal(command({ bioEnroll: false, userVerificationMgmtPreview: false }), CTAP2_COMMAND.bioEnrollment, "no fingerprint yet");
  t.equal(command({ userVerificationMgmtPreview: false }), CTAP2_COMMAND.bioEnrollmentPreview);
  t.throws(() => command({ uv: true }), { code: "CTAP_UNSUPPORTED", kind: "outside", message: /bioEnroll/ });
  t.equal(errorCode(() => command({})), "CTAP_UNSUPPORTED");
  const { bio: fingers, requests } = await bio(t, () => new Map(), {}, { userVerificationMgmtPreview: true });
  await fingers.remove(bytes("01"));
  t.equal(requests[0]!.command, 0x40);
});
