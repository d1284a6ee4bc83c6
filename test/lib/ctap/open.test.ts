import { join } from "node:path";
import t from "tap";
import type { HidInterface } from "../../../src/lib/ctap/hid-interfaces.ts";
import { openTransport, type OpenOptions } from "../../../src/lib/ctap/open.ts";
import { good, scriptedNode, udpCard } from "../../support/hid-card.ts";
import { temporaryDirectory } from "../../support/keyhole.ts";
import { errorCodeOf } from "../errors.ts";

const CARD: HidInterface = { path: "/dev/hidraw0", vendorId: 1, productId: 2, serial: "1", vendor: "A", product: "B", bus: 3, isUsb: true, usage: { page: 0xf1d0, id: 1 }, kind: "fido", access: "granted" };
const MOUSE: HidInterface = { ...CARD, path: "/dev/hidraw1", productId: 3, usage: { page: 1, id: 2 }, kind: "other" };

function machine(...interfaces: readonly HidInterface[]): OpenOptions {
  return { hid: { list: () => Promise.resolve(interfaces), open: () => Promise.resolve(scriptedNode(good)) } };
}

async function nameOf(uri: string | undefined, options?: OpenOptions): Promise<string> {
  const transport = await openTransport(uri, options);
  await transport.close();
  return transport.name;
}

t.test("every kind of device", async (t) => {
  t.equal(await nameOf(undefined, machine(MOUSE, CARD)), "hidraw:/dev/hidraw0", "without a name, the only card");
  t.equal(await nameOf("/dev/hidraw0", machine(MOUSE, CARD)), "hidraw:/dev/hidraw0");
  t.match(await nameOf(`udp:127.0.0.1:${await udpCard(t, good)}`), /^udp:127\.0\.0\.1:\d+$/);
  t.equal(await nameOf("virtual:"), "virtual:");
  const state = join(temporaryDirectory(t), "card");
  t.equal(await nameOf(`virtual:${state}`), `virtual:${state}`);
});

t.test("what cannot be opened", async (t) => {
  const codeOf = (uri: string | undefined, ...interfaces: readonly HidInterface[]): Promise<string | undefined> => errorCodeOf(openTransport(uri, machine(...interfaces)));
  t.equal(await codeOf(undefined), "CTAP_NO_DEVICE");
  t.equal(await codeOf(undefined, MOUSE), "CTAP_NO_DEVICE");
  t.equal(await codeOf("/dev/hidraw0", MOUSE), "CTAP_NO_DEVICE");
  t.equal(await codeOf("/dev/hidraw1", MOUSE, CARD), "CTAP_VENDOR_INTERFACE", "a mouse is not spoken to");
  t.equal(await codeOf(undefined, CARD, { ...CARD, path: "/dev/hidraw2" }), "USAGE_SEVERAL_DEVICES");
  t.equal(await codeOf(undefined, { ...CARD, access: "denied" }), "CTAP_PERMISSION");
  t.equal(await codeOf("hidraw"), "USAGE_DEVICE");
  await t.rejects(openTransport(undefined, { ...machine(CARD), signal: AbortSignal.abort(new Error("enough")) }), { message: "enough" });
});

t.test("the message that programs look for", async (t) => {
  t.match(await openTransport(undefined, machine()).catch((error: unknown) => error), { message: "No CTAP HID devices found.", kind: "outside" });
  const vendor = { ...CARD, kind: "vendor" as const };
  t.match(await openTransport(undefined, machine(vendor, MOUSE)).catch((error: unknown) => error), { message: "No CTAP HID devices found.", hint: /^\/dev\/hidraw0 \(0001:0002 A B\) is a vendor interface/ });
});

t.test("several cards are listed", async (t) => {
  const error: unknown = await openTransport(undefined, machine(CARD, { ...CARD, path: "/dev/hidraw2" })).catch((error: unknown) => error);
  t.match(error, { message: "2 security keys are here: /dev/hidraw0 (0001:0002 A B), /dev/hidraw2 (0001:0002 A B)", kind: "input", hint: /--device \/dev\/hidraw0/ });
});
