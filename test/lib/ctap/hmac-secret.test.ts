import t from "tap";
import { parseCbor, type CborMap } from "../../../src/lib/ctap/cbor.ts";
import { ClientPin, type SharedSecret } from "../../../src/lib/ctap/client-pin.ts";
import { parseAssertion } from "../../../src/lib/ctap/get-assertion.ts";
import { decryptHmacSecretOutput, encodeHmacSecretInput, HMAC_SECRET, parseSalts } from "../../../src/lib/ctap/hmac-secret.ts";
import { keyAgreement, pinProtocol } from "../../../src/lib/ctap/pin-protocol.ts";
import { errorCode } from "../errors.ts";
import { ctap2Card, getInfo } from "./ctap2-card.ts";
import { exchangesOf, recordedSteps } from "./recorded.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

interface Vector {
  readonly hmac_secret: { readonly salts: string; readonly saltEnc: string; readonly saltAuth: string };
}

interface Computed {
  readonly platform_private: string;
  readonly authenticator_cose_hex: string;
  readonly iv_for_protocol2: string;
  readonly protocol1: Vector;
  readonly protocol2: Vector;
}

const { computed } = readVectors("pin-protocols") as { readonly computed: readonly Computed[] };

function secretOf({ platform_private, authenticator_cose_hex, iv_for_protocol2 }: Computed, number: 1 | 2): SharedSecret {
  const agreement = keyAgreement(number, bytes(platform_private));
  return {
    protocol: pinProtocol(number, () => bytes(iv_for_protocol2)),
    publicKey: agreement.publicKey,
    bytes: agreement.sharedSecret(parseCbor(bytes(authenticator_cose_hex)).value as CborMap),
  };
}

t.test("the input of the vectors, and outputs back", (t) => {
  for (const one of computed) {
    for (const number of [1, 2] as const) {
      const { salts, saltEnc, saltAuth } = one[`protocol${number}`].hmac_secret;
      const secret = secretOf(one, number);
      const input = encodeHmacSecretInput(secret, parseSalts(bytes(salts)));
      t.same([...input], [[1, secret.publicKey], [2, bytes(saltEnc)], [3, bytes(saltAuth)], ...(number === 2 ? [[4, 2]] : [])]);

      for (const length of [32, 64]) {
        const output = new Uint8Array(length).map((_, i) => i);
        const encrypted = secret.protocol.encrypt(secret.bytes, output);
        t.equal(hex(decryptHmacSecretOutput(secret, encrypted, new Uint8Array(length))), hex(output));
        t.equal(errorCode(() => decryptHmacSecretOutput(secret, encrypted, new Uint8Array(96 - length))), "CTAP_HMAC_SECRET", "one secret for each salt");
        for (let cut = 0; cut < encrypted.length; cut++) {
          t.match(errorCode(() => decryptHmacSecretOutput(secret, encrypted.subarray(0, cut), new Uint8Array(length))), /^CTAP_(HMAC_SECRET|PIN_PROTOCOL)$/);
        }
      }
      for (const missing of [undefined, true, "text"]) t.equal(errorCode(() => decryptHmacSecretOutput(secret, missing, new Uint8Array(32))), "CTAP_HMAC_SECRET");
    }
  }
  t.end();
});

t.test("salts", (t) => {
  for (const length of [32, 64]) {
    const given = new Uint8Array(length).fill(7);
    const salts = parseSalts(given);
    t.same(salts, given);
    t.not(salts, given, "a copy");
  }
  for (const length of [0, 31, 33, 63, 65, 96]) t.throws(() => parseSalts(new Uint8Array(length)), { code: "CTAP_SALT", kind: "input" });
  t.end();
});

for (const authenticator of ["solo1", "canokey"]) {
  t.test(`${authenticator}: the recorded secret`, async (t) => {
    const recorded = recordedSteps(authenticator).find(({ step }) => step === "hmac-secret")!;
    const [agreement, assertion] = exchangesOf(recorded).slice(-2);
    const { ctap2 } = await ctap2Card(t, getInfo({ clientPin: true }, [6, [1]]), () => [agreement!.answer]);
    const secret = await new ClientPin(ctap2, 1, { privateKey: () => bytes(recorded.host_ephemeral_private_keys!.at(-1)!) }).shareSecret();
    t.equal(hex(secret.bytes), recorded.shared_secret);

    const salts = parseSalts(bytes(recorded.salt!));
    const sent = parseCbor(assertion!.request.data.subarray(1)).value as CborMap;
    t.same(encodeHmacSecretInput(secret, salts), (sent.get(4) as CborMap).get(HMAC_SECRET));
    const { authData } = parseAssertion(parseCbor(assertion!.answer.data.subarray(1)).value as CborMap);
    t.equal(hex(decryptHmacSecretOutput(secret, authData.extensions!.get(HMAC_SECRET), salts)), recorded.output);
  });
}
