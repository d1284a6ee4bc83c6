import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import t from "tap";
import { concatBytes } from "../../../src/lib/bytes.ts";
import { flagNames, verifyAssertion, verifyAttestation } from "../../../src/lib/ctap/attestation.ts";
import { encodeAuthenticatorData, parseAuthenticatorData, type AuthenticatorDataFields } from "../../../src/lib/ctap/authenticator-data.ts";
import { isCborMap, parseCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { COSE_ALGORITHM, encodeCosePublicKey } from "../../../src/lib/ctap/cose.ts";
import { derLength, findExtension, parseOctetString } from "../../../src/lib/ctap/der.ts";
import type { Assertion } from "../../../src/lib/ctap/get-assertion.ts";
import { parseMadeCredential, type MadeCredential } from "../../../src/lib/ctap/make-credential.ts";
import { encodeUncompressedPoint, parseRegistration } from "../../../src/lib/ctap/u2f.ts";
import { errorCode } from "../errors.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

const sha256 = (data: Uint8Array | string): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());

const RP_ID = "example.com";
const clientDataHash = sha256("client data");

/** The same but for one bit of the byte at a place. */
function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}

const expected = { rpId: RP_ID, clientDataHash };

const credentialKey = generateKeyPairSync("ec", { namedCurve: "P-256" });
const publicKey = encodeCosePublicKey(credentialKey.publicKey, COSE_ALGORITHM.es256);

/** OIDs of extensions: a FIDO model, FIDO U2F transports. */
const AAGUID_OID = bytes("2b0601040182e51c010104");
const TRANSPORTS_OID = bytes("2b0601040182e51c020101");

function made(fields: Partial<AuthenticatorDataFields>, fmt: string, statement: (authData: Uint8Array) => CborMap): MadeCredential {
  const raw = encodeAuthenticatorData({
    rpIdHash: sha256(RP_ID),
    up: true,
    uv: false,
    counter: 0,
    attested: { aaguid: new Uint8Array(16), credentialId: Uint8Array.of(1, 2, 3), publicKey },
    ...fields,
  });
  return parseMadeCredential(new Map<CborValue, CborValue>([[1, fmt], [2, raw], [3, statement(raw)]]));
}

function self(authData: Uint8Array, key: KeyObject = credentialKey.privateKey): CborMap {
  return new Map<CborValue, CborValue>([["alg", COSE_ALGORITHM.es256], ["sig", new Uint8Array(sign("sha256", concatBytes(authData, clientDataHash), key))]]);
}

const verify = (made: MadeCredential, expectation: Parameters<typeof verifyAttestation>[1] = expected): ReturnType<typeof verifyAttestation> => verifyAttestation(made, expectation, [COSE_ALGORITHM.es256]);

t.test("self attestation", (t) => {
  const right = made({}, "packed", self);
  t.same(verify(right), { fmt: "packed", rpIdHash: true, flags: ["up", "at"], signature: "self", algorithm: -7, certificate: undefined, aaguid: undefined });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  t.equal(errorCode(() => verify(made({}, "packed", (data) => self(data, other)))), "CTAP_VERIFICATION", "signed by another key");
  t.equal(errorCode(() => verify(right, { ...expected, clientDataHash: sha256("other") })), "CTAP_VERIFICATION", "over other client data");
  t.equal(errorCode(() => verify(made({}, "packed", (data) => new Map<CborValue, CborValue>([...self(data), ["alg", -8]])))), "CTAP_VERIFICATION", "by another algorithm than the credential's");
  t.equal(errorCode(() => verify(made({}, "packed", () => new Map([["alg", -7]])))), "CTAP_ANSWER", "without a signature");
  t.end();
});

t.test("what the authenticator data says is compared with what was asked", (t) => {
  const code = (fields: Partial<AuthenticatorDataFields>, expectation: Partial<typeof expected & { readonly up: boolean; readonly uv: boolean }> = {}): string | undefined =>
    errorCode(() => verify(made(fields, "packed", self), { ...expected, ...expectation }));
  t.equal(code({}), undefined);
  t.equal(code({ rpIdHash: sha256("example.org") }), "CTAP_VERIFICATION", "another rp");
  t.equal(code({ up: false }), "CTAP_VERIFICATION", "nobody there");
  t.equal(code({ up: false }, { up: false }), undefined, "nobody asked for");
  t.equal(code({ uv: false }, { uv: true }), "CTAP_VERIFICATION", "nobody verified");
  t.equal(code({ uv: true }, { uv: true }), undefined);
  t.equal(code({ bs: true }), "CTAP_VERIFICATION", "backed up, and cannot be");
  t.equal(code({ be: true, bs: true }), undefined);
  t.equal(errorCode(() => verifyAttestation(made({}, "packed", self), expected, [COSE_ALGORITHM.eddsa])), "CTAP_VERIFICATION", "an algorithm that nobody asked for");
  const noKey = { aaguid: new Uint8Array(16), credentialId: Uint8Array.of(1), publicKey: new Map<CborValue, CborValue>([[3, -7]]) };
  t.equal(errorCode(() => verify(made({ attested: noKey }, "none", () => new Map()))), "CTAP_COSE_KEY", "a key that is none");
  t.same(flagNames(parseAuthenticatorData(encodeAuthenticatorData({ rpIdHash: new Uint8Array(32), up: true, uv: true, be: true, bs: true, counter: 0 })).flags), ["up", "uv", "be", "bs"]);
  t.end();
});

t.test("no attestation, and attestation of another kind", (t) => {
  t.same(verify(made({}, "none", () => new Map())).signature, "none");
  t.equal(errorCode(() => verify(made({}, "none", self))), "CTAP_VERIFICATION", "none that holds something");
  t.same(verify(made({}, "tpm", () => new Map([["ver", "2.0"]]))), { fmt: "tpm", rpIdHash: true, flags: ["up", "at"], signature: "unknown", algorithm: undefined, certificate: undefined, aaguid: undefined });
  t.end();
});

interface Messages {
  readonly makeCredential_response: { readonly hex: string };
  readonly attestation_objects: readonly string[];
}

const messages = readVectors("ctap2-messages") as Messages;

function certificateOf(made: MadeCredential): Uint8Array {
  const chain = made.attStmt.get("x5c");
  assert(Array.isArray(chain) && chain[0] instanceof Uint8Array);
  return chain[0];
}

/** The answer of a YubiKey whose certificate names its model. */
function recorded(): MadeCredential {
  const { value } = parseCbor(bytes(messages.attestation_objects[5] ?? ""));
  assert(isCborMap(value));
  return parseMadeCredential(value);
}

interface Transcript {
  readonly steps: readonly { readonly step: string; readonly frames: readonly string[] }[];
}

t.test("attestation by a certificate, as recorded", (t) => {
  for (const name of ["solo1", "canokey"]) {
    const { steps } = readVectors(`transcript-${name}`) as Transcript;
    const frames = steps.find(({ step }) => step === "makeCredential")?.frames ?? [];
    const payload = frames.filter((frame) => frame.startsWith("< ") && !/^< .{8}bb/.test(frame)).map((frame, i) => frame.slice(2).slice(i === 0 ? 14 : 10));
    const length = Number.parseInt((frames.find((frame) => /^< .{8}90/.test(frame)) ?? "").slice(2).slice(10, 14), 16);
    const { value } = parseCbor(bytes(payload.join("")).subarray(1, length));
    assert(isCborMap(value));
    const made = parseMadeCredential(value);
    const asked = { rpId: RP_ID, clientDataHash: sha256("client data 1") };
    const verified = verify(made, asked);
    t.equal(verified.signature, "certificate", name);
    t.equal(verified.algorithm, COSE_ALGORITHM.es256);
    t.same(verified.certificate, certificateOf(made));
    t.equal(errorCode(() => verify(made, { ...asked, clientDataHash })), "CTAP_VERIFICATION", "over other client data");
    const sig = made.attStmt.get("sig");
    assert(sig instanceof Uint8Array);
    for (const at of [0, 8, sig.length - 1]) {
      const changed: CborMap = new Map<CborValue, CborValue>([...made.attStmt, ["sig", flip(sig, at)]]);
      assert.equal(errorCode(() => verify({ ...made, attStmt: changed }, asked)), "CTAP_VERIFICATION", `byte ${at}`);
    }
    t.equal(errorCode(() => verify({ ...made, attStmt: new Map([...made.attStmt, ["x5c", []]]) }, asked)), "CTAP_VERIFICATION", "no certificate in the list");
    t.equal(errorCode(() => verify({ ...made, attStmt: new Map([...made.attStmt, ["x5c", [Uint8Array.of(1, 2, 3)]]]) }, asked)), "CTAP_VERIFICATION", "a certificate that is none");
    t.equal(errorCode(() => verify({ ...made, attStmt: new Map([...made.attStmt, ["alg", -257]]) }, asked)), "CTAP_COSE_KEY", "an algorithm that the key does not have");
  }
  t.end();
});

t.test("the model in a certificate must be that of the authenticator data", (t) => {
  const made = recorded();
  const certificate = certificateOf(made);
  const extension = findExtension(certificate, AAGUID_OID);
  assert(extension !== undefined);
  t.same(parseOctetString(extension), made.credential.aaguid);
  t.equal(hex(findExtension(certificate, TRANSPORTS_OID) ?? new Uint8Array()), "03020430");
  t.equal(findExtension(certificate, bytes("2b0601040182e51c010105")), undefined, "one that is not there");
  t.equal(derLength(certificate), certificate.length);
  t.end();
});

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts);
  const length = content.length < 0x80 ? [content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return concatBytes(Uint8Array.of(tag, ...length), content);
}

/** A certificate that its own key signed. @param extensions - each a whole SEQUENCE */
function certify({ publicKey, privateKey }: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }, ...extensions: readonly Uint8Array[]): Uint8Array {
  const ecdsaWithSha256 = der(0x30, der(0x06, bytes("2a8648ce3d040302")));
  const name = der(0x30, der(0x31, der(0x30, der(0x06, bytes("550403")), der(0x0c, Buffer.from("test")))));
  const time = der(0x17, Buffer.from("250101000000Z"));
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  const toBeSigned = der(0x30, der(0xa0, der(0x02, Uint8Array.of(2))), der(0x02, Uint8Array.of(1)), ecdsaWithSha256, name, der(0x30, time, time), name, spki, der(0xa3, der(0x30, ...extensions)));
  return der(0x30, toBeSigned, ecdsaWithSha256, der(0x03, Uint8Array.of(0), sign("sha256", toBeSigned, privateKey)));
}

t.test("a signature by a certificate of another model is refused, however right it is", (t) => {
  const aaguid = new Uint8Array(16).fill(0xaa);
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certified = (...extensions: readonly Uint8Array[]): MadeCredential => {
    const certificate = certify(pair, ...extensions);
    return made({ attested: { aaguid, credentialId: Uint8Array.of(1), publicKey } }, "packed", (data) => new Map<CborValue, CborValue>([...self(data, pair.privateKey), ["x5c", [certificate]]]));
  };
  const constraints = der(0x30, der(0x06, bytes("551d13")), der(0x01, Uint8Array.of(0xff)), der(0x04, bytes("3000")));
  const model = (value: Uint8Array): Uint8Array => der(0x30, der(0x06, AAGUID_OID), der(0x04, value));
  t.equal(verify(certified(constraints)).aaguid, "absent");
  t.equal(verify(certified(constraints, model(der(0x04, aaguid)))).aaguid, "match");
  t.equal(errorCode(() => verify(certified(model(der(0x04, flip(aaguid, 0))), constraints))), "CTAP_VERIFICATION");
  t.equal(errorCode(() => verify(certified(model(aaguid)))), "CTAP_VERIFICATION", "not wrapped as it should be");
  t.equal(errorCode(() => verify(certified(model(new Uint8Array())))), "CTAP_VERIFICATION", "empty");
  t.end();
});

t.test("a certificate cut short or changed anywhere is read without a crash", (t) => {
  const certificate = certificateOf(recorded());
  for (let length = 0; length < certificate.length; length++) {
    assert.equal(derLength(certificate.subarray(0, length)), undefined);
    assert.equal(findExtension(certificate.subarray(0, length), AAGUID_OID), undefined);
    const changed = certificate.map((byte, i) => (i === length ? byte ^ 0xff : byte));
    assert.doesNotThrow(() => findExtension(changed, AAGUID_OID));
  }
  t.equal(derLength(bytes("3080")), undefined, "a length that is not definite");
  t.equal(derLength(bytes("308400000001ff")), undefined, "a length of 4 bytes");
  t.equal(derLength(bytes("3081")), undefined);
  t.equal(parseOctetString(bytes("0401ff00")), undefined, "something after it");
  t.equal(parseOctetString(bytes("0301ff")), undefined, "another type");
  t.end();
});

interface U2f {
  readonly registration: { readonly challenge_parameter: string; readonly application_parameter: string; readonly response: string; readonly public_key: string };
}

t.test("fido-u2f attestation", (t) => {
  const { registration } = readVectors("u2f") as U2f;
  const made = parseRegistration(bytes(registration.response), bytes(registration.application_parameter));
  const asked = { rpId: "http://example.com", clientDataHash: bytes(registration.challenge_parameter) };
  t.same(verify(made, asked), { fmt: "fido-u2f", rpIdHash: true, flags: ["up", "at"], signature: "certificate", algorithm: -7, certificate: certificateOf(made), aaguid: undefined });
  t.equal(hex(encodeUncompressedPoint(made.credential.publicKey)), registration.public_key);
  t.equal(errorCode(() => verify(made, { ...asked, clientDataHash })), "CTAP_VERIFICATION");
  t.equal(errorCode(() => verify({ ...made, attStmt: new Map([...made.attStmt, ["x5c", [certificateOf(made), certificateOf(made)]]]) }, asked)), "CTAP_VERIFICATION", "two certificates");
  t.equal(errorCode(() => verify({ ...made, credential: { ...made.credential, credentialId: Uint8Array.of(1) } }, asked)), "CTAP_VERIFICATION", "another credential id");
  t.end();
});

t.test("an assertion", (t) => {
  const raw = encodeAuthenticatorData({ rpIdHash: sha256(RP_ID), up: true, uv: false, counter: 7 });
  const assertion: Assertion = {
    credential: { id: Uint8Array.of(1) },
    authData: parseAuthenticatorData(raw),
    signature: new Uint8Array(sign("sha256", concatBytes(raw, clientDataHash), credentialKey.privateKey)),
    userSelected: false,
  };
  const code = (change: Partial<Assertion>, expectation: object = {}, key: CborMap = publicKey): string | undefined =>
    errorCode(() => {
      verifyAssertion({ ...assertion, ...change }, { ...expected, ...expectation }, key);
    });
  t.equal(code({}), undefined);
  t.equal(code({}, { clientDataHash: sha256("other") }), "CTAP_VERIFICATION");
  t.equal(code({}, { rpId: "example.org" }), "CTAP_VERIFICATION");
  t.equal(code({}, { uv: true }), "CTAP_VERIFICATION");
  t.equal(code({ signature: new Uint8Array() }), "CTAP_VERIFICATION");
  t.equal(code({ authData: { ...assertion.authData, raw: flip(raw, 36) } }), "CTAP_VERIFICATION", "another counter");
  t.equal(code({}, {}, encodeCosePublicKey(generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey, COSE_ALGORITHM.es256)), "CTAP_VERIFICATION", "another key");
  t.equal(code({}, {}, new Map()), "CTAP_COSE_KEY");
  const withoutKey = (rpId: string) => (): void => {
    verifyAssertion({ ...assertion, signature: new Uint8Array() }, { ...expected, rpId }, undefined);
  };
  t.equal(errorCode(withoutKey(RP_ID)), undefined, "without a key its signature is not looked at");
  t.equal(errorCode(withoutKey("example.org")), "CTAP_VERIFICATION", "and all else is");
  t.end();
});
