import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { CtapError } from "../errors.ts";
import { loadNodeHid } from "./transport/node-hid.ts";
import { isFidoUsage, isVendorUsage, parseReportDescriptor, type Usage } from "./report-descriptor.ts";

/**
 * What stays of a card when it is plugged in again, or gets another node. Two
 * cards without a serial number cannot be told apart by it.
 */
export interface CardIdentity {
  readonly vendorId: number;
  readonly productId: number;
  readonly serial: string | undefined;
}

/** One of the things a HID device is at once: for Linux, a hidraw node. */
export interface HidInterface extends CardIdentity {
  /** `/dev/hidraw0`. */
  readonly path: string;
  /** Names as the device gives them; they can hold anything. */
  readonly vendor: string | undefined;
  readonly product: string | undefined;
  /** As Linux numbers it: 3 USB, 5 Bluetooth. */
  readonly bus: number;
  /** Whether a USB device stands behind it; not so for uhid. */
  readonly isUsb: boolean;
  /** Of its collections, the FIDO one where there is one, otherwise the first. */
  readonly usage: Usage | undefined;
  /** `vendor`: not FIDO, with a usage page from 0xFF00. */
  readonly kind: "fido" | "vendor" | "other";
  /** Whether this user may read and write it; `missing`: there is no such node. */
  readonly access: "granted" | "denied" | "missing";
}

export interface Enumeration {
  /** Before /sys and /dev. */
  readonly root?: string;
  /** Whether this user may read and write a file that is there. */
  readonly mayOpen?: (path: string) => boolean;
}

/** @returns all HID interfaces of this machine, in the order of their nodes */
export async function listHidInterfaces(options: Enumeration = {}): Promise<readonly HidInterface[]> {
  return process.platform === "linux" ? readHidraw(options) : await readNodeHid();
}

/** @returns the interfaces that are FIDO, and the others of the same cards */
export function interfacesOfCards(interfaces: readonly HidInterface[]): readonly HidInterface[] {
  return interfaces.filter((one) => interfaces.some((other) => other.kind === "fido" && isSameCard(one, other)));
}

/** @returns vendor interfaces of devices that are nothing else, as cards are of which the FIDO interface is held back */
export function loneVendorInterfaces(interfaces: readonly HidInterface[]): readonly HidInterface[] {
  return interfaces.filter((one) => interfaces.every((other) => !isSameCard(one, other) || other.kind === "vendor"));
}

export function isSameCard(a: CardIdentity, b: CardIdentity): boolean {
  return a.vendorId === b.vendorId && a.productId === b.productId && a.serial === b.serial;
}

/** `1050:0407`, as lsusb writes it. */
export function formatIds({ vendorId, productId }: CardIdentity): string {
  return `${hex4(vendorId)}:${hex4(productId)}`;
}

/** `/dev/hidraw0 (1050:0407 Yubico YubiKey)`. */
export function describeInterface(one: HidInterface): string {
  const words = [formatIds(one), one.vendor, one.product].filter((word) => word !== undefined);
  return `${one.path} (${words.join(" ")})`;
}

export function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}

/** Names of nodes are the kernel's: `hidraw` and a number. */
function readHidraw({ root = "/", mayOpen = mayReadAndWrite }: Enumeration): readonly HidInterface[] {
  const directory = join(root, "sys/class/hidraw");
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const numbers = names.flatMap((name) => /^hidraw([0-9]+)$/.exec(name)?.[1] ?? []).map(Number);
  return numbers
    .sort((a, b) => a - b)
    .flatMap((number) => {
      const name = `hidraw${number}`;
      const found = readNode(join(directory, name, "device"));
      if (found === undefined) return [];
      const node = join(root, "dev", name);
      const access = !existsSync(node) ? "missing" : mayOpen(node) ? "granted" : "denied";
      return [{ ...found, path: `/dev/${name}`, access }];
    });
}

/** @returns nothing where the device has gone meanwhile */
function readNode(device: string): Omit<HidInterface, "path" | "access"> | undefined {
  let uevent;
  let descriptor;
  let usb;
  try {
    uevent = parseUevent(readFileSync(join(device, "uevent"), "utf8"));
    descriptor = readFileSync(join(device, "report_descriptor"));
    // HID device, USB interface, USB device.
    usb = dirname(dirname(realpathSync(device)));
  } catch {
    return undefined;
  }
  const [, bus = "0", vendorId = "0", productId = "0"] = /^([0-9A-F]{4}):([0-9A-F]{8}):([0-9A-F]{8})$/i.exec(uevent.get("HID_ID") ?? "") ?? [];
  const isUsb = existsSync(join(usb, "idVendor"));
  return {
    vendorId: Number.parseInt(vendorId, 16),
    productId: Number.parseInt(productId, 16),
    serial: uevent.get("HID_UNIQ"),
    vendor: isUsb ? readName(join(usb, "manufacturer")) : undefined,
    product: (isUsb ? readName(join(usb, "product")) : undefined) ?? uevent.get("HID_NAME"),
    bus: Number.parseInt(bus, 16),
    isUsb,
    ...usageAndKind(parseReportDescriptor(descriptor)),
  };
}

/** Lines of NAME=VALUE; those without a value are left out. */
function parseUevent(text: string): ReadonlyMap<string, string> {
  return new Map(text.split("\n").flatMap((line) => {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  }));
}

function readName(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}

function mayReadAndWrite(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function usageAndKind(usages: readonly Usage[]): Pick<HidInterface, "usage" | "kind"> {
  const fido = usages.find(isFidoUsage);
  if (fido !== undefined) return { usage: fido, kind: "fido" };
  const [usage] = usages;
  return { usage, kind: usage !== undefined && isVendorUsage(usage) ? "vendor" : "other" };
}

/** Other systems than Linux; whether a node may be opened they tell only when it is. */
async function readNodeHid(): Promise<readonly HidInterface[]> {
  const { devicesAsync } = await loadNodeHid();
  return (await devicesAsync()).flatMap(({ path, vendorId, productId, serialNumber, manufacturer, product, usagePage, usage }) => {
    if (path === undefined) return [];
    const usages = usagePage === undefined ? [] : [{ page: usagePage, id: usage ?? 0 }];
    return [{ path, vendorId, productId, serial: serialNumber, vendor: manufacturer, product, bus: 3, isUsb: true, ...usageAndKind(usages), access: "granted" as const }];
  });
}

/**
 * The interface that a path names, by itself or through a link.
 *
 * @throws {CtapError} CTAP_NO_DEVICE
 */
export function findInterface(path: string, interfaces: readonly HidInterface[]): HidInterface {
  const target = realPath(path);
  const found = interfaces.find((one) => one.path === path || one.path === target);
  if (found !== undefined) return found;
  const cards = interfaces.filter(({ kind }) => kind === "fido");
  throw new CtapError("CTAP_NO_DEVICE", `${path} is not a HID device of this machine`, {
    kind: "outside",
    hint: cards.length === 0 ? "plug the card in; keyhole ctap list shows what is there" : `node numbers change when a card is plugged in again; there is now ${cards.map(describeInterface).join(", ")}`,
  });
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
