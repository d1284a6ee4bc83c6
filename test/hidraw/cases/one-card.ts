import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import test from "node:test";
import { assertError, assertProbed, type Listed } from "../support/json.ts";
import { keyhole, keyholeJson } from "../support/programs.ts";
import { plugIn } from "../support/virtual.ts";

writeFileSync("/tmp/pin", "correct horse\n", { mode: 0o600 });
writeFileSync("/tmp/other-pin", "battery staple\n", { mode: 0o600 });

test("a card is listed, probed and used, by its node, its URI or as the only one", async (t) => {
  const { node, unplug } = await plugIn(t, "--state", "/tmp/one-card");
  const ofCard = ["--rp-id", "example.com", "--device"];

  const { devices } = (await keyholeJson(["ctap", "list"])) as Listed;
  assert.deepEqual(devices.map(({ path, kind, access }) => ({ path, kind, access })), [{ path: node, kind: "fido", access: "granted" }]);

  const probed = assertProbed(await keyhole(["ctap", "probe", "--json"]), 0, "ok");
  assert.equal(probed.device.path, node);
  assert.deepEqual(probed.steps.map(({ name, state }) => `${name} ${state}`), ["enumerate ok", "permission ok", "open ok", "init ok", "ping ok", "wink ok", "get-info ok", "pin-retries skipped", "u2f-version ok"]);

  const info = (await keyholeJson(["ctap", "info", "--device", node])) as { readonly versions: readonly string[] };
  assert.ok(info.versions.includes("FIDO_2_1"));

  await keyholeJson(["ctap", "make-credential", ...ofCard, node, "--user-name", "alice", "--out", "/tmp/alice.cred"]);
  const asserted = (await keyholeJson(["ctap", "get-assertion", "--rp-id", "example.com", "--credential", "/tmp/alice.cred"])) as object;
  assert.ok("assertions" in asserted);

  // Without PIN, then with one.
  await keyholeJson(["ctap", "pin", "set", "--device", `hidraw:${node}`, "--new-pin-file", "/tmp/pin"]);
  await keyholeJson(["ctap", "make-credential", ...ofCard, `hidraw:${node}`, "--user-name", "bob", "--discoverable", "--uv", "required", "--pin-file", "/tmp/pin", "--out", "/tmp/bob.cred"]);
  assertError(await keyhole(["ctap", "get-assertion", ...ofCard, node, "--uv", "required", "--pin-file", "/tmp/other-pin", "--json"]), 1, "CTAP2_ERR_PIN_INVALID");
  await keyholeJson(["ctap", "get-assertion", ...ofCard, node, "--uv", "required", "--pin-file", "/tmp/pin"]);
  await keyholeJson(["ctap", "pin", "change", "--pin-file", "/tmp/pin", "--new-pin-file", "/tmp/other-pin"]);
  assert.deepEqual(await keyholeJson(["ctap", "pin", "retries"]), { retries: 8, needsPowerCycle: false });

  // U2F, too.
  await keyholeJson(["ctap", "make-credential", ...ofCard, node, "--user-name", "carol", "--u2f", "--out", "/tmp/carol.cred"]);
  await keyholeJson(["ctap", "get-assertion", ...ofCard, node, "--u2f", "--credential", "/tmp/carol.cred"]);

  assert.equal((await unplug()).status, 0);
  assert.ok(!existsSync(node));
});

test("the longest message gets through a node both ways", async (t) => {
  const { node } = await plugIn(t);
  // The kernel keeps 31 reports for a device, and drops more: it may take some
  // tries where this machine is held up.
  let outcome;
  for (let tries = 0; tries < 5 && outcome?.status !== 0; tries++) outcome = await keyhole(["ctap", "ping", "--device", node, "--count", "1", "--size", "7609", "--json"]);
  const { size, answered, wrong } = JSON.parse(outcome?.stdout ?? "") as { readonly size: number; readonly answered: number; readonly wrong: number };
  assert.deepEqual({ size, answered, wrong }, { size: 7609, answered: 1, wrong: 0 });
});
