import { createPublicKey, verify } from "node:crypto";
import t from "tap";
import { concatBytes } from "../../../src/lib/bytes.ts";
import { parseCbor, type CborMap } from "../../../src/lib/ctap/cbor.ts";
import { makeClientData } from "../../../src/lib/ctap/client-data.ts";
import { parseAssertion } from "../../../src/lib/ctap/get-assertion.ts";
import { parseMadeCredential } from "../../../src/lib/ctap/make-credential.ts";
import { encodeAuthenticationResponse, encodeRegistrationResponse } from "../../../src/lib/ctap/webauthn-json.ts";
import { exchangesOf, recordedSteps } from "./recorded.ts";
import { hex } from "./vectors.ts";

const fromBase64url = (text: string): Buffer => Buffer.from(text, "base64url");

/** The answer of a recorded step, without its status. */
function answerOf(authenticator: string, step: string): CborMap {
  const { answer } = exchangesOf(recordedSteps(authenticator).find(({ step: name }) => name === step)!)[0]!;
  return parseCbor(answer.data.subarray(1)).value as CborMap;
}

for (const authenticator of ["solo1", "canokey"]) {
  t.test(authenticator, (t) => {
    const made = parseMadeCredential(answerOf(authenticator, "makeCredential-rk"));
    const clientData = makeClientData("webauthn.create", new Uint8Array(32), "https://example.com");
    const registration = encodeRegistrationResponse({ clientData, fmt: made.fmt, authData: made.authData, attStmt: made.attStmt, transports: ["usb"], extensionResults: { credProps: { rk: true } } });

    const { id, rawId, type, authenticatorAttachment, clientExtensionResults, response } = registration;
    t.same({ id, rawId, type, authenticatorAttachment, clientExtensionResults }, {
      id: Buffer.from(made.credential.credentialId).toString("base64url"),
      rawId: id,
      type: "public-key",
      authenticatorAttachment: "cross-platform",
      clientExtensionResults: { credProps: { rk: true } },
    });
    t.same(fromBase64url(response.clientDataJSON), Buffer.from(clientData.json));
    t.same([response.transports, response.publicKeyAlgorithm], [["usb"], -7]);
    const attestationObject = parseCbor(fromBase64url(response.attestationObject));
    t.same(attestationObject.oddities, [], "canonical");
    t.same(attestationObject.value, new Map<string, unknown>([["fmt", "packed"], ["attStmt", made.attStmt], ["authData", made.authData.raw]]));
    t.equal(hex(fromBase64url(response.authenticatorData)), hex(made.authData.raw));

    const assertion = parseAssertion(answerOf(authenticator, "getAssertion-discoverable+next"));
    const authentication = encodeAuthenticationResponse({ clientData, credentialId: assertion.credential.id, authData: assertion.authData, signature: assertion.signature, user: assertion.user });
    t.equal(authentication.id, authentication.rawId);
    t.equal(hex(fromBase64url(authentication.id)), hex(assertion.credential.id));
    t.same(fromBase64url(authentication.response.userHandle!), Buffer.from(assertion.user!.id));
    t.same(authentication.clientExtensionResults, {});
    t.notOk("userHandle" in encodeAuthenticationResponse({ clientData, credentialId: assertion.credential.id, authData: assertion.authData, signature: assertion.signature }).response);
    t.end();
  });

  t.test(`${authenticator}: the public key of the one verifies the signature of the other`, (t) => {
    const made = parseMadeCredential(answerOf(authenticator, "makeCredential"));
    const assertion = parseAssertion(answerOf(authenticator, "getAssertion-allowList"));
    const { publicKey } = encodeRegistrationResponse({ clientData: makeClientData("webauthn.create", new Uint8Array(1), ""), fmt: made.fmt, authData: made.authData, attStmt: made.attStmt, transports: [] }).response;
    const key = createPublicKey({ key: fromBase64url(publicKey), type: "spki", format: "der" });
    const sent = parseCbor(exchangesOf(recordedSteps(authenticator).find(({ step }) => step === "getAssertion-allowList")!)[0]!.request.data.subarray(1)).value as CborMap;
    t.ok(verify("sha256", concatBytes(assertion.authData.raw, sent.get(2) as Uint8Array), key, assertion.signature));
    t.end();
  });
}

t.test("authenticator data without a credential are a mistake of the caller", (t) => {
  const { authData } = parseAssertion(answerOf("solo1", "getAssertion-discoverable+next"));
  t.throws(() => encodeRegistrationResponse({ clientData: makeClientData("webauthn.create", new Uint8Array(1), ""), fmt: "none", authData, attStmt: new Map(), transports: [] }), RangeError);
  t.end();
});
