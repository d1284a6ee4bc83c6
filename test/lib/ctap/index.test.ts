import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import t from "tap";
import {
  approveNever,
  ClientPin,
  COSE_ALGORITHM,
  Ctap1,
  Ctap2,
  CtapDevice,
  CtapError,
  openTransport,
  openVirtual,
  parsePin,
  PERMISSION,
  verifyAssertion,
  verifyAttestation,
  type Keepalive,
  type Transport,
} from "../../../src/lib/ctap/index.ts";

// The library as a program uses it that has none of the commands.

const clientDataHash = new Uint8Array(createHash("sha256").update("client data").digest());
const rp = { id: "example.com", name: "Example" };
const user = { id: Uint8Array.of(1, 2, 3), name: "alice" };
const algorithms = [COSE_ALGORITHM.es256];
const expected = { rpId: rp.id, clientDataHash };

async function open(transport: Transport): Promise<CtapDevice> {
  const device = await CtapDevice.open(transport);
  t.teardown(() => device.close());
  return device;
}

t.test("a credential is made and signs", async (t) => {
  const keepalives: Keepalive[] = [];
  const ctap2 = new Ctap2(await open(await openTransport("virtual:")), { signal: new AbortController().signal, onKeepalive: (status) => keepalives.push(status) });
  const made = await ctap2.makeCredential({ clientDataHash, rp, user, algorithms, options: { rk: true } });
  t.equal(verifyAttestation(made, expected, algorithms).rpIdHash, true);
  const [assertion, ...others] = await ctap2.getAssertion({ rpId: rp.id, clientDataHash });
  t.equal(others.length, 0);
  t.same(assertion.credential.id, made.credential.credentialId);
  t.same(assertion.user?.id, user.id);
  verifyAssertion(assertion, expected, made.credential.publicKey);
  t.ok(assertion.authData.counter > made.authData.counter);
});

for (const protocol of [1, 2] as const) {
  t.test(`with a PIN, by protocol ${protocol}`, async (t) => {
    const ctap2 = new Ctap2(await open(openVirtual()));
    const clientPin = new ClientPin(ctap2, protocol);
    const pin = parsePin(new Uint8Array(Buffer.from("1234abcd")));
    await clientPin.setPin(pin);
    await t.rejects(clientPin.getToken({ pin: new Uint8Array(Buffer.from("wrong")) }, PERMISSION.mc, rp.id), { code: "CTAP2_ERR_PIN_INVALID" });
    t.equal((await clientPin.retries()).retries, 7);
    const token = await clientPin.getToken({ pin }, PERMISSION.mc, rp.id);
    const made = await ctap2.makeCredential({ clientDataHash, rp, user, algorithms, token });
    t.ok(verifyAttestation(made, { ...expected, uv: true }, algorithms).flags.includes("uv"));
    t.equal((await clientPin.retries()).retries, 8, "the right PIN gives them all back");
  });
}

t.test("by CTAP1", async (t) => {
  const ctap1 = new Ctap1(await open(openVirtual()), { pollMs: 1 });
  t.equal(await ctap1.version(), "U2F_V2");
  const made = await ctap1.makeCredential({ clientDataHash, rp, user, algorithms });
  t.equal(verifyAttestation(made, expected, algorithms).fmt, "fido-u2f");
  const { credentialId: id, publicKey } = made.credential;
  await t.rejects(ctap1.makeCredential({ clientDataHash, rp, user, algorithms, excludeList: [{ id }] }), { code: "CTAP2_ERR_CREDENTIAL_EXCLUDED" });
  verifyAssertion(await ctap1.getAssertion({ rpId: rp.id, clientDataHash, allowList: [{ id: Uint8Array.of(1) }, { id }] }), expected, publicKey);
});

t.test("an AbortSignal cancels on the card, once the person was asked", async (t) => {
  const controller = new AbortController();
  const reason = new CtapError("TEST_STOP", "stop");
  const keepalives: Keepalive[] = [];
  const device = await open(openVirtual({ approve: approveNever }));
  const onKeepalive = (status: Keepalive): void => {
    keepalives.push(status);
    if (status === "up-needed") controller.abort(reason);
  };
  await t.rejects(new Ctap2(device, { signal: controller.signal, onKeepalive }).makeCredential({ clientDataHash, rp, user, algorithms }), reason);
  assert(keepalives.includes("up-needed"));
  t.ok((await new Ctap2(device).getInfo()).versions.includes("FIDO_2_1"), "and the card answers the next request");
});

t.test("nobody is waited for longer than was said", async (t) => {
  const ctap2 = new Ctap2(await open(openVirtual({ approve: approveNever })), { timeoutMs: 250 });
  await t.rejects(ctap2.selection(), { code: "CTAP_USER_TIMEOUT", kind: "no" });
});
