import { hex4, type HidInterface } from "./hid-interfaces.ts";

/**
 * The udev rule that lets the person at the machine, and the group plugdev,
 * open a card. It belongs into a file named 70-….rules, that is after systemd's
 * 60-fido-id.rules and before 73-seat-late.rules.
 *
 * A device of uhid or Bluetooth has no USB device above it, so it is matched by
 * the name that the kernel gives it, as 0003:1050:0407.0001.
 */
export function udevRule({ vendorId, productId, bus, isUsb }: Pick<HidInterface, "vendorId" | "productId" | "bus" | "isUsb">): string {
  const which = isUsb
    ? `ATTRS{idVendor}=="${hex4(vendorId)}", ATTRS{idProduct}=="${hex4(productId)}"`
    : `KERNELS=="${[bus, vendorId, productId].map(hex4).join(":").toUpperCase()}.*"`;
  return `KERNEL=="hidraw*", SUBSYSTEM=="hidraw", ${which}, TAG+="uaccess", GROUP="plugdev", MODE="0660"`;
}

/** What a person pastes into a terminal to have the rule. */
export function udevCommands(rules: readonly string[]): string {
  return [
    "sudo tee /etc/udev/rules.d/70-security-key.rules <<'EOF'",
    ...rules,
    "EOF",
    "sudo udevadm control --reload",
    "sudo udevadm trigger --subsystem-match=hidraw",
  ].join("\n");
}
