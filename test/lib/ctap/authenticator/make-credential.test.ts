import t from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { MAX_CREDENTIALS } from "../../../../src/lib/ctap/authenticator/state.ts";
import { parseAuthenticatorData } from "../../../../src/lib/ctap/authenticator-data.ts";
import { cborMap, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { parseCosePublicKey, verifySignature } from "../../../../src/lib/ctap/cose.ts";
import { asBytes, asMap, CLIENT_DATA_HASH, DirectHost, DISCOVERABLE, RP_ID, sha256, type MakeOptions } from "./direct-host.ts";

const ALGORITHMS = { es256: -7, eddsa: -8, es384: -35 };

for (const [name, alg] of Object.entries(ALGORITHMS)) {
  t.test(`a credential with ${name}`, (t) => {
    const host = new DirectHost();
    const { status, map } = host.makeCredential({ algorithms: [-257, alg, -7] });
    t.equal(status, 0);
    t.same([...map.keys()], [1, 2, 3]);
    t.equal(map.get(1), "packed");
    const data = parseAuthenticatorData(asBytes(map.get(2)));
    t.same(data.rpIdHash, sha256(RP_ID));
    t.match(data.flags, { up: true, uv: false, at: true, ed: false, be: false, bs: false });
    const key = data.attested!.publicKey;
    const statement = asMap(map.get(3));
    t.same([...statement.keys()], ["alg", "sig"], "is a self attestation");
    t.equal(statement.get("alg"), alg);
    t.ok(verifySignature(alg, parseCosePublicKey(key), concatBytes(data.raw, CLIENT_DATA_HASH), asBytes(statement.get("sig"))));

    const assertion = host.getAssertion({ allow: [data.attested!.credentialId] });
    t.equal(assertion.status, 0);
    const authData = asBytes(assertion.map.get(2));
    t.ok(verifySignature(alg, parseCosePublicKey(key), concatBytes(authData, CLIENT_DATA_HASH), asBytes(assertion.map.get(3))), "signs assertions");
    t.equal(parseAuthenticatorData(authData).counter, data.counter + 1);
    t.same(host.touches, [
      { what: "make-credential", rpId: RP_ID },
      { what: "get-assertion", rpId: RP_ID },
    ]);
    t.end();
  });
}

interface Case {
  readonly name: string;
  readonly make: MakeOptions;
  readonly expect: number;
}

const CASES: readonly Case[] = [
  { name: "no algorithm that it has", make: { algorithms: [-257, -47] }, expect: 0x26 },
  { name: "no algorithm at all", make: { algorithms: [] }, expect: 0x26 },
  { name: "option up false", make: { options: cborMap(["up", false]) }, expect: 0x2c },
  { name: "option up true", make: { options: cborMap(["up", true]) }, expect: 0x00 },
  { name: "option uv, which it has not", make: { options: cborMap(["uv", true]) }, expect: 0x2c },
  { name: "an option of another type", make: { options: cborMap(["rk", 1]) }, expect: 0x11 },
  { name: "an unknown option", make: { options: cborMap(["new", true]) }, expect: 0x00 },
  { name: "enterprise attestation, which is off", make: { enterprise: 1 }, expect: 0x02 },
  { name: "credProtect 0", make: { extensions: cborMap(["credProtect", 0]) }, expect: 0x2c },
  { name: "credProtect 4", make: { extensions: cborMap(["credProtect", 4]) }, expect: 0x2c },
  { name: "credProtect of another type", make: { extensions: cborMap(["credProtect", "2"]) }, expect: 0x11 },
  { name: "largeBlobKey of a credential that is not discoverable", make: { extensions: cborMap(["largeBlobKey", true]) }, expect: 0x2c },
  { name: "largeBlobKey false", make: { options: DISCOVERABLE, extensions: cborMap(["largeBlobKey", false]) }, expect: 0x2c },
  { name: "an unknown extension", make: { extensions: cborMap(["new", [1, 2]]) }, expect: 0x00 },
  { name: "a user id of no bytes", make: { userId: new Uint8Array() }, expect: 0x03 },
  { name: "a user id of 64 bytes", make: { userId: new Uint8Array(64) }, expect: 0x00 },
  { name: "a user id of 65 bytes", make: { userId: new Uint8Array(65) }, expect: 0x03 },
  { name: "16 excluded credentials", make: { exclude: Array.from({ length: 16 }, () => new Uint8Array(62)) }, expect: 0x00 },
  { name: "17 excluded credentials", make: { exclude: Array.from({ length: 17 }, () => new Uint8Array(62)) }, expect: 0x15 },
];

t.test("requests", (t) => {
  for (const { name, make, expect } of CASES) {
    const host = new DirectHost();
    t.equal(host.makeCredential(make).status, expect, name);
    t.equal(host.touches.length, expect === 0 ? 1 : 0, `${name}: asks for a touch where all else is right`);
  }
  t.end();
});

t.test("excluded credentials", (t) => {
  const host = new DirectHost();
  const id = host.mustMake();
  const stored = host.mustMake({ options: DISCOVERABLE });
  const made = host.touches.length;
  t.equal(host.makeCredential({ exclude: [new Uint8Array(62), id] }).status, 0x19);
  t.equal(host.touches.length, made + 1, "is told after a touch alone");
  t.equal(host.makeCredential({ exclude: [stored] }).status, 0x19, "a discoverable one too");
  t.equal(host.makeCredential({ exclude: [id], rpId: "example.org" }).status, 0, "is another relying party's");
  t.equal(new DirectHost().makeCredential({ exclude: [id] }).status, 0, "is another card's");
  t.end();
});

t.test("a changed credential id is not one of the card", (t) => {
  const host = new DirectHost();
  const id = host.mustMake();
  for (let i = 0; i < id.length; i++) {
    const changed = id.with(i, id[i]! ^ 1);
    t.equal(host.getAssertion({ allow: [changed] }).status, 0x2e, `byte ${i}`);
  }
  t.equal(host.getAssertion({ allow: [id.subarray(1)] }).status, 0x2e);
  t.equal(host.getAssertion({ allow: [id] }).status, 0);
  t.end();
});

t.test("a discoverable credential takes the place of one for the same user", (t) => {
  const host = new DirectHost();
  const first = host.mustMake({ options: DISCOVERABLE });
  const second = host.mustMake({ options: DISCOVERABLE, userName: "alice again" });
  t.equal(host.getAssertion({ allow: [first] }).status, 0x2e, "which is gone");
  const { map } = host.getAssertion();
  t.same(asMap(map.get(1)).get("id"), second);
  t.notOk(map.has(5));
  t.equal(host.info().get(0x14), MAX_CREDENTIALS - 1);
  t.end();
});

t.test("a full card", (t) => {
  const host = new DirectHost();
  for (let i = 0; i < MAX_CREDENTIALS; i++) host.mustMake({ options: DISCOVERABLE, userId: Uint8Array.of(i) });
  t.equal(host.info().get(0x14), 0);
  t.equal(host.makeCredential({ options: DISCOVERABLE, userId: Uint8Array.of(0xff) }).status, 0x28);
  t.equal(host.makeCredential({ options: DISCOVERABLE, userId: Uint8Array.of(0) }).status, 0, "takes one in place of another");
  t.equal(host.makeCredential({ userId: Uint8Array.of(0xff) }).status, 0, "takes those that it need not keep");
  t.end();
});

t.test("extension outputs", (t) => {
  const host = new DirectHost();
  const outputs = (options: MakeOptions): Record<string, CborValue> => {
    const data = parseAuthenticatorData(asBytes(host.makeCredential(options).map.get(2)));
    return Object.fromEntries([...(data.extensions ?? new Map())] as [string, CborValue][]);
  };
  t.same(outputs({}), {});
  t.same(outputs({ extensions: cborMap(["credProtect", 2], ["hmac-secret", true]) }), { credProtect: 2, "hmac-secret": true });
  t.same(outputs({ options: DISCOVERABLE, extensions: cborMap(["credBlob", new Uint8Array(32)]) }), { credBlob: true });
  t.same(outputs({ options: DISCOVERABLE, extensions: cborMap(["credBlob", new Uint8Array(33)]) }), { credBlob: false }, "a blob that is too long");
  t.same(outputs({ extensions: cborMap(["credBlob", new Uint8Array(1)]) }), { credBlob: false }, "no room outside the discoverable ones");
  t.same(outputs({ extensions: cborMap(["minPinLength", true]) }), {}, "not for this relying party");
  host.ok(0x0d, cborMap([1, 3], [2, cborMap([1, 6], [2, [RP_ID]])]));
  t.same(outputs({ extensions: cborMap(["minPinLength", true]) }), { minPinLength: 6 });
  t.end();
});

t.test("large blob key", (t) => {
  const host = new DirectHost();
  const made = host.makeCredential({ options: DISCOVERABLE, extensions: cborMap(["largeBlobKey", true]) });
  t.same([...made.map.keys()], [1, 2, 3, 5]);
  t.equal(asBytes(made.map.get(5)).length, 32);
  t.same(host.getAssertion({ extensions: cborMap(["largeBlobKey", true]) }).map.get(7), made.map.get(5), "is the same later");
  t.notOk(host.getAssertion().map.has(7), "comes where it is asked for");
  t.equal(host.getAssertion({ extensions: cborMap(["largeBlobKey", false]) }).status, 0x2c);
  t.end();
});

t.test("long relying party ids", (t) => {
  const host = new DirectHost();
  t.equal(host.makeCredential({ rpId: "é".repeat(127) + "a" }).status, 0);
  t.equal(host.makeCredential({ rpId: "é".repeat(128) }).status, 0x03);
  t.equal(host.call(0x0d, cborMap([1, 3], [2, cborMap([2, ["x".repeat(256)]])])).status, 0x03);
  t.end();
});
