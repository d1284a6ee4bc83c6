import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { concatBytes } from "../../../src/lib/bytes.ts";
import { encodeCbor, isCborMap, parseCbor } from "../../../src/lib/ctap/cbor.ts";
import { COSE_ALGORITHM, encodeP256Key } from "../../../src/lib/ctap/cose.ts";
import { keyAgreement, pinProtocol, type PinProtocolNumber } from "../../../src/lib/ctap/pin-protocol.ts";
import { errorCode } from "../errors.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

interface Step {
  readonly newPinEnc: string;
  readonly pinUvAuthParam: string;
  readonly pinHashEnc: string;
}

interface ProtocolVectors {
  readonly shared_secret: string;
  readonly setPIN: Omit<Step, "pinHashEnc">;
  readonly changePIN: Step;
  readonly getPinToken: { readonly pinHashEnc: string; readonly encryptedToken: string };
  readonly makeCredential_pinUvAuthParam: string;
  readonly credMgmt_getCredsMetadata_pinUvAuthParam: string;
  readonly credMgmt_enumerateCredentialsBegin: Signed;
  readonly config_setMinPINLength_6: Signed;
  readonly config_toggleAlwaysUv: { readonly pinUvAuthParam: string };
  readonly largeBlobs_set: { readonly offset: number; readonly fragment_hex: string; readonly pinUvAuthParam: string };
  readonly hmac_secret: { readonly salts: string; readonly saltEnc: string; readonly saltAuth: string };
}

interface Signed {
  readonly subCommandParams_hex: string;
  readonly pinUvAuthParam: string;
}

interface Computed {
  readonly platform_private: string;
  readonly authenticator_private: string;
  readonly platform_cose_hex: string;
  readonly authenticator_cose_hex: string;
  readonly pin: string;
  readonly new_pin: string;
  readonly pinUvAuthToken: string;
  readonly clientDataHash: string;
  readonly iv_for_protocol2: string;
  readonly protocol1: ProtocolVectors;
  readonly protocol2: ProtocolVectors;
}

interface Vectors {
  readonly protocol1_python_fido2: Readonly<Record<"EC_PUB_X" | "EC_PUB_Y" | "DEV_PUB_X" | "DEV_PUB_Y" | "SHARED" | "TOKEN_ENC" | "TOKEN" | "PIN_HASH_ENC" | "EC_PRIV" | "pin", string>> & {
    readonly setPIN: { readonly pin: string; readonly newPinEnc: string; readonly pinUvAuthParam: string };
    readonly changePIN: { readonly old: string; readonly new: string; readonly newPinEnc: string; readonly pinUvAuthParam: string };
  };
  readonly computed: readonly Computed[];
}

const vectors = readVectors("pin-protocols") as Vectors;

const sha256 = (data: Uint8Array | string): Uint8Array => new Uint8Array(createHash("sha256").update(data).digest());
const pinHash = (pin: string): Uint8Array => sha256(pin).subarray(0, 16);
const padded = (pin: string): Uint8Array => new Uint8Array(64).map((_, i) => Buffer.from(pin)[i] ?? 0);

function publicKey(hexText: string): ReturnType<typeof encodeP256Key> {
  const { value } = parseCbor(bytes(hexText));
  assert(isCborMap(value));
  return value;
}

for (const number of [1, 2] as const) {
  t.test(`protocol ${number}: every value of the vectors`, (t) => {
    t.equal(vectors.computed.length, 2);
    for (const pair of vectors.computed) {
      const expected = number === 1 ? pair.protocol1 : pair.protocol2;
      const platform = keyAgreement(number, bytes(pair.platform_private));
      const authenticator = keyAgreement(number, bytes(pair.authenticator_private));
      t.equal(hex(encodeCbor(platform.publicKey)), pair.platform_cose_hex);
      t.equal(hex(encodeCbor(authenticator.publicKey)), pair.authenticator_cose_hex);
      const secret = platform.sharedSecret(publicKey(pair.authenticator_cose_hex));
      t.equal(hex(secret), expected.shared_secret);
      t.equal(hex(authenticator.sharedSecret(publicKey(pair.platform_cose_hex))), expected.shared_secret, "the other side has the same");

      const protocol = pinProtocol(number, (length) => bytes(pair.iv_for_protocol2).subarray(0, length));
      const token = bytes(pair.pinUvAuthToken);
      const encrypt = (plain: Uint8Array): string => hex(protocol.encrypt(secret, plain));
      const prove = (key: Uint8Array, ...parts: Uint8Array[]): string => hex(protocol.authenticate(key, concatBytes(...parts)));
      const ff = new Uint8Array(32).fill(0xff);

      t.equal(encrypt(padded(pair.pin)), expected.setPIN.newPinEnc);
      t.equal(prove(secret, bytes(expected.setPIN.newPinEnc)), expected.setPIN.pinUvAuthParam);
      t.equal(encrypt(padded(pair.new_pin)), expected.changePIN.newPinEnc);
      t.equal(encrypt(pinHash(pair.pin)), expected.changePIN.pinHashEnc);
      t.equal(prove(secret, bytes(expected.changePIN.newPinEnc), bytes(expected.changePIN.pinHashEnc)), expected.changePIN.pinUvAuthParam);
      t.equal(encrypt(pinHash(pair.pin)), expected.getPinToken.pinHashEnc);
      t.equal(encrypt(token), expected.getPinToken.encryptedToken);
      t.equal(hex(protocol.decrypt(secret, bytes(expected.getPinToken.encryptedToken))), pair.pinUvAuthToken);
      t.equal(prove(token, bytes(pair.clientDataHash)), expected.makeCredential_pinUvAuthParam);
      t.equal(prove(token, Uint8Array.of(1)), expected.credMgmt_getCredsMetadata_pinUvAuthParam);
      t.equal(prove(token, Uint8Array.of(4), bytes(expected.credMgmt_enumerateCredentialsBegin.subCommandParams_hex)), expected.credMgmt_enumerateCredentialsBegin.pinUvAuthParam);
      t.equal(prove(token, ff, Uint8Array.of(0x0d, 3), bytes(expected.config_setMinPINLength_6.subCommandParams_hex)), expected.config_setMinPINLength_6.pinUvAuthParam);
      t.equal(prove(token, ff, Uint8Array.of(0x0d, 2)), expected.config_toggleAlwaysUv.pinUvAuthParam);
      const { offset, fragment_hex, pinUvAuthParam } = expected.largeBlobs_set;
      t.equal(prove(token, ff, Uint8Array.of(0x0c, 0, offset, 0, 0, 0), sha256(bytes(fragment_hex))), pinUvAuthParam);
      t.equal(encrypt(bytes(expected.hmac_secret.salts)), expected.hmac_secret.saltEnc);
      t.equal(prove(secret, bytes(expected.hmac_secret.saltEnc)), expected.hmac_secret.saltAuth);
    }
    t.end();
  });

  t.test(`protocol ${number}: host and card agree, and nobody else`, (t) => {
    const protocol = pinProtocol(number);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.uint8Array({ maxLength: 100 }), fc.nat(), (blocks, message, at) => {
        const host = keyAgreement(number);
        const card = keyAgreement(number);
        const secret = host.sharedSecret(card.publicKey);
        assert.equal(secret.length, number === 1 ? 32 : 64);
        assert.deepEqual(card.sharedSecret(host.publicKey), secret);
        assert.notDeepEqual(keyAgreement(number).sharedSecret(card.publicKey), secret);

        const plain = new Uint8Array(16 * blocks).map((_, i) => (i * at) & 0xff);
        const cipher = protocol.encrypt(secret, plain);
        assert.equal(cipher.length, plain.length + (number === 1 ? 0 : 16));
        assert.deepEqual(protocol.decrypt(secret, cipher), plain);

        const signature = protocol.authenticate(secret, message);
        assert.equal(signature.length, number === 1 ? 16 : 32);
        assert(protocol.verify(secret, message, signature));
        assert(!protocol.verify(secret, concatBytes(message, Uint8Array.of(0)), signature));
        assert(!protocol.verify(secret, message, signature.subarray(1)), "a part of it");
        assert(!protocol.verify(secret, message, new Uint8Array()), "nothing");
        const wrong = signature.map((byte, i) => (i === at % signature.length ? byte ^ 1 : byte));
        assert(!protocol.verify(secret, message, wrong));
      }),
      { numRuns: 50 },
    );
    t.end();
  });

  t.test(`protocol ${number}: encrypted data of an impossible length is refused`, (t) => {
    const protocol = pinProtocol(number);
    const secret = keyAgreement(number).sharedSecret(keyAgreement(number).publicKey);
    const whole = protocol.encrypt(secret, new Uint8Array(64));
    for (let length = 0; length <= whole.length; length++) {
      const isPossible = length % 16 === 0 && length >= (number === 1 ? 16 : 32);
      assert.equal(errorCode(() => protocol.decrypt(secret, whole.subarray(0, length))), isPossible ? undefined : "CTAP_PIN_PROTOCOL", `${length} bytes`);
    }
    t.equal(errorCode(() => protocol.encrypt(secret, new Uint8Array(15))), "CTAP_PIN_PROTOCOL");
    t.end();
  });

  t.test(`protocol ${number}: a key that is not on the curve gives no secret`, (t) => {
    const own = keyAgreement(number);
    const bad = encodeP256Key(COSE_ALGORITHM.ecdhEs, { x: new Uint8Array(32).fill(7), y: new Uint8Array(32).fill(7) });
    t.equal(errorCode(() => own.sharedSecret(bad)), "CTAP_COSE_KEY");
    t.equal(errorCode(() => own.sharedSecret(encodeP256Key(COSE_ALGORITHM.ecdhEs, { x: new Uint8Array(32), y: new Uint8Array(32) }))), "CTAP_COSE_KEY");
    t.equal(errorCode(() => own.sharedSecret(new Map())), "CTAP_COSE_KEY");
    const named = new Map([...keyAgreement(number).publicKey, [3, COSE_ALGORITHM.es256] as const]);
    t.equal(errorCode(() => own.sharedSecret(named)), undefined, "one that calls itself ES256, as of early cards, does");
    t.equal(errorCode(() => own.sharedSecret(new Map([...named, [3, COSE_ALGORITHM.es384] as const]))), "CTAP_COSE_KEY");
    t.end();
  });
}

t.test("protocol two never uses an initialisation vector twice", (t) => {
  const protocol = pinProtocol(2);
  const secret = keyAgreement(2).sharedSecret(keyAgreement(2).publicKey);
  const seen = new Set(Array.from({ length: 100 }, () => hex(protocol.encrypt(secret, new Uint8Array(16)).subarray(0, 16))));
  t.equal(seen.size, 100);
  t.end();
});

t.test("the vector of python-fido2", (t) => {
  const vector = vectors.protocol1_python_fido2;
  const protocol = pinProtocol(1);
  const host = keyAgreement(1, bytes(vector.EC_PRIV));
  const x = bytes(vector.EC_PUB_X);
  t.same(host.publicKey, encodeP256Key(COSE_ALGORITHM.ecdhEs, { x, y: bytes(vector.EC_PUB_Y) }));
  const secret = host.sharedSecret(encodeP256Key(COSE_ALGORITHM.ecdhEs, { x: bytes(vector.DEV_PUB_X), y: bytes(vector.DEV_PUB_Y) }));
  t.equal(hex(secret), vector.SHARED);
  t.equal(hex(protocol.decrypt(secret, bytes(vector.TOKEN_ENC))), vector.TOKEN);
  t.equal(hex(protocol.encrypt(secret, pinHash(vector.pin))), vector.PIN_HASH_ENC);
  const { setPIN, changePIN } = vector;
  t.equal(hex(protocol.encrypt(secret, padded(setPIN.pin))), setPIN.newPinEnc);
  t.equal(hex(protocol.authenticate(secret, bytes(setPIN.newPinEnc))), setPIN.pinUvAuthParam);
  t.equal(hex(protocol.encrypt(secret, padded(changePIN.new))), changePIN.newPinEnc);
  t.equal(hex(protocol.authenticate(secret, concatBytes(bytes(changePIN.newPinEnc), protocol.encrypt(secret, pinHash(changePIN.old))))), changePIN.pinUvAuthParam);
  t.end();
});

t.test("numbers are what the two are known by", (t) => {
  const numbers: readonly PinProtocolNumber[] = [1, 2];
  for (const number of numbers) t.equal(pinProtocol(number).number, number);
  t.end();
});
