import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

// Directories that look like /sys and /dev of a Linux with HID devices.

/** Source: CTAP 2.1 §11.2.8.2. */
export const FIDO_DESCRIPTOR = "06d0f10901a1010920150026ff00750895408102092115" + "0026ff00750895409102c0";
export const VENDOR_DESCRIPTOR = "0600ff0901a1010920150026ff00750895408102c0";
/** Beginning and end of that of a keyboard. */
export const KEYBOARD_DESCRIPTOR = "05010906a101050719e029e7150025017501950881" + "02c0";
export const BROKEN_DESCRIPTOR = "06d0";

export interface FakeNode {
  readonly number: number;
  /** In hexadecimal. */
  readonly descriptor: string;
  readonly vendorId?: string;
  readonly productId?: string;
  readonly name?: string;
  readonly serial?: string;
  /** The USB device it belongs to; without one, it is of uhid. */
  readonly usb?: { readonly port: string; readonly manufacturer?: string; readonly product?: string };
  /** Whether there is a node; yes unless said. */
  readonly hasNode?: boolean;
}

/** Makes nodes below a directory, to be the root of an enumeration. */
export function makeSysfs(root: string, nodes: readonly FakeNode[]): void {
  for (const node of nodes) makeNode(root, node);
}

function makeNode(root: string, { number, descriptor, vendorId = "1050", productId = "0407", name = "", serial = "", usb, hasNode = true }: FakeNode): void {
  const hid = `0003:${vendorId}:${productId}.${number.toString(16).padStart(4, "0")}`.toUpperCase();
  const device = usb === undefined ? join(root, "sys/devices/virtual/misc/uhid", hid) : join(root, "sys/devices/pci0000:00/usb1", usb.port, `${usb.port}:1.${number}`, hid);
  write(join(device, "report_descriptor"), Buffer.from(descriptor, "hex"));
  write(join(device, "uevent"), `DRIVER=hid-generic\nHID_ID=0003:0000${vendorId.toUpperCase()}:0000${productId.toUpperCase()}\nHID_NAME=${name}\nHID_PHYS=\nHID_UNIQ=${serial}\nMODALIAS=hid:b0003g0001v00001050p00000407\n`);
  if (usb !== undefined) {
    const directory = dirname(dirname(device));
    write(join(directory, "idVendor"), `${vendorId}\n`);
    if (usb.manufacturer !== undefined) write(join(directory, "manufacturer"), `${usb.manufacturer}\n`);
    if (usb.product !== undefined) write(join(directory, "product"), `${usb.product}\n`);
  }
  const of = join(root, "sys/class/hidraw", `hidraw${number}`);
  mkdirSync(of, { recursive: true });
  symlinkSync(device, join(of, "device"));
  if (hasNode) write(join(root, "dev", `hidraw${number}`), "");
}

function write(path: string, contents: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}

/** A card with a FIDO and a vendor interface and a keyboard, and a mouse of another maker. */
export const CARD_AND_MOUSE: readonly FakeNode[] = [
  { number: 0, descriptor: KEYBOARD_DESCRIPTOR, name: "Yubico YubiKey", serial: "0123", usb: { port: "1-2", manufacturer: "Yubico", product: "YubiKey OTP+FIDO" } },
  { number: 1, descriptor: FIDO_DESCRIPTOR, name: "Yubico YubiKey", serial: "0123", usb: { port: "1-2" } },
  { number: 10, descriptor: VENDOR_DESCRIPTOR, name: "Yubico YubiKey", serial: "0123", usb: { port: "1-2" } },
  { number: 2, descriptor: KEYBOARD_DESCRIPTOR, vendorId: "046d", productId: "c077", name: "Logitech USB Mouse", usb: { port: "1-3", manufacturer: "Logitech", product: "USB Mouse" } },
];
