import assert from "node:assert/strict";
import test from "node:test";
import { assertError, assertProbed } from "../support/json.ts";
import { keyhole } from "../support/programs.ts";

test("without any card, list, probe and the others say so", async () => {
  const [list, probe, info] = await Promise.all([keyhole(["ctap", "list"]), keyhole(["ctap", "probe", "--json"]), keyhole(["ctap", "info", "--json"])]);
  assert.equal(list.status, 3);
  assert.match(list.stdout + list.stderr, /No CTAP HID devices found\./);
  assertProbed(probe, 3, "no-device");
  assertError(info, 3, "CTAP_NO_DEVICE");
});

test("a node that is not there", async () => {
  assertError(await keyhole(["ctap", "info", "--device", "/dev/hidraw7", "--json"]), 3, "CTAP_NO_DEVICE");
});
