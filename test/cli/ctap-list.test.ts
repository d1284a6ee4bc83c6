import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { chooseInterfaces, describeInterfaces } from "../../src/commands/ctap/list.ts";
import { interfacesOfCards, listHidInterfaces } from "../../src/lib/ctap/hid-interfaces.ts";
import { checkFailure, keyhole, temporaryDirectory } from "../support/keyhole.ts";
import { CARD_AND_MOUSE, FIDO_DESCRIPTOR, makeSysfs, VENDOR_DESCRIPTOR } from "../support/sysfs.ts";

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
  checkFailure(t, keyhole(["ctap", "list", "--timeout", "3"]), 2, /--timeout/);
  for (const device of ["virtual:", "udp:127.0.0.1:8111", "tcp:localhost:35962"]) checkFailure(t, keyhole(["ctap", "list", "--device", device]), 2, /^error: device ".*" is no HID node, and ctap list shows nothing else$/, device);
  checkFailure(t, keyhole(["ctap", "list", "--device", "usb:1"]), 2, /names no known kind of device$/);
  t.end();
});

t.test("one device", async (t) => {
  const missing = keyhole(["ctap", "list", "--device", "/dev/hidraw99", "--json"]);
  t.equal(missing.status, 3);
  t.match(JSON.parse(missing.stdout), { devices: [], error: { code: "CTAP_NO_DEVICE", message: "/dev/hidraw99 is not a HID device of this machine" } });
  if (!hasHidDevices) checkFailure(t, keyhole(["ctap", "list"], { env: { KEYHOLE_DEVICE: "virtual:" } }), 3, /^error: No CTAP HID devices found\.$/, "the environment chooses none");

  const root = temporaryDirectory(t);
  makeSysfs(root, [...CARD_AND_MOUSE, { number: 11, descriptor: FIDO_DESCRIPTOR, vendorId: "1209", productId: "beee" }, { number: 12, descriptor: VENDOR_DESCRIPTOR, vendorId: "1209", productId: "beef" }]);
  const all = await listHidInterfaces({ root });
  const pathsOf = (path?: string): readonly string[] => chooseInterfaces(all, path).map((one) => one.path);
  const yubikey = ["/dev/hidraw0", "/dev/hidraw1", "/dev/hidraw10"];
  t.same(pathsOf(), [...yubikey, "/dev/hidraw11"]);
  for (const path of yubikey) t.same(pathsOf(path), yubikey, `all interfaces of the card, named by ${path}`);
  t.same(pathsOf("/dev/hidraw11"), ["/dev/hidraw11"]);
  t.throws(() => pathsOf("/dev/hidraw2"), { code: "CTAP_NO_DEVICE" }, "a mouse");
  t.throws(() => pathsOf("/dev/hidraw12"), { code: "CTAP_NO_DEVICE", hint: /^\/dev\/hidraw12 .* is a vendor interface/ });
});

t.test("a trace, which holds no conversation", (t) => {
  const cwd = temporaryDirectory(t);
  const { status } = keyhole(["ctap", "list", "--trace", "trace"], { cwd });
  t.equal(status, keyhole(["ctap", "list"]).status);
  t.match(keyhole(["ctap", "trace", "show", "trace"], { cwd }), { status: 0, stdout: /^ +0\.\d{6} opened HID interfaces at .*\n +0\.\d{6} closed\n$/, stderr: "" });
  t.match(keyhole(["ctap", "trace", "redact", "trace"], { cwd }), { status: 0, stdout: /^\{.*"event":"open","trace":1.*\}\n\{.*"event":"close"\}\n$/, stderr: "" });
  checkFailure(t, keyhole(["ctap", "list", "--trace", "trace"], { cwd }), 3, /^error: trace exists/);
  checkFailure(t, keyhole(["ctap", "list", "--trace", "none", "--device", "virtual:"], { cwd }), 2, /no HID node/);
  t.notOk(existsSync(join(cwd, "none")), "nothing is written where the command line is wrong");
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
