import { EventEmitter } from "node:events";
import t, { type Test } from "tap";
import type { HidInterface } from "../../../../src/lib/ctap/hid-interfaces.ts";
import { openHidraw, type HidNode } from "../../../../src/lib/ctap/transport/hidraw.ts";
import { errorCodeOf } from "../../errors.ts";

const SIGNAL = AbortSignal.timeout(60_000);

const REPORT = Uint8Array.from({ length: 64 }, (_, i) => i);

const CARD: HidInterface = {
  path: "/dev/hidraw0",
  vendorId: 0x1050,
  productId: 0x0407,
  serial: "1",
  vendor: "Yubico",
  product: "YubiKey",
  bus: 3,
  isUsb: true,
  usage: { page: 0xf1d0, id: 1 },
  kind: "fido",
  access: "granted",
};

/** A node that takes reports until it is told otherwise. */
class FakeNode extends EventEmitter implements HidNode {
  readonly written: Buffer[] = [];
  onWrite: () => Promise<number> = () => Promise.resolve(65);
  onClose: () => Promise<void> = () => Promise.resolve();
  closings = 0;

  write(report: Buffer): Promise<number> {
    this.written.push(report);
    return this.onWrite();
  }

  close(): Promise<void> {
    this.closings += 1;
    return this.onClose();
  }
}

const list = (...interfaces: readonly HidInterface[]) => ({ list: () => Promise.resolve(interfaces) });

function refuse(t: Test): { readonly open: () => Promise<HidNode> } {
  return {
    open: () => {
      t.fail("opened");
      return Promise.reject(new Error("opened"));
    },
  };
}

t.test("reports are written with their number, and read without one", async (t) => {
  const node = new FakeNode();
  const transport = await openHidraw(CARD, { open: () => Promise.resolve(node), ...list(CARD) });
  t.equal(transport.name, "hidraw:/dev/hidraw0");
  await transport.send(REPORT);
  t.same(node.written.map((report) => [...report]), [[0, ...REPORT]], "65 bytes");
  node.emit("data", Buffer.from(REPORT));
  node.emit("data", Buffer.from(REPORT.with(0, 9)));
  t.same(await transport.receive(SIGNAL), REPORT);
  t.same(await transport.receive(SIGNAL), REPORT.with(0, 9));
  await transport.close();
  await transport.close();
  t.equal(node.closings, 1);
  t.equal(await errorCodeOf(transport.receive(SIGNAL)), "CTAP_DEVICE_LOST");
});

t.test("a vendor interface is never opened", async (t) => {
  const vendor = { ...CARD, path: "/dev/hidraw1", kind: "vendor" as const };
  const opened = openHidraw(vendor, { ...refuse(t), ...list(vendor, CARD) });
  t.match(await opened.catch((error: unknown) => error), { code: "CTAP_VENDOR_INTERFACE", kind: "outside", hint: "the FIDO interface of the same card is /dev/hidraw0" });
  t.match(await openHidraw(vendor, { ...refuse(t), ...list(vendor) }).catch((error: unknown) => error), { hint: /keyhole ctap list/ });
  t.match(await openHidraw({ ...vendor, kind: "other" }, { ...refuse(t), ...list() }).catch((error: unknown) => error), { code: "CTAP_VENDOR_INTERFACE", message: /is no security key/ });
});

t.test("without the right to open it", async (t) => {
  const denied = { ...CARD, access: "denied" as const };
  t.match(await openHidraw(denied, { ...refuse(t), ...list(denied) }).catch((error: unknown) => error), { code: "CTAP_PERMISSION", hint: /ATTRS\{idVendor\}=="1050"/ });
  const open = (): Promise<HidNode> => Promise.reject(new Error("cannot open device with path /dev/hidraw0: Failed to open a device with path '/dev/hidraw0': Operation not permitted"));
  t.equal(await errorCodeOf(openHidraw(CARD, { open, ...list(CARD) })), "CTAP_PERMISSION", "refused though the file's mode allows it");
  const missing = { ...CARD, access: "missing" as const };
  t.equal(await errorCodeOf(openHidraw(missing, { ...refuse(t), ...list(missing) })), "CTAP_NODE_MISSING");
});

t.test("a node that went away before it could be opened", async (t) => {
  const back = { ...CARD, path: "/dev/hidraw4" };
  const open = (): Promise<HidNode> => Promise.reject(new Error("No such file or directory"));
  t.match(await openHidraw(CARD, { open, ...list(back) }).catch((error: unknown) => error), { code: "CTAP_DEVICE_LOST", hint: "the same card is back as /dev/hidraw4; run it again" });
});

t.test("a card that goes away", async (t) => {
  const cases: readonly (readonly [string, readonly HidInterface[], RegExp])[] = [
    ["is gone", [], /^plug the card in again$/],
    ["is back", [{ ...CARD, path: "/dev/hidraw3" }], /back as \/dev\/hidraw3/],
    ["its vendor interface remains", [{ ...CARD, path: "/dev/hidraw3", kind: "vendor" }], /^plug/],
    ["another card of that kind is there", [{ ...CARD, path: "/dev/hidraw3", serial: "2" }], /^plug/],
  ];
  for (const [name, interfaces, hint] of cases) {
    const node = new FakeNode();
    const transport = await openHidraw(CARD, { open: () => Promise.resolve(node), ...list(CARD) }).then((transport) => transport);
    const later = new FakeNode();
    const other = await openHidraw(CARD, { open: () => Promise.resolve(later), ...list(...interfaces) });
    node.emit("error", "could not read from HID device");
    later.emit("error", "could not read from HID device");
    t.match(await transport.receive(SIGNAL).catch((error: unknown) => error), { code: "CTAP_DEVICE_LOST", message: /is gone: could not read/ });
    t.match(await other.receive(SIGNAL).catch((error: unknown) => error), { code: "CTAP_DEVICE_LOST", hint }, name);
    later.onWrite = () => Promise.reject(new TypeError("Cannot write to hid device"));
    t.match(await other.send(REPORT).catch((error: unknown) => error), { code: "CTAP_DEVICE_LOST", message: /Cannot write/, hint });
  }
});

t.test("a node that takes no report, or does not open or close, is not waited for", async (t) => {
  const node = new FakeNode();
  node.onWrite = () => new Promise(() => undefined);
  node.onClose = () => new Promise(() => undefined);
  const transport = await openHidraw(CARD, { open: () => Promise.resolve(node), ...list(CARD) });
  t.match(await transport.send(REPORT).catch((error: unknown) => error), { code: "CTAP_DEVICE_LOST", message: /takes no report/ });
  await transport.close();
  t.match(await openHidraw(CARD, { open: () => new Promise(() => undefined), ...list(CARD) }).catch((error: unknown) => error), { code: "CTAP_DEVICE_LOST", message: /does not open/ });
});
