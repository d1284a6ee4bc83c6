import t from "tap";
import { udevCommands, udevRule } from "../../../src/lib/ctap/udev-rule.ts";

t.test("a rule for a USB device names its vendor and product", (t) => {
  t.equal(udevRule({ vendorId: 0x1050, productId: 0x407, bus: 3, isUsb: true }), 'KERNEL=="hidraw*", SUBSYSTEM=="hidraw", ATTRS{idVendor}=="1050", ATTRS{idProduct}=="0407", TAG+="uaccess", GROUP="plugdev", MODE="0660"');
  t.end();
});

t.test("a rule for any other device names it as the kernel does", (t) => {
  t.match(udevRule({ vendorId: 0x1209, productId: 0xbeee, bus: 3, isUsb: false }), ' KERNELS=="0003:1209:BEEE.*", ');
  t.match(udevRule({ vendorId: 0x1209, productId: 0xbeee, bus: 5, isUsb: false }), ' KERNELS=="0005:1209:BEEE.*", ');
  t.end();
});

t.test("what is to be pasted", (t) => {
  t.equal(udevCommands(["one", "two"]), "sudo tee /etc/udev/rules.d/70-security-key.rules <<'EOF'\none\ntwo\nEOF\nsudo udevadm control --reload\nsudo udevadm trigger --subsystem-match=hidraw");
  t.end();
});
