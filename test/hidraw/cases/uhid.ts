import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readdirSync, writeFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import test from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { openUhid } from "../../../src/lib/ctap/authenticator/uhid.ts";
import { plugInDevice } from "../support/device.ts";

const { HIDAsync } = createRequire("/keyhole/dist/main.cjs")("node-hid") as typeof import("node-hid");

const identity = { vendor: 0x1209, product: 0x00fe, name: "Schlüssel", serial: "0002" };

async function eventually(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await delay(20);
  assert.ok(holds());
}

test("reports come with their number and without, as over USB, and nothing else does", async (t) => {
  const { node, reports } = await plugInDevice(t, identity);
  const fd = openSync(node, "r+");
  t.after(() => void closeSync(fd));
  const report = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
  const zeros = new Uint8Array(64);
  for (const written of [[0, ...report], report, [0, ...zeros], zeros, [1, ...report], report.subarray(1)]) writeSync(fd, Uint8Array.from(written));
  writeSync(fd, Uint8Array.of(0, ...report));
  await eventually(() => reports.length === 4);
  assert.deepEqual(reports, [report, report, zeros, report]);
});

test("feature reports are refused at once", async (t) => {
  const { node } = await plugInDevice(t, identity);
  const device = await HIDAsync.open(node);
  try {
    const begin = performance.now();
    await assert.rejects(device.getFeatureReport(0, 65));
    await assert.rejects(device.sendFeatureReport([0, 1, 2, 3]));
    // Unanswered, the kernel would give up after five seconds each.
    assert.ok(performance.now() - begin < 5000);
  } finally {
    await device.close();
  }
});

test("a device can be closed twice, and what it sends then is lost", async () => {
  const door = await openUhid({ identity });
  await Promise.all([door.close(), door.close()]);
  door.send(new Uint8Array(64));
  assert.ok(!existsSync("/dev/hidraw0"));
});

test("a device that the kernel's driver lets go of", async () => {
  const door = await openUhid({ identity });
  const failure = new Promise((resolve) => {
    door.onFailure = resolve;
  });
  const [device = ""] = readdirSync("/sys/bus/hid/devices");
  writeFileSync("/sys/bus/hid/drivers/hid-generic/unbind", device);
  const { code, message } = (await failure) as { readonly code: string; readonly message: string };
  assert.equal(code, "CTAP_UHID");
  assert.match(message, /^the kernel let go of hidraw:\/dev\/hidraw0$/);
  await door.close();
});
