import { once } from "node:events";
import { resolve } from "node:path";
import t, { type Test } from "tap";
import { startKeyhole, temporaryDirectory } from "../support/keyhole.ts";
import { installed } from "./support/installed.ts";
import { LinePeer, PeerRefusal, type Answer } from "./support/line-peer.ts";

// python-fido2, its WebAuthn client and its server among it, drives the
// software authenticator over UDP.

const PIN = "1234abcd";
const NEW_PIN = "zyxw9876";
const RP_ID = "example.com";

type Request = Parameters<LinePeer["ask"]>[0];

/** A card of its own and python-fido2 before it. */
interface Setup {
  readonly ask: (op: string, more?: Request) => Promise<Answer>;
  /** The status that the card refuses with, or what python-fido2 says. */
  readonly refusal: (op: string, more?: Request) => Promise<string>;
}

async function setUp(t: Test): Promise<Setup> {
  const card = startKeyhole(["ctap", "virtual", "--udp", "0", "--json", "--state", "card"], { cwd: temporaryDirectory(t) });
  const [line] = (await once(card.stdout, "data")) as [Buffer];
  const { device } = JSON.parse(line.toString()) as { readonly device: string };
  const peer = new LinePeer(installed("venv/bin/python"), [resolve("test/interop/fido2_peer.py"), device.split(":")[2]!]);
  t.teardown(() => {
    peer.close();
    card.kill();
  });
  const ask = (op: string, more: Request = {}): Promise<Answer> => peer.ask({ op, rpId: RP_ID, ...more });
  return {
    ask,
    refusal: async (op, more) => {
      try {
        return `answered ${JSON.stringify(await ask(op, more))}`;
      } catch (error) {
        if (error instanceof PeerRefusal) return error.message;
        throw error;
      }
    },
  };
}

t.test("what it says of itself, and CTAPHID", async (t) => {
  const { ask, refusal } = await setUp(t);
  t.match(await ask("info"), {
    versions: "U2F_V2 FIDO_2_0 FIDO_2_1",
    extensions: "credBlob credProtect hmac-secret largeBlobKey minPinLength",
    options: "authnrCfg credMgmt largeBlobs makeCredUvNotRqd pinUvAuthToken rk setMinPINLength up",
    algorithms: "-7 -8 -35",
    protocols: "2 1",
    minPinLength: "4",
    remaining: "64",
  });
  for (const length of [0, 57, 58, 7609]) t.match(await ask("ping", { length }), { same: "True" }, `PING of ${length} bytes`);
  await ask("wink");
  await ask("selection");
  t.equal(await refusal("authenticate"), "CTAP 0x2e");
});

t.test("register and authenticate", async (t) => {
  const { ask, refusal } = await setUp(t);
  for (const [user, algorithm] of [["es256", -7], ["eddsa", -8], ["es384", -35]] as const) {
    t.match(await ask("register", { user, algorithm }), { algorithm: String(algorithm), format: "packed", attestation: "SELF", verified: "False" });
    t.match(await ask("authenticate", { user }), { users: user, verified: "False" });
  }
  t.equal(await refusal("register", { user: "again", exclude: "all" }), "CTAP 0x19");
  t.equal(await refusal("register", { user: "rsa", algorithm: -257 }), "CTAP 0x26");

  await ask("register", { user: "alice", residentKey: "required" });
  await ask("register", { user: "bob", residentKey: "required" });
  t.match(await ask("authenticate"), { users: "bob alice" }, "the newest first");
  const [first, second] = [await ask("authenticate", { user: "bob" }), await ask("authenticate", { user: "bob" })];
  t.ok(Number(second.counter) > Number(first.counter), "the counter grows");
});

for (const protocol of [1, 2]) {
  t.test(`PIN protocol ${protocol}`, async (t) => {
    const { ask, refusal } = await setUp(t);
    const request = { protocol, pin: PIN };
    t.equal(await refusal("token", request), "CTAP 0x35");
    await ask("set-pin", request);
    t.equal(await refusal("set-pin", request), "CTAP 0x33");
    t.match(await ask("token", request), { length: "32" });
    t.match(await ask("token", { ...request, permissions: 1 }), { length: "32" });
    t.equal(await refusal("token", { ...request, permissions: 8, rpId: undefined }), "CTAP 0x40");

    t.match(await ask("register", { ...request, user: "alice", residentKey: "required", verification: "required" }), { verified: "True" });
    t.match(await ask("authenticate", { ...request, user: "alice", verification: "required" }), { users: "alice", verified: "True" });
    t.equal(await refusal("register", { ...request, user: "mallory", verification: "required", pin: "0000" }), "CTAP 0x31");
    t.match(await ask("retries", request), { retries: "7", powerCycle: "None" });

    await ask("change-pin", { ...request, newPin: NEW_PIN });
    t.match(await ask("retries", request), { retries: "8" });
    const locked = [];
    for (let i = 0; i < 4; i++) locked.push(await refusal("token", request));
    t.same(locked, ["CTAP 0x31", "CTAP 0x31", "CTAP 0x34", "CTAP 0x34"], "three wrong ones in a row");
    t.match(await ask("retries", request), { retries: "5", powerCycle: "True" });
    await ask("reboot");
    t.match(await ask("token", { protocol, pin: NEW_PIN }), { length: "32" });

    const blocked = [];
    for (let i = 0; i < 8; i++) {
      blocked.push(await refusal("token", request));
      if (i % 3 === 2) await ask("reboot");
    }
    t.equal(blocked.at(-1), "CTAP 0x32", "eight in all");
    t.equal(await refusal("change-pin", { protocol, pin: NEW_PIN, newPin: PIN }), "CTAP 0x32");
    await ask("reboot");
    await ask("reset");
    await ask("set-pin", request);
    t.equal(await refusal("authenticate", { ...request, user: "alice" }), "CTAP 0x2e", "which the reset has erased");
  });

  t.test(`credential management under protocol ${protocol}`, async (t) => {
    const { ask, refusal } = await setUp(t);
    const request = { protocol, pin: PIN };
    await ask("set-pin", request);
    t.equal(await refusal("list-credentials", { protocol, pin: "0000" }), "CTAP 0x31");
    for (const [user, rpId] of [["alice", RP_ID], ["bob", RP_ID], ["carol", "example.org"]] as const) {
      await ask("register", { ...request, user, rpId, residentKey: "required", extensions: JSON.stringify({ credentialProtectionPolicy: "userVerificationOptionalWithCredentialIDList" }) });
    }
    t.match(await ask("list-credentials", request), {
      existing: "3",
      remaining: "61",
      credentials: ["example.com alice alice 2", "example.com bob bob 2", "example.org carol carol 2"].join("\n"),
    });
    await ask("update-user", { ...request, user: "bob", name: "robert" });
    await ask("delete-credential", { ...request, user: "alice" });
    t.match(await ask("list-credentials", request), { existing: "2", credentials: "example.com bob robert 2\nexample.org carol carol 2" });
    t.equal(await refusal("delete-credential", { ...request, user: "alice" }), "CTAP 0x2e");
  });

  t.test(`hmac-secret under protocol ${protocol}`, async (t) => {
    const { ask } = await setUp(t);
    const salts = { salt1: `hex:${"01".repeat(32)}`, salt2: `hex:${"02".repeat(32)}` };
    const made = await ask("register", { user: "alice", protocol, extensions: JSON.stringify({ hmacCreateSecret: true }) });
    t.match(JSON.parse(made.authenticatorExtensions!), { "hmac-secret": true });
    const secrets = async (inputs: object, more: Request = {}): Promise<{ output1: string; output2?: string }> => {
      const { extensions } = await ask("authenticate", { user: "alice", protocol, extensions: JSON.stringify({ hmacGetSecret: inputs }), ...more });
      return (JSON.parse(extensions!) as { hmacGetSecret: { output1: string; output2?: string } }).hmacGetSecret;
    };
    const both = await secrets(salts);
    t.match(both.output1, /^[\w-]{43}$|^[0-9a-f]{64}$/);
    t.not(both.output1, both.output2);
    t.equal((await secrets({ salt1: salts.salt1 })).output1, both.output1, "one salt alone gives the same");
    await ask("set-pin", { protocol, pin: PIN });
    t.not((await secrets(salts, { pin: PIN, verification: "required" })).output1, both.output1, "a verified user gets another");
    const prf = await ask("authenticate", { user: "alice", protocol, extensions: JSON.stringify({ prf: { eval: { first: "hex:0102" } } }) });
    t.match(prf.extensions, /"first"/, "WebAuthn's prf is the same");
  });

  t.test(`large blobs under protocol ${protocol}`, async (t) => {
    const { ask, refusal } = await setUp(t);
    const request = { protocol, pin: PIN };
    await ask("set-pin", request);
    t.match(await ask("blobs"), { count: "0" });
    const made = await ask("register", { ...request, user: "alice", residentKey: "required", extensions: JSON.stringify({ largeBlob: { support: "required" } }) });
    t.match(made.extensions, /"supported": true/);
    const write = { ...request, user: "alice", verification: "required", extensions: JSON.stringify({ largeBlob: { write: "hex:c0ffee" } }) };
    t.match((await ask("authenticate", write)).extensions, /"written": true/, "with the token of the assertion");
    const read = await ask("authenticate", { ...request, user: "alice", extensions: JSON.stringify({ largeBlob: { read: true } }) });
    t.match(read.extensions, /"c0ffee"|"wP_u"/);

    const key = "42".repeat(32);
    // Random bytes do not get shorter by compression: more than one fragment.
    const data = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * i * 31 + i * 7) & 0xff)).toString("hex");
    await ask("put-blob", { ...request, key, data });
    t.match(await ask("get-blob", { key }), { data });
    t.match(await ask("blobs"), { count: "2" });
    t.match(await ask("get-blob", { key: "43".repeat(32) }), { data: "none" });
    t.equal(await refusal("put-blob", { ...request, pin: "0000", key, data }), "CTAP 0x31");
  });
}

t.test("credBlob", async (t) => {
  const { ask } = await setUp(t);
  const made = await ask("register", { user: "alice", residentKey: "required", extensions: JSON.stringify({ credBlob: "hex:c0ffee" }) });
  t.match(JSON.parse(made.authenticatorExtensions!), { credBlob: true });
  t.match(await ask("authenticate", { extensions: JSON.stringify({ getCredBlob: true }) }), { users: "alice", credBlob: "c0ffee" });
});

t.test("credProtect", async (t) => {
  const { ask, refusal } = await setUp(t);
  await ask("set-pin", { pin: PIN });
  const extensions = JSON.stringify({ credentialProtectionPolicy: "userVerificationRequired" });
  const made = await ask("register", { user: "alice", pin: PIN, residentKey: "required", verification: "required", extensions });
  t.match(JSON.parse(made.authenticatorExtensions!), { credProtect: 3 });
  t.equal(await refusal("authenticate", { user: "alice" }), "CTAP 0x2e");
  t.match(await ask("authenticate", { user: "alice", pin: PIN, verification: "required" }), { users: "alice" });
});

t.test("config", async (t) => {
  const { ask, refusal } = await setUp(t);
  await ask("toggle-always-uv");
  t.match(await ask("info"), { versions: "FIDO_2_0 FIDO_2_1", options: "alwaysUv authnrCfg credMgmt largeBlobs pinUvAuthToken rk setMinPINLength up" });
  await ask("set-pin", { pin: PIN });
  t.equal(await refusal("u2f", { user: "u2f" }), "APDU 0x6986");
  t.match(await ask("register", { user: "alice", pin: PIN }), { verified: "True" }, "always");
  t.equal(await refusal("toggle-always-uv"), "CTAP 0x36");
  await ask("toggle-always-uv", { pin: PIN });
  await ask("set-min-pin-length", { pin: PIN, length: 10 });
  t.match(await ask("info"), { minPinLength: "10", forcePinChange: "True" });
  t.equal(await refusal("token", { pin: PIN }), "CTAP 0x37");
  t.equal(await refusal("change-pin", { pin: PIN, newPin: "123456789" }), "CTAP 0x37");
  await ask("change-pin", { pin: PIN, newPin: "1234567890" });
  t.equal(await refusal("set-min-pin-length", { pin: "1234567890", length: 9 }), "CTAP 0x37");
  const made = await ask("register", { user: "bob", pin: "1234567890", residentKey: "required", extensions: JSON.stringify({ minPinLength: true }) });
  t.match(JSON.parse(made.authenticatorExtensions!), { minPinLength: 10 });
  t.equal(await refusal("enable-enterprise-attestation", { pin: "1234567890" }), "CTAP 0x30");
});

t.test("U2F", async (t) => {
  const { ask } = await setUp(t);
  t.match(await ask("u2f", { user: "alice" }), { version: "U2F_V2", checked: "6985", presence: "1" });
  t.match(await ask("authenticate", { user: "alice" }), { users: "alice" }, "the same key by CTAP2");
});

t.test("reset", async (t) => {
  const { ask, refusal } = await setUp(t);
  await ask("register", { user: "alice", residentKey: "required" });
  await ask("reboot");
  t.match(await ask("authenticate"), { users: "alice" }, "nothing is lost without power");
  await ask("reset");
  t.match(await ask("info"), { remaining: "64" });
  t.equal(await refusal("authenticate", { user: "alice" }), "CTAP 0x2e");
});
