import assert from "node:assert/strict";
import test from "node:test";
import { assertError, assertProbed, type Listed } from "../support/json.ts";
import { keyhole, keyholeJson } from "../support/programs.ts";
import { plugInDevice, VENDOR_REPORT_DESCRIPTOR } from "../support/device.ts";
import { plugIn } from "../support/virtual.ts";

const CARD = { vendor: 0x1209, product: 0x00ff, name: "Card", serial: "0001" };

test("the vendor interface of a card is listed, and nothing is ever sent to it", async (t) => {
  const vendor = await plugInDevice(t, CARD, VENDOR_REPORT_DESCRIPTOR);
  const fido = await plugInDevice(t, CARD);

  const { devices } = (await keyholeJson(["ctap", "list"])) as Listed;
  assert.deepEqual(devices.map(({ path, kind }) => ({ path, kind })), [{ path: vendor.node, kind: "vendor" }, { path: fido.node, kind: "fido" }]);

  const { hint } = assertError(await keyhole(["ctap", "info", "--device", vendor.node, "--json"]), 3, "CTAP_VENDOR_INTERFACE");
  assert.match(hint ?? "", new RegExp(fido.node));
  assertProbed(await keyhole(["ctap", "probe", "--device", vendor.node, "--json"]), 3, "vendor-interface");

  // This one never answers.
  const probed = assertProbed(await keyhole(["ctap", "probe", "--json"]), 3, "mute");
  assert.equal(probed.device.path, fido.node);
  assert.equal(fido.reports.length, 2);
  assert.equal(vendor.reports.length, 0);
});

test("a vendor interface alone is no card", async (t) => {
  const vendor = await plugInDevice(t, CARD, VENDOR_REPORT_DESCRIPTOR);
  const [list, probe] = await Promise.all([keyhole(["ctap", "list", "--json"]), keyhole(["ctap", "probe", "--json"])]);
  assert.equal(list.status, 3);
  assert.match(list.stderr, /No CTAP HID devices found\./);
  assertProbed(probe, 3, "vendor-interface");
  assert.equal(vendor.reports.length, 0);
});

test("of two cards one must be chosen", async (t) => {
  const first = await plugIn(t);
  const second = await plugInDevice(t, CARD);
  const [info, probe] = await Promise.all([keyhole(["ctap", "info", "--json"]), keyhole(["ctap", "probe", "--json"])]);
  const { message } = assertError(info, 2, "USAGE_SEVERAL_DEVICES");
  assert.match(message, new RegExp(`${first.node}.*${second.node}`));
  assertProbed(probe, 2, "several-devices");
  assert.equal(second.reports.length, 0);
  await keyholeJson(["ctap", "info", "--device", first.node]);
});
