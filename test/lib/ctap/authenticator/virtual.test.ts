import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { openVirtual } from "../../../../src/lib/ctap/authenticator/virtual.ts";
import { CtapDevice } from "../../../../src/lib/ctap/device.ts";
import { HID_COMMAND, MAX_MESSAGE_LENGTH } from "../../../../src/lib/ctap/packet.ts";
import { temporaryDirectory } from "../../../support/keyhole.ts";

const SELECTION = Uint8Array.of(0x0b);

t.test("all the way through CTAPHID", async (t) => {
  const device = await CtapDevice.open(openVirtual());
  t.match(device.init, { protocolVersion: 2, capabilities: { wink: true, cbor: true, msg: true } });
  const long = new Uint8Array(MAX_MESSAGE_LENGTH).map((_, i) => i * 7);
  t.same(await device.transact(HID_COMMAND.ping, long), long);
  t.same(await device.transact(HID_COMMAND.wink, new Uint8Array()), new Uint8Array());
  t.equal((await device.transact(HID_COMMAND.cbor, Uint8Array.of(4)))[0], 0);
  t.same(await device.transact(HID_COMMAND.cbor, SELECTION), Uint8Array.of(0));
  await t.rejects(device.transact(0x40, new Uint8Array()), { code: "CTAP1_ERR_INVALID_COMMAND" });
  await device.close();
  await device.close();
  await t.rejects(device.transact(HID_COMMAND.ping, long), { code: "CTAP_DEVICE_LOST" });
});

t.test("a touch that is waited for, and cancelled", async (t) => {
  const device = await CtapDevice.open(openVirtual({ approve: () => new Promise(() => undefined) }));
  const controller = new AbortController();
  const keepalives: string[] = [];
  const reason = new Error("enough");
  const onKeepalive = (status: string): void => {
    keepalives.push(status);
    if (keepalives.length === 2) controller.abort(reason);
  };
  await t.rejects(device.transact(HID_COMMAND.cbor, SELECTION, { signal: controller.signal, onKeepalive }), reason);
  t.same(keepalives, ["up-needed", "up-needed"]);
  t.same((await device.transact(HID_COMMAND.ping, SELECTION)), SELECTION, "the card can be used again");
  await device.close();
});

t.test("a state", async (t) => {
  const statePath = join(temporaryDirectory(t), "state");
  const once = async (request: Uint8Array): Promise<Uint8Array> => {
    const transport = openVirtual({ statePath });
    t.equal(transport.name, `virtual:${statePath}`);
    const device = await CtapDevice.open(transport);
    try {
      return await device.transact(HID_COMMAND.cbor, request);
    } finally {
      await device.close();
    }
  };
  t.same(await once(Uint8Array.of(0x0d, 0xa1, 0x01, 0x02)), Uint8Array.of(0), "always-uv on");
  t.match(JSON.parse(readFileSync(statePath, "utf8")), { alwaysUv: true });
  t.same(await once(Uint8Array.of(0x0d, 0xa1, 0x01, 0x02)), Uint8Array.of(0), "and off");
  t.match(JSON.parse(readFileSync(statePath, "utf8")), { alwaysUv: false });
  t.same(await once(Uint8Array.of(0x07)), Uint8Array.of(0), "each opening gives it power, so that it can be reset");

  writeFileSync(statePath, "not a state");
  await t.rejects(CtapDevice.open(openVirtual({ statePath })), { code: "CTAP_STATE", kind: "input" });
  await openVirtual({ statePath }).close();
});

t.test("a state that is spoilt meanwhile", async (t) => {
  const statePath = join(temporaryDirectory(t), "state");
  const device = await CtapDevice.open(openVirtual({ statePath }));
  writeFileSync(statePath, "not a state");
  await t.rejects(device.transact(HID_COMMAND.cbor, Uint8Array.of(4)), { code: "CTAP_STATE" });
  await device.close();
});
