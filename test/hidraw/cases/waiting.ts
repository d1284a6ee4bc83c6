import assert from "node:assert/strict";
import test from "node:test";
import { assertError, assertProbed } from "../support/json.ts";
import { keyhole, startKeyhole } from "../support/programs.ts";
import { plugIn } from "../support/virtual.ts";

const MAKE = ["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "alice", "--json"];

test("a card that nobody touches", async (t) => {
  await plugIn(t, "--approve", "never");

  await t.test("probe sees that another program keeps it busy, until Ctrl-C there", async (t) => {
    const other = startKeyhole(MAKE);
    await other.says(/touch the card now/);
    assertProbed(await keyhole(["ctap", "probe", "--json"]), 3, "busy");

    const begin = performance.now();
    assert.equal((await other.end("SIGINT")).status, 130);
    t.diagnostic(`Ctrl-C ended it within ${Math.round(performance.now() - begin)} ms`);
    assertProbed(await keyhole(["ctap", "probe", "--json"]), 0, "ok");
  });

  await t.test("the time for the touch ends", async (t) => {
    const other = startKeyhole([...MAKE, "--timeout", "2"]);
    await other.says(/touch the card now/);
    const begin = performance.now();
    assertError(await other.end(), 1, "CTAP_USER_TIMEOUT");
    t.diagnostic(`it ended ${Math.round(performance.now() - begin)} ms later`);
  });
});

test("a card that somebody touches after a while", async (t) => {
  await plugIn(t, "--approve", "after:1500");
  const outcome = await keyhole(MAKE);
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.match(outcome.stderr, /touch the card now/);
});
