import t, { type Test } from "tap";
import { encodeCbor, parseCbor, cborMap, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { checkUpdateUser, CredentialManagement, credentialManagementCommand } from "../../../src/lib/ctap/credential-management.ts";
import { hashRpId } from "../../../src/lib/ctap/hash.ts";
import { CTAP2_COMMAND, Enumeration } from "../../../src/lib/ctap/ctap2.ts";
import { parseGetInfo } from "../../../src/lib/ctap/get-info.ts";
import { PinUvAuthToken } from "../../../src/lib/ctap/pin-uv-auth-token.ts";
import { errorCode, errorCodeOf } from "../errors.ts";
import { ctap2Card, getInfo, type Reply, type Request, type ScriptedCtap2 } from "./ctap2-card.ts";
import { exchangesOf, recordedSteps, wireData } from "./recorded.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

const INFO = getInfo({ credMgmt: true, clientPin: true });
const TOKEN = new PinUvAuthToken(bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), 2);

async function management(t: Test, answer: (request: Request, i: number) => Reply, info = INFO, token: PinUvAuthToken | undefined = TOKEN): Promise<ScriptedCtap2 & { readonly management: CredentialManagement }> {
  const card = await ctap2Card(t, info, answer);
  return { ...card, management: new CredentialManagement(card.ctap2, await card.ctap2.getInfo(), token) };
}

const infoOf = (map: CborMap) => parseGetInfo(encodeCbor(map));

t.test("the proofs of the vectors", async (t) => {
  interface Vector {
    readonly credMgmt_getCredsMetadata_pinUvAuthParam: string;
    readonly credMgmt_enumerateCredentialsBegin: { readonly subCommandParams_hex: string; readonly pinUvAuthParam: string };
  }
  const { computed } = readVectors("pin-protocols") as { readonly computed: readonly { readonly pinUvAuthToken: string; readonly protocol1: Vector; readonly protocol2: Vector }[] };
  for (const { pinUvAuthToken, protocol1, protocol2 } of computed) {
    for (const [number, vector] of [[1, protocol1], [2, protocol2]] as const) {
      const token = new PinUvAuthToken(bytes(pinUvAuthToken), number);
      const answers = [cborMap([1, 0], [2, 25]), 0x2e];
      const { management: cards, requests } = await management(t, (_request, i) => answers[i]!, INFO, token);
      await cards.metadata();
      await cards.credentials(hashRpId("example.com"));
      const { credMgmt_enumerateCredentialsBegin: begin } = vector;
      t.same(requests.map(({ params }) => params), [
        new Map<number, unknown>([[1, 1], [3, number], [4, bytes(vector.credMgmt_getCredsMetadata_pinUvAuthParam)]]),
        new Map<number, unknown>([[1, 4], [2, parseCbor(bytes(begin.subCommandParams_hex)).value], [3, number], [4, bytes(begin.pinUvAuthParam)]]),
      ]);
    }
  }
});

const RECORDED = [
  { authenticator: "solo1", step: "credentialManagement-proto1", tokenStep: "getPinToken-cm-proto1", protocol: 1, remaining: 48 },
  { authenticator: "canokey", step: "credentialManagement-proto1", tokenStep: "getPinToken-cm-proto1", protocol: 1, remaining: 62 },
  { authenticator: "canokey", step: "credentialManagement-proto2", tokenStep: "getPinToken-cm-proto2", protocol: 2, remaining: 62 },
] as const;

for (const { authenticator, step, tokenStep, protocol, remaining } of RECORDED) {
  t.test(`${authenticator}, ${step}: the same is asked, and the answers are read`, async (t) => {
    const steps = recordedSteps(authenticator);
    const exchanges = exchangesOf(steps.find((one) => one.step === step)!);
    const token = new PinUvAuthToken(bytes(steps.find((one) => one.step === tokenStep)!.decrypted_token!), protocol);
    const { management: cards, requests } = await management(t, (_request, i) => [exchanges[i]!.answer], INFO, token);

    t.same(await cards.metadata(), { existing: 2, remaining });
    const [rp, ...others] = await cards.rps();
    t.same([others.length, rp!.id, hex(rp!.idHash)], [0, "example.com", hex(hashRpId("example.com"))]);
    const credentials = await cards.credentials(rp!.idHash);
    t.same(credentials.map(({ user, credProtect, hasLargeBlobKey }) => ({ id: hex(user.id), name: user.name, displayName: user.displayName, credProtect, hasLargeBlobKey })), [
      { id: "01020304", name: "alice@example.com", displayName: "Alice", credProtect: 1, hasLargeBlobKey: false },
      { id: "0908", name: "bob", displayName: "Bob", credProtect: 1, hasLargeBlobKey: false },
    ]);
    t.same(credentials.map(({ id, publicKey }) => [id.length, publicKey.get(1)]), [[70, 2], [70, 2]]);
    t.same(requests.map(({ command, bytes }) => hex(Uint8Array.of(command, ...bytes))), exchanges.map(({ request }) => hex(request.data)));
  });
}

t.test("the answers of libfido2's fuzzer", async (t) => {
  const replies = [...wireData("WIREDATA_CTAP_CBOR_CREDMAN_META"), ...wireData("WIREDATA_CTAP_CBOR_CREDMAN_RPLIST"), ...wireData("WIREDATA_CTAP_CBOR_CREDMAN_RKLIST")];
  const { management: cards, requests } = await management(t, (_request, i) => [{ command: 0x10, data: replies[i]!.payload }]);
  t.same(await cards.metadata(), { existing: 0, remaining: 25 });
  t.same((await cards.rps()).map(({ id, name }) => [id, name]), [["yubico.com", undefined], ["yubikey.org", undefined], ["webauthn.dev", undefined]]);
  const credentials = await cards.credentials(new Uint8Array(32));
  t.equal(credentials.length, 5);
  t.same([...new Set(credentials.map(({ user: { name, displayName } }) => `${name} ${displayName}`))], ["bob banana bbanana"]);
  t.same(credentials.map(({ publicKey }) => publicKey.get(3)), [-7, -8, -8, -7, -7]);
  t.same(requests.map(({ params }) => [params.get(1), params.has(4)]), [[1, true], [2, true], [3, false], [3, false], [4, true], [5, false], [5, false], [5, false], [5, false]], "the next ones carry no proof");
});

const rpAnswer = cborMap([3, cborMap(["id", "example.com"])], [4, hashRpId("example.com")], [5, 1]);
const credentialAnswer = cborMap(
  [6, cborMap(["id", bytes("01")], ["name", "alice"])],
  [7, cborMap(["id", bytes("aabb")], ["type", "public-key"])],
  [8, cborMap([1, 2], [3, -7])],
  [9, 1],
  [10, 3],
  [11, new Uint8Array(32)],
  [12, true],
);

t.test("what is said of one credential, and not its large-blob key", async (t) => {
  const { management: cards } = await management(t, () => credentialAnswer);
  t.strictSame(await cards.credentials(new Uint8Array(32)), [
    { id: bytes("aabb"), user: { id: bytes("01"), name: "alice", displayName: undefined }, publicKey: new Map([[1, 2], [3, -7]]), credProtect: 3, hasLargeBlobKey: true, thirdPartyPayment: true },
  ]);
});

t.test("a card without credentials", async (t) => {
  for (const empty of [0x2e, cborMap([5, 0]), cborMap([9, 0], [5, 0])] as const) {
    const { management: cards, requests } = await management(t, () => empty);
    t.same(await cards.rps(), []);
    t.equal(requests.length, 1);
  }
  const { management: cards } = await management(t, () => cborMap([9, 0]));
  t.same(await cards.credentials(new Uint8Array(32)), []);
});

t.test("an rp of which the card says only the hash, or a part of the id", async (t) => {
  const { management: cards } = await management(t, () => new Map([...rpAnswer].filter(([key]) => key !== 3)));
  t.same(await cards.rps(), [{ id: undefined, name: undefined, idHash: hashRpId("example.com") }]);
});

t.test("delete and update", async (t) => {
  const { management: cards, requests } = await management(t, () => new Map());
  await cards.delete(bytes("aabb"));
  await cards.updateUser(bytes("aabb"), { id: bytes("01"), name: "bob" });
  const descriptor = new Map<string, unknown>([["id", bytes("aabb")], ["type", "public-key"]]);
  t.same(requests.map(({ command, params }) => [command, params.get(1), params.get(2)]), [
    [0x0a, 6, new Map([[2, descriptor]])],
    [0x0a, 7, new Map([[2, descriptor], [3, new Map<string, unknown>([["id", bytes("01")], ["name", "bob"]])]])],
  ]);
  for (const { params } of requests) t.same(params.get(4), TOKEN.authenticate(Uint8Array.of(Number(params.get(1)), ...encodeCbor(params.get(2)))));
});

t.test("what a card refuses has its status, also within a list", async (t) => {
  const { management: cards } = await management(t, () => 0x2e);
  t.equal(await errorCodeOf(cards.delete(bytes("aabb"))), "CTAP2_ERR_NO_CREDENTIALS");
  const broken = await management(t, (_request, i) => [cborMap(...rpAnswer, [5, 2]), 0x30][i]!);
  t.equal(await errorCodeOf(broken.management.rps()), "CTAP2_ERR_NOT_ALLOWED");
  const denied = await management(t, () => 0x33);
  t.equal(await errorCodeOf(denied.management.rps()), "CTAP2_ERR_PIN_AUTH_INVALID");
});

t.test("without a token, none is shown", async (t) => {
  const { ctap2, requests } = await ctap2Card(t, INFO, () => 0x36);
  t.equal(await errorCodeOf(new CredentialManagement(ctap2, await ctap2.getInfo(), undefined).metadata()), "CTAP2_ERR_PUAT_REQUIRED");
  t.equal(hex(requests[0]!.bytes), "a10101");
});

t.test("answers that are not what they should be", async (t) => {
  const without = (map: CborMap, key: number): CborMap => new Map([...map].filter(([each]) => each !== key));
  const withValue = (map: CborMap, key: number, value: CborValue): CborMap => new Map([...map]).set(key, value);
  const rps = [without(rpAnswer, 4), without(rpAnswer, 5), withValue(rpAnswer, 4, bytes("00")), withValue(rpAnswer, 5, -1), withValue(rpAnswer, 5, 10_001), withValue(rpAnswer, 5, 2n ** 63n), withValue(rpAnswer, 3, "example.com")];
  for (const wrong of rps) {
    const { management: cards, requests } = await management(t, () => wrong);
    t.equal(await errorCodeOf(cards.rps()), "CTAP_ANSWER");
    t.equal(requests.length, 1);
  }
  const credentials = [...[6, 7, 8, 9].map((key) => without(credentialAnswer, key)), withValue(credentialAnswer, 6, new Map()), withValue(credentialAnswer, 7, bytes("aabb")), withValue(credentialAnswer, 10, "1"), withValue(credentialAnswer, 11, true)];
  for (const wrong of credentials) {
    const { management: cards } = await management(t, () => wrong);
    t.equal(await errorCodeOf(cards.credentials(new Uint8Array(32))), "CTAP_ANSWER");
  }
  const { management: cards } = await management(t, () => cborMap([1, 0]));
  t.equal(await errorCodeOf(cards.metadata()), "CTAP_ANSWER");
});

t.test("an answer that is cut off at any byte is refused", async (t) => {
  const whole = encodeCbor(credentialAnswer);
  const { management: cards } = await management(t, (_request, i) => [{ command: 0x10, data: Uint8Array.of(0, ...whole.subarray(0, i)) }]);
  for (let length = 0; length < whole.length; length++) {
    t.match(await errorCodeOf(cards.credentials(new Uint8Array(32))), length === 0 ? "CTAP_ANSWER" : "CTAP_CBOR");
  }
  t.equal((await cards.credentials(new Uint8Array(32))).length, 1);
});

t.test("the preview of CTAP 2.1", async (t) => {
  const preview = cborMap([1, ["FIDO_2_0", "FIDO_2_1_PRE"]], [3, new Uint8Array(16)], [4, cborMap(["credentialMgmtPreview", true])]);
  const { management: cards, requests } = await management(t, () => cborMap([1, 0], [2, 25]), preview);
  t.same(await cards.metadata(), { existing: 0, remaining: 25 });
  t.equal(requests[0]!.command, 0x41);
  t.equal(await errorCodeOf(cards.updateUser(bytes("aa"), { id: bytes("01") })), "CTAP_UNSUPPORTED", "cannot change names");
  t.equal(requests.length, 1, "and is not asked to");
});

t.test("which command there is", (t) => {
  const command = (options: Record<string, boolean>): number => credentialManagementCommand(infoOf(getInfo(options)));
  t.equal(command({ credMgmt: true }), CTAP2_COMMAND.credentialManagement);
  t.equal(command({ credMgmt: true, credentialMgmtPreview: true }), CTAP2_COMMAND.credentialManagement);
  t.equal(command({ credMgmt: false, credentialMgmtPreview: true }), CTAP2_COMMAND.credentialManagementPreview);
  for (const options of [{}, { credMgmt: false }, { credentialMgmtPreview: false }] as Record<string, boolean>[]) t.equal(errorCode(() => command(options)), "CTAP_UNSUPPORTED");
  t.throws(() => command({}), { kind: "outside", message: /credMgmt/ }, "the missing option is named");
  t.equal(errorCode(() => void checkUpdateUser(infoOf(getInfo({ credMgmt: true })))), undefined);
  t.end();
});

t.test("the credentials of several rps have one bound", async (t) => {
  const { management: cards, requests } = await management(t, () => 0x2e);
  const enumeration = new Enumeration("credentials");
  for (let i = 1; i < 10_000; i++) enumeration.next();
  t.same(await cards.credentials(hashRpId("example.com"), enumeration), []);
  t.equal(await errorCodeOf(cards.credentials(hashRpId("example.org"), enumeration)), "CTAP_ENDLESS");
  t.equal(requests.length, 1);
});
