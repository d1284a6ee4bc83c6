import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import test from "node:test";
import { assertError, type Listed } from "../support/json.ts";
import { keyhole, keyholeJson, startKeyhole } from "../support/programs.ts";
import { plugIn } from "../support/virtual.ts";

test("a card that goes away in use, and comes back under another number", async (t) => {
  const state = ["--state", "/tmp/replug"];
  const before = await plugIn(t, ...state);
  await keyholeJson(["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "alice", "--out", "/tmp/replug.cred"]);
  const { devices: listedBefore } = (await keyholeJson(["ctap", "list"])) as Listed;
  await before.unplug();

  // As long as a program has a node open, its number is taken.
  const waiting = await plugIn(t, ...state, "--approve", "never");
  assert.equal(waiting.node, before.node);
  const held = openSync(waiting.node, "r");
  t.after(() => void closeSync(held));
  const assertion = startKeyhole(["ctap", "get-assertion", "--rp-id", "example.com", "--credential", "/tmp/replug.cred", "--json"]);
  await assertion.says(/touch the card now/);
  await waiting.unplug();
  assertError(await assertion.end(), 3, "CTAP_DEVICE_LOST");

  const after = await plugIn(t, ...state);
  assert.notEqual(after.node, before.node);
  const { devices: listedAfter } = (await keyholeJson(["ctap", "list"])) as Listed;
  assert.deepEqual(listedAfter, listedBefore.map((device) => ({ ...device, path: after.node })));
  await keyholeJson(["ctap", "get-assertion", "--rp-id", "example.com", "--credential", "/tmp/replug.cred"]);
  const { hint } = assertError(await keyhole(["ctap", "info", "--device", before.node, "--json"]), 3, "CTAP_NO_DEVICE");
  assert.match(hint ?? "", new RegExp(after.node));
});
