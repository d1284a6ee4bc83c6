import assert from "node:assert/strict";
import test from "node:test";
import { assertError, assertProbed } from "../support/json.ts";
import { keyhole, startKeyhole } from "../support/programs.ts";
import { plugIn } from "../support/virtual.ts";

const MAKE = ["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "alice", "--json"];

test("probe sees that another program keeps the card busy, until Ctrl-C there", async (t) => {
  await plugIn(t, "--approve", "never");
  const other = startKeyhole(MAKE);
  await other.says(/touch the card now/);
  assertProbed(await keyhole(["ctap", "probe", "--json"]), 3, "busy");

  const begin = performance.now();
  assert.equal((await other.end("SIGINT")).status, 130);
  t.diagnostic(`Ctrl-C ended it within ${Math.round(performance.now() - begin)} ms`);
  assertProbed(await keyhole(["ctap", "probe", "--json"]), 0, "ok");
});

test("nobody touches the card in time", async (t) => {
  await plugIn(t, "--approve", "never");
  const outcome = await keyhole([...MAKE, "--timeout", "2"]);
  assertError(outcome, 1, "CTAP_USER_TIMEOUT");
  t.diagnostic(`it ended after ${Math.round(outcome.durationMs)} ms`);
  assertProbed(await keyhole(["ctap", "probe", "--json"]), 0, "ok");
});

test("somebody touches the card after a while", async (t) => {
  await plugIn(t, "--approve", "after:1500");
  const outcome = await keyhole(MAKE);
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.match(outcome.stderr, /touch the card now/);
});
