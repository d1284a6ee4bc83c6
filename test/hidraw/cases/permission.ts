import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import test from "node:test";
import { assertError, assertProbed, type Listed } from "../support/json.ts";
import { keyhole, keyholeJson, NOBODY } from "../support/programs.ts";
import { plugIn } from "../support/virtual.ts";

test("a node that this user may not open", async (t) => {
  const { node } = await plugIn(t);
  chmodSync(node, 0o600);
  const [list, probe, info] = await Promise.all([
    keyhole(["ctap", "list", "--json"], { uid: NOBODY }),
    keyhole(["ctap", "probe", "--json"], { uid: NOBODY }),
    keyhole(["ctap", "info", "--device", node, "--json"], { uid: NOBODY }),
  ]);
  assert.equal(list.status, 0, list.stderr);
  const [device] = (JSON.parse(list.stdout) as Listed).devices;
  assert.equal(device?.access, "denied");
  assert.match(device.udevRule ?? "", /^KERNEL=="hidraw\*", SUBSYSTEM=="hidraw", KERNELS=="0003:[0-9A-F]{4}:[0-9A-F]{4}\.\*", /);
  assertProbed(probe, 3, "permission-denied");
  assertError(info, 3, "CTAP_PERMISSION");

  chmodSync(node, 0o666);
  const { devices } = (await keyholeJson(["ctap", "list"], { uid: NOBODY })) as Listed;
  assert.equal(devices[0]?.access, "granted");
  assertProbed(await keyhole(["ctap", "probe", "--json"], { uid: NOBODY }), 0, "ok");
});

test("uhid that this user may not open", async () => {
  const { message } = assertError(await keyhole(["ctap", "virtual", "--uhid", "--json"], { uid: NOBODY }), 3, "CTAP_UHID");
  assert.match(message, /^\/dev\/uhid cannot be opened: permission denied/);
});
