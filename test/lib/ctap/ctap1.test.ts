import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { describeStatusWord, encodeApdu, parseApduResponse, STATUS_WORD } from "../../../src/lib/ctap/apdu.ts";
import { verifyAssertion, verifyAttestation } from "../../../src/lib/ctap/attestation.ts";
import { COSE_ALGORITHM, encodeP256Key } from "../../../src/lib/ctap/cose.ts";
import { Ctap1, U2F_INS, type Ctap1Options } from "../../../src/lib/ctap/ctap1.ts";
import { CtapDevice } from "../../../src/lib/ctap/device.ts";
import type { MakeCredentialParams } from "../../../src/lib/ctap/make-credential.ts";
import type { Message } from "../../../src/lib/ctap/message.ts";
import { HID_COMMAND } from "../../../src/lib/ctap/packet.ts";
import { parseAuthentication, parseRegistration } from "../../../src/lib/ctap/u2f.ts";
import { errorCode, errorCodeOf } from "../errors.ts";
import { msg, scriptedCard } from "./scripted-card.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

interface Vectors {
  readonly registration: Readonly<
    Record<"challenge_parameter" | "application_parameter" | "request_apdu_extended" | "response" | "public_key" | "key_handle" | "attestation_cert_der" | "signature", string>
  >;
  readonly authentication: Readonly<Record<"challenge_parameter" | "application_parameter" | "public_key" | "response", string>>;
  readonly version: Readonly<Record<"request_apdu_extended" | "response", string>>;
  readonly status_words: Readonly<Record<string, string>>;
}

const vectors = readVectors("u2f") as Vectors;
const registered = bytes(vectors.registration.response);
const signed = bytes(vectors.authentication.response);
const rpIdHash = new Uint8Array(createHash("sha256").update("example.com").digest());
const clientDataHash = new Uint8Array(32).fill(0xcd);
const id = (byte: number): { readonly id: Uint8Array } => ({ id: new Uint8Array(32).fill(byte) });

/** A card that answers MSG as a test says, and what it was asked. */
async function open(answer: (apdu: Uint8Array) => Message, options: Ctap1Options = {}): Promise<{ readonly ctap1: Ctap1; readonly asked: string[] }> {
  const asked: string[] = [];
  const transport = scriptedCard(({ command, data }) => {
    assert.equal(command, HID_COMMAND.msg);
    asked.push(hex(data));
    return [answer(data)];
  });
  const device = await CtapDevice.open(transport);
  t.teardown(() => device.close());
  return { ctap1: new Ctap1(device, { pollMs: 1, ...options }), asked };
}

t.test("requests are as in the vectors", async (t) => {
  const { registration, version } = vectors;
  const data = Buffer.concat([bytes(registration.challenge_parameter), bytes(registration.application_parameter)]);
  t.equal(hex(encodeApdu({ ins: U2F_INS.register, data })), registration.request_apdu_extended);
  t.equal(hex(encodeApdu({ ins: U2F_INS.version })), version.request_apdu_extended);
  t.equal(hex(encodeApdu({ ins: 2, p1: 3, data: new Uint8Array(300) })).slice(0, 14), "0002030000012c", "the length has two bytes");

  const { ctap1, asked } = await open((apdu) => (apdu[1] === 3 ? { command: HID_COMMAND.msg, data: bytes(version.response) } : msg(STATUS_WORD.noError, registered)));
  t.equal(await ctap1.version(), "U2F_V2");
  await ctap1.register(bytes(registration.challenge_parameter), bytes(registration.application_parameter));
  t.same(asked, [version.request_apdu_extended, registration.request_apdu_extended]);
});

t.test("the registration of the vectors", (t) => {
  const { registration } = vectors;
  const made = parseRegistration(registered, bytes(registration.application_parameter));
  t.equal(made.fmt, "fido-u2f");
  t.equal(hex(made.credential.credentialId), registration.key_handle);
  t.equal(hex(made.credential.aaguid), "00".repeat(16));
  t.same(made.attStmt.get("x5c"), [bytes(registration.attestation_cert_der)]);
  t.equal(hex(made.attStmt.get("sig") as Uint8Array), registration.signature);
  t.equal(made.authData.counter, 0);
  t.equal(made.authData.flags.byte, 0x41);
  t.equal(hex(made.authData.rpIdHash), registration.application_parameter);
  const [x, y] = [registration.public_key.slice(2, 66), registration.public_key.slice(66)];
  t.same(made.credential.publicKey, encodeP256Key(COSE_ALGORITHM.es256, { x: bytes(x), y: bytes(y) }));
  const expected = { rpId: "http://example.com", clientDataHash: bytes(registration.challenge_parameter) };
  t.equal(verifyAttestation(made, expected, [COSE_ALGORITHM.es256]).signature, "certificate");
  t.end();
});

t.test("the authentication of the vectors", (t) => {
  const { authentication } = vectors;
  const { authData, signature } = parseAuthentication(signed, bytes(authentication.application_parameter));
  t.equal(authData.counter, 1);
  t.equal(authData.flags.byte, 0x01);
  const [x, y] = [authentication.public_key.slice(2, 66), authentication.public_key.slice(66)];
  const key = encodeP256Key(COSE_ALGORITHM.es256, { x: bytes(x), y: bytes(y) });
  const assertion = { credential: id(1), authData, signature, userSelected: false };
  const expected = { rpId: "https://gstatic.com/securitykey/a/example.com", clientDataHash: bytes(authentication.challenge_parameter) };
  t.doesNotThrow(() => {
    verifyAssertion(assertion, expected, key);
  });
  t.throws(() => {
    verifyAssertion(assertion, { ...expected, clientDataHash }, key);
  }, { code: "CTAP_VERIFICATION" });
  t.end();
});

t.test("status words have the meaning of the vectors", (t) => {
  for (const word of Object.keys(vectors.status_words)) {
    const { status, data } = parseApduResponse(bytes(`aabb${word}`));
    t.equal(status.toString(16), word);
    t.equal(hex(data), "aabb");
    t.ok((Object.values(STATUS_WORD) as readonly number[]).includes(status));
    t.match(describeStatusWord(status), new RegExp(`^0x${word} \\(`));
  }
  t.equal(describeStatusWord(0x1), "0x0001");
  t.equal(errorCode(() => parseApduResponse(Uint8Array.of(0x90))), "CTAP_ANSWER");
  t.equal(errorCode(() => parseApduResponse(new Uint8Array())), "CTAP_ANSWER");
  t.end();
});

t.test("answers cut short, or changed, are refused or read", (t) => {
  const signatureAt = registered.length - vectors.registration.signature.length / 2;
  for (let length = 0; length <= signatureAt; length++) {
    assert.equal(errorCode(() => parseRegistration(registered.subarray(0, length), rpIdHash)), "CTAP_ANSWER", `${length} bytes of a registration`);
  }
  for (let length = 0; length <= 5; length++) {
    assert.equal(errorCode(() => parseAuthentication(signed.subarray(0, length), rpIdHash)), "CTAP_ANSWER", `${length} bytes of an authentication`);
  }
  t.equal(errorCode(() => parseRegistration(Uint8Array.of(4, ...registered.subarray(1)), rpIdHash)), "CTAP_ANSWER", "another beginning");
  t.equal(errorCode(() => parseRegistration(Uint8Array.of(5, 2, ...registered.subarray(2)), rpIdHash)), "CTAP_ANSWER", "a compressed point");
  fc.assert(
    fc.property(fc.nat({ max: registered.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const code = errorCode(() => parseRegistration(registered.map((old, i) => (i === at ? byte : old)), rpIdHash));
      assert(code === undefined || code === "CTAP_ANSWER", code);
    }),
    { numRuns: 1000 },
  );
  t.equal(parseAuthentication(Uint8Array.of(0xff, 0, 0, 0, 1, 1), rpIdHash).authData.flags.byte, 0x03, "of the user presence byte only two bits are flags");
  t.end();
});

t.test("a card that is not touched yet is asked again, and the person told", async (t) => {
  let polls = 0;
  const told: string[] = [];
  const { ctap1 } = await open(() => (++polls < 4 ? msg(STATUS_WORD.conditionsNotSatisfied) : msg(STATUS_WORD.noError, registered)), { onKeepalive: (status) => told.push(status) });
  const made = await ctap1.register(clientDataHash, rpIdHash);
  t.equal(made.fmt, "fido-u2f");
  t.same(told, ["up-needed", "up-needed", "up-needed"]);
});

t.test("nobody is waited for longer than was said", async (t) => {
  const { ctap1 } = await open(() => msg(STATUS_WORD.conditionsNotSatisfied), { timeoutMs: 40, pollMs: 10 });
  await t.rejects(ctap1.register(clientDataHash, rpIdHash), { code: "CTAP_USER_TIMEOUT", kind: "no" });
  await t.rejects(ctap1.authenticate(clientDataHash, rpIdHash, Uint8Array.of(1)), { code: "CTAP_USER_TIMEOUT" });
});

t.test("a signal ends the asking, with its reason", async (t) => {
  const controller = new AbortController();
  const reason = new KeyholeError("TEST_STOP", "stop");
  const { ctap1 } = await open(() => msg(STATUS_WORD.conditionsNotSatisfied), { signal: controller.signal, pollMs: 60_000, onKeepalive: () => controller.abort(reason) });
  await t.rejects(ctap1.register(clientDataHash, rpIdHash), reason);
});

t.test("status words that are no answer are errors", async (t) => {
  for (const status of [0x6700, 0x6a80, 0x6d00, 0x6e00, 0x6f00, 0]) {
    const { ctap1 } = await open(() => msg(status));
    assert.equal(await errorCodeOf(ctap1.register(clientDataHash, rpIdHash)), "CTAP_STATUS_WORD", `register ${status.toString(16)}`);
    assert.equal(await errorCodeOf(ctap1.version()), "CTAP_STATUS_WORD", `version ${status.toString(16)}`);
    const isForeign = status === 0x6a80 || status === 0x6700;
    assert.equal(await errorCodeOf(ctap1.authenticate(clientDataHash, rpIdHash, Uint8Array.of(1))), isForeign ? "CTAP2_ERR_NO_CREDENTIALS" : "CTAP_STATUS_WORD", `authenticate ${status.toString(16)}`);
    if (isForeign) assert.equal(await ctap1.check(clientDataHash, rpIdHash, Uint8Array.of(1)), false);
    else assert.equal(await errorCodeOf(ctap1.check(clientDataHash, rpIdHash, Uint8Array.of(1))), "CTAP_STATUS_WORD");
  }
  const { ctap1 } = await open(() => ({ command: HID_COMMAND.msg, data: new Uint8Array() }));
  t.equal(await errorCodeOf(ctap1.version()), "CTAP_ANSWER", "not even a status word");
});

t.test("without a touch a card signs at once, or says that it will not", async (t) => {
  let status: number = STATUS_WORD.noError;
  const { ctap1, asked } = await open(() => (status === STATUS_WORD.noError ? msg(status, signed) : msg(status)));
  await ctap1.authenticate(clientDataHash, rpIdHash, Uint8Array.of(7), false);
  t.equal(asked[0]?.slice(0, 6), "000208");
  status = STATUS_WORD.conditionsNotSatisfied;
  t.equal(await errorCodeOf(ctap1.authenticate(clientDataHash, rpIdHash, Uint8Array.of(7), false)), "CTAP2_ERR_UP_REQUIRED");
  t.equal(asked.length, 2, "it is not asked again");
});

const params: MakeCredentialParams = { clientDataHash, rp: { id: "example.com" }, user: { id: Uint8Array.of(1) }, algorithms: [COSE_ALGORITHM.eddsa, COSE_ALGORITHM.es256] };

/** A card that holds the key handles of one byte over and over. */
const holder = (own: readonly number[]) => (apdu: Uint8Array): Message => {
  if (apdu[1] === U2F_INS.register) return msg(STATUS_WORD.noError, registered);
  if (!own.includes(apdu[72] ?? -1)) return msg(STATUS_WORD.wrongData);
  return apdu[2] === 7 ? msg(STATUS_WORD.conditionsNotSatisfied) : msg(STATUS_WORD.noError, signed);
};

t.test("makeCredential over CTAP1", async (t) => {
  const { ctap1, asked } = await open(holder([2]));
  const made = await ctap1.makeCredential({ ...params, excludeList: [id(3), { id: new Uint8Array(300) }] });
  t.same(made.authData.rpIdHash, rpIdHash);
  t.equal(asked.length, 2, "one to check, as an id of 300 bytes is none of CTAP1, and one to register");
  t.ok(asked[1]?.startsWith(`00010000000040${hex(clientDataHash)}${hex(rpIdHash)}`));
  t.equal(await errorCodeOf(ctap1.makeCredential({ ...params, excludeList: [id(3), id(2)] })), "CTAP2_ERR_CREDENTIAL_EXCLUDED");
  t.equal(asked.length, 4, "and nothing is registered");
  t.equal(await errorCodeOf(ctap1.makeCredential({ ...params, algorithms: [COSE_ALGORITHM.eddsa] })), "CTAP2_ERR_UNSUPPORTED_ALGORITHM");
  t.equal(await errorCodeOf(ctap1.makeCredential({ ...params, options: { rk: true } })), "CTAP_U2F_UNSUPPORTED");
  t.equal(await errorCodeOf(ctap1.makeCredential({ ...params, options: { uv: true } })), "CTAP_U2F_UNSUPPORTED");
  t.equal(await errorCodeOf(ctap1.makeCredential({ ...params, extensions: new Map([["credProtect", 2]]) })), "CTAP_U2F_UNSUPPORTED");
  t.equal(asked.length, 4, "what CTAP1 cannot do is not sent");
});

t.test("getAssertion over CTAP1", async (t) => {
  const { ctap1, asked } = await open(holder([2]));
  const request = { rpId: "example.com", clientDataHash };
  const assertion = await ctap1.getAssertion({ ...request, allowList: [id(1), id(2), id(3)] });
  t.same(assertion.credential, id(2), "the one that is the card's");
  t.same(assertion.authData.rpIdHash, rpIdHash);
  t.equal(assertion.authData.counter, 1);
  t.same(asked.map((apdu) => apdu.slice(4, 6)), ["07", "07", "03"]);
  t.same((await ctap1.getAssertion({ ...request, allowList: [id(2)] })).credential, id(2));
  t.equal(asked.length, 4, "one alone is not checked first");
  await ctap1.getAssertion({ ...request, allowList: [id(2)], options: { up: false } });
  t.equal(asked[4]?.slice(4, 6), "08");
  t.equal(await errorCodeOf(ctap1.getAssertion({ ...request, allowList: [id(1)] })), "CTAP2_ERR_NO_CREDENTIALS");
  t.equal(await errorCodeOf(ctap1.getAssertion({ ...request, allowList: [id(1), id(3)] })), "CTAP2_ERR_NO_CREDENTIALS");
  t.equal(await errorCodeOf(ctap1.getAssertion({ ...request, allowList: [{ id: new Uint8Array(256) }] })), "CTAP2_ERR_NO_CREDENTIALS");
  const sent = asked.length;
  t.equal(await errorCodeOf(ctap1.getAssertion(request)), "CTAP_U2F_UNSUPPORTED", "without a credential");
  t.equal(await errorCodeOf(ctap1.getAssertion({ ...request, allowList: [id(2)], options: { uv: true } })), "CTAP_U2F_UNSUPPORTED");
  t.equal(asked.length, sent);
});

t.test("each asking has what is left of the person's time", async (t) => {
  const now = performance.now.bind(performance);
  let asideMs = 0;
  performance.now = () => now() + asideMs;
  t.teardown(() => void (performance.now = now));
  const { ctap1 } = await open(() => msg(STATUS_WORD.noError), { timeoutMs: 10_000 });
  const times: number[] = [];
  ctap1.device.transact = (_command, _payload, options) => {
    times.push(options?.timeoutMs ?? 0);
    asideMs += 4900;
    return Promise.resolve(Uint8Array.of(0x69, 0x85));
  };
  t.equal(await errorCodeOf(ctap1.register(clientDataHash, rpIdHash)), "CTAP_USER_TIMEOUT");
  const [first = 0, second = 0, last = 0] = times;
  t.ok(first <= 10_000 && second <= 5100 && last === 500, times.join());
});
