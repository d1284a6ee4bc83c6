import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyAuthenticationResponse, verifyRegistrationResponse, type AuthenticationResponseJSON, type RegistrationResponseJSON, type VerifiedRegistrationResponse, type WebAuthnCredential } from "@simplewebauthn/server";
import t, { type Test } from "tap";
import { parseCbor, type CborMap } from "../../src/lib/ctap/cbor.ts";
import { keyhole, temporaryDirectory, type Outcome } from "../support/keyhole.ts";

// A WebAuthn server's own library verifies what --webauthn-json prints.

const RP_ID = "example.com";
const ORIGIN = "https://login.example.com";
const ALGORITHMS = { es256: -7, eddsa: -8, es384: -35 };

const cwd = temporaryDirectory(t);
writeFileSync(join(cwd, "pin"), "7392\n", { mode: 0o600 });

function ctap(words: readonly string[]): Outcome {
  return keyhole(["ctap", ...words], { cwd });
}

function run(t: Test, words: readonly string[], challenge: string): unknown {
  const { status, stdout, stderr } = ctap([...words, "--rp-id", RP_ID, "--webauthn-json", "--challenge", challenge, "--origin", ORIGIN]);
  t.equal(status, 0, words.join(" "), { stderr });
  return JSON.parse(stdout);
}

const newChallenge = (): string => randomBytes(32).toString("base64url");

async function register(t: Test, words: readonly string[], requireUserVerification = false): Promise<NonNullable<VerifiedRegistrationResponse["registrationInfo"]>> {
  const challenge = newChallenge();
  const response = run(t, ["make-credential", "--user-name", "alice", ...words], challenge) as RegistrationResponseJSON;
  const expected = { response, expectedOrigin: ORIGIN, expectedRPID: RP_ID, requireUserVerification, supportedAlgorithmIDs: Object.values(ALGORITHMS) };
  const { verified, registrationInfo } = await verifyRegistrationResponse({ ...expected, expectedChallenge: challenge });
  t.ok(verified, "registration is verified");
  await t.rejects(verifyRegistrationResponse({ ...expected, expectedChallenge: newChallenge() }), /challenge/, "and not for another challenge");
  return registrationInfo!;
}

async function authenticate(t: Test, credential: WebAuthnCredential, words: readonly string[], requireUserVerification = false): Promise<AuthenticationResponseJSON> {
  const challenge = newChallenge();
  const response = run(t, ["get-assertion", ...words], challenge) as AuthenticationResponseJSON;
  const expected = { response, expectedChallenge: challenge, expectedOrigin: ORIGIN, expectedRPID: RP_ID, credential, requireUserVerification };
  const { verified, authenticationInfo } = await verifyAuthenticationResponse(expected);
  t.ok(verified, "authentication is verified");
  t.ok(authenticationInfo.newCounter > credential.counter);
  const signature = Buffer.from(response.response.signature, "base64url");
  signature[signature.length - 1]! ^= 1;
  const forged = { ...response, response: { ...response.response, signature: signature.toString("base64url") } };
  t.notOk(await verifyAuthenticationResponse({ ...expected, response: forged }).then(({ verified }) => verified, () => false), "and not with another signature");
  return response;
}

for (const [name, algorithm] of Object.entries(ALGORITHMS)) {
  t.test(name, async (t) => {
    const card = ["--device", `virtual:${name}`];
    const { credential, fmt, userVerified } = await register(t, [...card, "--alg", name, "--out", `${name}.cred`]);
    t.same([fmt, userVerified], ["packed", false]);
    t.equal((parseCbor(credential.publicKey).value as CborMap).get(3), algorithm);
    const { response } = await authenticate(t, credential, [...card, "--credential", `${name}.cred`]);
    t.equal(response.userHandle, undefined);
  });
}

t.test("a discoverable credential, with user verification", async (t) => {
  const card = ["--device", "virtual:discoverable", "--pin-file", "pin", "--uv", "required"];
  t.match(ctap(["pin", "set", ...card.slice(0, 2), "--new-pin-file", "pin"]), { status: 0 });
  const { credential, userVerified } = await register(t, [...card, "--discoverable", "--user-id", "c0ffee", "--hmac-secret", "--cred-protect", "2"], true);
  t.ok(userVerified);
  const { id, response } = await authenticate(t, credential, card, true);
  t.same([id, response.userHandle], [credential.id, Buffer.from("c0ffee", "hex").toString("base64url")]);
});

t.test("U2F", async (t) => {
  const card = ["--device", "virtual:u2f", "--u2f"];
  const { credential, fmt } = await register(t, [...card, "--out", "u2f.cred"]);
  t.equal(fmt, "fido-u2f");
  await authenticate(t, credential, [...card, "--credential", "u2f.cred"]);
});
