import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { encodeAuthenticatorData, parseAuthenticatorData, type AuthenticatorDataFields } from "../../../src/lib/ctap/authenticator-data.ts";
import { encodeCbor, type CborMap } from "../../../src/lib/ctap/cbor.ts";
import { errorCode } from "../errors.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

interface Messages {
  readonly attestedCredentialData: string;
  readonly credentialId: string;
  readonly authData_makeCredential: string;
  readonly authData_getAssertion: string;
  readonly rpIdHash: string;
}

const vectors = readVectors("ctap2-messages") as Messages;

t.test("the authenticator data of the vectors", (t) => {
  const made = parseAuthenticatorData(bytes(vectors.authData_makeCredential));
  t.equal(hex(made.raw), vectors.authData_makeCredential);
  t.equal(hex(made.rpIdHash), vectors.rpIdHash);
  t.same(made.flags, { byte: 0x41, up: true, uv: false, be: false, bs: false, at: true, ed: false });
  t.equal(made.counter, 0x1c);
  assert(made.attested !== undefined);
  t.equal(hex(made.attested.aaguid), "f8a011f38c0a4d15800617111f9edc7d");
  t.equal(hex(made.attested.credentialId), vectors.credentialId);
  t.equal(made.attested.publicKey.get(3), -7);
  t.ok(vectors.attestedCredentialData.endsWith(hex(made.attested.publicKeyBytes)));
  t.equal(made.extensions, undefined);
  t.equal(
    hex(encodeAuthenticatorData({ rpIdHash: made.rpIdHash, up: true, uv: false, counter: made.counter, attested: made.attested })),
    vectors.authData_makeCredential,
    "encodes to the same",
  );

  const asserted = parseAuthenticatorData(bytes(vectors.authData_getAssertion));
  t.same(asserted.flags, { byte: 0x01, up: true, uv: false, be: false, bs: false, at: false, ed: false });
  t.equal(asserted.counter, 0x1d);
  t.equal(asserted.attested, undefined);
  t.end();
});

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length }).map((value) => new Uint8Array(value));

const cborMap: fc.Arbitrary<CborMap> = fc
  .dictionary(fc.string({ maxLength: 6 }), fc.oneof(fc.integer(), fc.boolean(), fc.uint8Array({ maxLength: 80 }).map((value) => new Uint8Array(value))), { minKeys: 1, maxKeys: 3 })
  .map((object) => new Map(Object.entries(object)));

const fields: fc.Arbitrary<AuthenticatorDataFields> = fc.record({
  rpIdHash: bytesOf(32),
  up: fc.boolean(),
  uv: fc.boolean(),
  be: fc.boolean(),
  bs: fc.boolean(),
  counter: fc.integer({ min: 0, max: 0xffffffff }),
  attested: fc.option(
    fc.record({ aaguid: bytesOf(16), credentialId: fc.uint8Array({ maxLength: 300 }).map((id) => new Uint8Array(id)), publicKey: cborMap }),
    { nil: undefined },
  ),
  extensions: fc.option(cborMap, { nil: undefined }),
});

t.test("authenticator data is read as it was written", (t) => {
  fc.assert(
    fc.property(fields, (fields) => {
      const encoded = encodeAuthenticatorData(fields);
      const { rpIdHash, flags, counter, attested, extensions } = parseAuthenticatorData(encoded);
      assert.deepEqual(rpIdHash, fields.rpIdHash);
      assert.deepEqual(flags, {
        byte: encoded[32],
        up: fields.up,
        uv: fields.uv,
        be: fields.be,
        bs: fields.bs,
        at: fields.attested !== undefined,
        ed: fields.extensions !== undefined,
      });
      assert.equal(counter, fields.counter);
      assert.deepEqual(extensions, fields.extensions);
      assert.deepEqual(attested, fields.attested === undefined ? undefined : { ...fields.attested, publicKeyBytes: encodeCbor(fields.attested.publicKey) });
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test("cut short anywhere, or with a byte too many, it is refused", (t) => {
  const recorded = [vectors.authData_makeCredential, vectors.authData_getAssertion].map(bytes);
  const withAll = encodeAuthenticatorData({
    rpIdHash: new Uint8Array(32),
    up: true,
    uv: true,
    counter: 1,
    attested: { aaguid: new Uint8Array(16), credentialId: new Uint8Array(300), publicKey: new Map([[1, 2]]) },
    extensions: new Map([["hmac-secret", true]]),
  });
  for (const whole of [...recorded, withAll]) {
    assert.equal(errorCode(() => parseAuthenticatorData(whole)), undefined);
    for (let length = 0; length < whole.length; length++) {
      assert.match(errorCode(() => parseAuthenticatorData(whole.subarray(0, length))) ?? "none", /^CTAP_(AUTH_DATA|CBOR)$/, `${length} of ${whole.length} bytes`);
    }
    assert.match(errorCode(() => parseAuthenticatorData(Uint8Array.of(...whole, 0))) ?? "none", /^CTAP_(AUTH_DATA|CBOR)$/, "a byte too many");
  }
  t.end();
});

t.test("flags that promise what does not follow are refused", (t) => {
  const flags = (byte: number, ...rest: number[]): Uint8Array => Uint8Array.of(...new Uint8Array(32), byte, 0, 0, 0, 0, ...rest);
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x41))), "CTAP_AUTH_DATA", "AT and nothing");
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x81))), "CTAP_CBOR", "ED and nothing");
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x81, 0x01))), "CTAP_AUTH_DATA", "ED and a number");
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x01, 0xa0))), "CTAP_AUTH_DATA", "extensions without ED");
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x41, ...new Uint8Array(16), 0, 0, 0x00))), "CTAP_AUTH_DATA", "a key that is a number");
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x41, ...new Uint8Array(16), 0x04, 0x00, ...new Uint8Array(1024), 0xa0))), "CTAP_AUTH_DATA", "an id of 1024 bytes");
  t.equal(errorCode(() => parseAuthenticatorData(flags(0x41, ...new Uint8Array(16), 0x03, 0xff, ...new Uint8Array(1023), 0xa0))), undefined, "an id of 1023 bytes");
  t.end();
});

t.test("bytes of all kinds are read or refused", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0x01, 0x41, 0x81, 0xc5), (rest, byte) => {
      const code = errorCode(() => parseAuthenticatorData(Uint8Array.of(...new Uint8Array(32), byte, 0, 0, 0, 0, ...rest)));
      assert(code === undefined || code === "CTAP_AUTH_DATA" || code === "CTAP_CBOR", code);
    }),
    { numRuns: 1000 },
  );
  t.end();
});

t.test("what was read shares nothing with what came", (t) => {
  const received = bytes(vectors.authData_makeCredential);
  const { raw, attested } = parseAuthenticatorData(received);
  received.fill(0);
  t.equal(hex(raw), vectors.authData_makeCredential);
  t.equal(hex(attested?.credentialId ?? new Uint8Array()), vectors.credentialId);
  t.end();
});
