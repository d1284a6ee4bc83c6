import { existsSync, mkdirSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { describeInterface, findInterface, interfacesOfCards, isSameCard, listHidInterfaces, loneVendorInterfaces, type HidInterface } from "../../../src/lib/ctap/hid-interfaces.ts";
import { temporaryDirectory } from "../../support/keyhole.ts";
import { BROKEN_DESCRIPTOR, CARD_AND_MOUSE, FIDO_DESCRIPTOR, makeSysfs, VENDOR_DESCRIPTOR, type FakeNode } from "../../support/sysfs.ts";
import { errorCode } from "../errors.ts";

function list(t: Test, nodes: readonly FakeNode[], isDenied: (path: string) => boolean = () => false): Promise<readonly HidInterface[]> {
  const root = temporaryDirectory(t);
  makeSysfs(root, nodes);
  return listHidInterfaces({ root, mayOpen: (path) => !isDenied(path) });
}

t.test("all interfaces, in the order of their numbers", async (t) => {
  const interfaces = await list(t, CARD_AND_MOUSE, (path) => path.endsWith("/dev/hidraw1"));
  const yubico = { vendorId: 0x1050, productId: 0x0407, serial: "0123", vendor: "Yubico", product: "YubiKey OTP+FIDO", bus: 3, isUsb: true };
  t.same(interfaces, [
    { ...yubico, path: "/dev/hidraw0", kind: "other", usage: { page: 0x01, id: 0x06 }, access: "granted" },
    { ...yubico, path: "/dev/hidraw1", kind: "fido", usage: { page: 0xf1d0, id: 0x01 }, access: "denied" },
    { vendorId: 0x046d, productId: 0xc077, serial: undefined, vendor: "Logitech", product: "USB Mouse", bus: 3, isUsb: true, path: "/dev/hidraw2", kind: "other", usage: { page: 0x01, id: 0x06 }, access: "granted" },
    { ...yubico, path: "/dev/hidraw10", kind: "vendor", usage: { page: 0xff00, id: 0x01 }, access: "granted" },
  ]);
  t.same(interfacesOfCards(interfaces).map(({ path }) => path), ["/dev/hidraw0", "/dev/hidraw1", "/dev/hidraw10"], "those of cards");
  t.same(loneVendorInterfaces(interfaces), [], "the vendor interface is not alone");
});

t.test("a device of uhid has the name that it gave itself", async (t) => {
  const [one] = await list(t, [{ number: 3, descriptor: FIDO_DESCRIPTOR, name: "Keyhole virtual", serial: "7" }]);
  t.match(one, { vendor: undefined, product: "Keyhole virtual", serial: "7", isUsb: false, kind: "fido" });
});

t.test("names that are missing", async (t) => {
  const interfaces = await list(t, [
    { number: 0, descriptor: FIDO_DESCRIPTOR, usb: { port: "1-1" }, name: "Maker Card" },
    { number: 1, descriptor: FIDO_DESCRIPTOR, usb: { port: "1-2", manufacturer: "" } },
  ]);
  t.match(interfaces[0], { vendor: undefined, product: "Maker Card", serial: undefined });
  t.match(interfaces[1], { vendor: undefined, product: undefined });
  t.equal(describeInterface(interfaces[1]!), "/dev/hidraw1 (1050:0407)");
});

t.test("a kernel that has a device and no node of it, as in a container", async (t) => {
  const [one] = await list(t, [{ number: 0, descriptor: FIDO_DESCRIPTOR, hasNode: false }]);
  t.equal(one?.access, "missing");
});

t.test("a descriptor that cannot be read is of no kind", async (t) => {
  const [one] = await list(t, [{ number: 0, descriptor: BROKEN_DESCRIPTOR }]);
  t.match(one, { kind: "other", usage: undefined });
});

t.test("a device that goes away meanwhile is left out, and so is what is no node", async (t) => {
  const root = temporaryDirectory(t);
  makeSysfs(root, CARD_AND_MOUSE);
  rmSync(join(root, "sys/devices/pci0000:00/usb1/1-2/1-2:1.1"), { recursive: true });
  mkdirSync(join(root, "sys/class/hidraw/hidrawX"));
  t.same((await listHidInterfaces({ root })).map(({ path }) => path), ["/dev/hidraw0", "/dev/hidraw2", "/dev/hidraw10"]);
});

t.test("a machine without HID devices", async (t) => {
  t.same(await listHidInterfaces({ root: temporaryDirectory(t) }), []);
});

t.test("rights to a real file", async (t) => {
  const root = temporaryDirectory(t);
  makeSysfs(root, [{ number: 0, descriptor: FIDO_DESCRIPTOR }]);
  t.equal((await listHidInterfaces({ root }))[0]?.access, "granted");
  const node = join(root, "dev/hidraw0");
  unlinkSync(node);
  symlinkSync(node, node);
  t.notOk(existsSync(node), "what cannot be followed is no node");
  t.equal((await listHidInterfaces({ root }))[0]?.access, "missing");
});

t.test("cards with a vendor interface alone", async (t) => {
  const interfaces = await list(t, [{ number: 0, descriptor: VENDOR_DESCRIPTOR }, ...CARD_AND_MOUSE.slice(3)]);
  t.same(interfacesOfCards(interfaces), []);
  t.same(loneVendorInterfaces(interfaces).map(({ path }) => path), ["/dev/hidraw0"]);
});

t.test("a card is remembered by vendor, product and serial number", (t) => {
  const card = { vendorId: 1, productId: 2, serial: "3" };
  t.ok(isSameCard(card, { ...card }));
  for (const other of [{ vendorId: 9 }, { productId: 9 }, { serial: "9" }, { serial: undefined }]) t.notOk(isSameCard(card, { ...card, ...other }));
  t.end();
});

t.test("an interface by its path", async (t) => {
  const interfaces = await list(t, CARD_AND_MOUSE);
  t.equal(findInterface("/dev/hidraw10", interfaces).kind, "vendor");
  t.equal(errorCode(() => findInterface("/dev/hidraw11", interfaces)), "CTAP_NO_DEVICE");
  const hint = (interfaces: readonly HidInterface[]): unknown => t.throws(() => findInterface("/dev/hidraw11", interfaces));
  t.match(hint(interfaces), { hint: "node numbers change when a card is plugged in again; there is now /dev/hidraw1 (1050:0407 Yubico YubiKey OTP+FIDO)" });
  t.match(hint([]), { hint: /plug the card in/ });
  t.equal(errorCode(() => findInterface("/elsewhere/hidraw10", interfaces)), "CTAP_NO_DEVICE", "the name alone is not enough");
  const link = join(temporaryDirectory(t), "card");
  symlinkSync("/dev/null", link);
  t.equal(findInterface(link, [{ ...interfaces[0]!, path: "/dev/null" }]).path, "/dev/null", "through a link");
});
