import { parseDeviceUri } from "../../lib/ctap/device-uri.ts";
import { findInterface, hex4, interfacesOfCards, isSameCard, listHidInterfaces, type HidInterface } from "../../lib/ctap/hid-interfaces.ts";
import { noDevice } from "../../lib/ctap/open.ts";
import { udevCommands, udevRule } from "../../lib/ctap/udev-rule.ts";
import { CtapError, UsageError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { reportPartial } from "../partial.ts";
import { EXIT_OK } from "../report.ts";

/** keyhole ctap list */
export async function list(args: Arguments): Promise<number> {
  const path = pathOption(args);
  if (args.optional("trace") !== undefined) {
    const { writeEmptyTrace } = await import("./trace-file.ts");
    writeEmptyTrace(args, path ?? "HID interfaces");
  }
  const all = await listHidInterfaces();
  try {
    const interfaces = chooseInterfaces(all, path);
    if (args.flag("json")) writeJson({ devices: interfaces.map(interfaceToJson) });
    else writeResult(describeInterfaces(interfaces));
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CtapError) return reportPartial(args, { devices: [] }, error);
    throw error;
  }
}

/** @throws {UsageError} USAGE_DEVICE where `--device` is no HID node */
function pathOption(args: Arguments): string | undefined {
  const uri = args.optional("device");
  if (uri === undefined) return undefined;
  const device = parseDeviceUri(uri);
  if (device.scheme === "hidraw") return device.path;
  throw new UsageError("USAGE_DEVICE", `device ${JSON.stringify(uri)} is no HID node, and ctap list shows nothing else`, { hint: `keyhole ctap probe --device ${uri} says whether a card answers there` });
}

/**
 * The interfaces of all cards.
 *
 * @param path - of one interface of a card, to have those of this card alone
 * @throws {CtapError} CTAP_NO_DEVICE where there is none
 */
export function chooseInterfaces(all: readonly HidInterface[], path?: string): readonly HidInterface[] {
  const named = path === undefined ? undefined : findInterface(path, all);
  const wanted = named === undefined ? all : all.filter((one) => isSameCard(one, named));
  const interfaces = interfacesOfCards(wanted);
  if (interfaces.length === 0) throw noDevice(wanted);
  return interfaces;
}

/** One line for each interface, and what would help with those that may not be opened. */
export function describeInterfaces(interfaces: readonly HidInterface[]): string {
  const lines = interfaces.map(describe);
  const denied = interfaces.filter(isDeniedCard);
  if (denied.length === 0) return `${lines.join("\n")}\n`;
  const rules = [...new Set(denied.map(udevRule))];
  return `${lines.join("\n")}\n\nthis user may not open ${denied.map(({ path }) => path).join(", ")}; to change that:\n\n${udevCommands(rules)}\n`;
}

function describe(one: HidInterface): string {
  const usage = one.usage === undefined ? "no usage page" : `usage page ${hex4(one.usage.page)}`;
  const names = [one.vendor, one.product].filter((name) => name !== undefined).map(escapeForTerminal);
  const serial = one.serial === undefined ? [] : [`serial ${escapeForTerminal(one.serial)}`];
  return [one.path.padEnd(13), KINDS[one.kind].padEnd(6), ACCESS[one.access].padEnd(7), usage, `${hex4(one.vendorId)}:${hex4(one.productId)}`, ...names, ...serial].join("  ");
}

const KINDS = { fido: "FIDO", vendor: "vendor", other: "other" } as const;

const ACCESS = { granted: "open", denied: "denied", missing: "no node" } as const;

/** Vendor interfaces are of no use to anybody here, so nobody is told how to open them. */
function isDeniedCard({ kind, access }: HidInterface): boolean {
  return kind === "fido" && access === "denied";
}

/** What `--json` shows of an interface. */
export function interfaceToJson(one: HidInterface): object {
  return {
    path: one.path,
    kind: one.kind,
    vendorId: hex4(one.vendorId),
    productId: hex4(one.productId),
    vendor: one.vendor,
    product: one.product,
    serial: one.serial,
    usagePage: one.usage === undefined ? undefined : hex4(one.usage.page),
    usage: one.usage === undefined ? undefined : hex4(one.usage.id),
    openable: one.access === "granted",
    access: one.access,
    udevRule: isDeniedCard(one) ? udevRule(one) : undefined,
  };
}
