import { existsSync, readdirSync } from "node:fs";
import t from "tap";
import { describeInterfaces } from "../../src/commands/ctap/list.ts";
import { interfacesOfCards, listHidInterfaces } from "../../src/lib/ctap/hid-interfaces.ts";
import { checkFailure, keyhole, temporaryDirectory } from "../support/keyhole.ts";
import { CARD_AND_MOUSE, FIDO_DESCRIPTOR, makeSysfs } from "../support/sysfs.ts";

const SYSFS = "/sys/class/hidraw";
const hasHidDevices = existsSync(SYSFS) && readdirSync(SYSFS).length > 0;

t.test("a machine without cards", (t) => {
  // The machines that run these tests have none; on one that has, its cards are listed.
  if (hasHidDevices) {
    t.ok([0, 3].includes(keyhole(["ctap", "list"]).status ?? -1));
    t.end();
    return;
  }
  checkFailure(t, keyhole(["ctap", "list"]), 3, /^error: No CTAP HID devices found\.$/);
  const { status, stdout, stderr } = keyhole(["ctap", "list", "--json"]);
  t.equal(status, 3);
  t.match(JSON.parse(stdout), { devices: [], error: { code: "CTAP_NO_DEVICE", message: "No CTAP HID devices found.", hint: String } });
  t.match(stderr, /^error: No CTAP HID devices found\.\nhint: [^\n]+\n$/);
  t.end();
});

t.test("words that it does not take", (t) => {
  checkFailure(t, keyhole(["ctap", "list", "virtual:"]), 2, /takes no further word/);
  checkFailure(t, keyhole(["ctap", "list", "--device", "virtual:"]), 2, /--device/);
  t.end();
});

t.test("what is shown of cards", async (t) => {
  const root = temporaryDirectory(t);
  makeSysfs(root, [...CARD_AND_MOUSE, { number: 11, descriptor: FIDO_DESCRIPTOR, vendorId: "1209", productId: "beee", name: "Bell \u0007 and \u001b[31mred", hasNode: false }]);
  const list = async (denied: readonly string[]): Promise<string> => {
    const interfaces = await listHidInterfaces({ root, mayOpen: (path) => !denied.some((name) => path.endsWith(name)) });
    return describeInterfaces(interfacesOfCards(interfaces));
  };
  const yubikey = "1050:0407  Yubico  YubiKey OTP+FIDO  serial 0123";
  const lines = [
    `/dev/hidraw0   other   open     usage page 0001  ${yubikey}`,
    `/dev/hidraw1   FIDO    open     usage page f1d0  ${yubikey}`,
    `/dev/hidraw10  vendor  open     usage page ff00  ${yubikey}`,
    "/dev/hidraw11  FIDO    no node  usage page f1d0  1209:beee  Bell \\x07 and \\x1b[31mred",
    "",
  ];
  t.equal(await list([]), lines.join("\n"), "not the mouse; nothing that a name does to the terminal");
  const denied = lines.map((line, i) => (i === 1 || i === 2 ? line.replace("open  ", "denied") : line));
  const help = [
    "this user may not open /dev/hidraw1; to change that:",
    "",
    "sudo tee /etc/udev/rules.d/70-security-key.rules <<'EOF'",
    'KERNEL=="hidraw*", SUBSYSTEM=="hidraw", ATTRS{idVendor}=="1050", ATTRS{idProduct}=="0407", TAG+="uaccess", GROUP="plugdev", MODE="0660"',
    "EOF",
    "sudo udevadm control --reload",
    "sudo udevadm trigger --subsystem-match=hidraw",
    "",
  ];
  t.equal(await list(["hidraw1", "hidraw10"]), [...denied, ...help].join("\n"), "the rule for the FIDO interface, not for the vendor's");
});
