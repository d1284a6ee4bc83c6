import { hex4, interfacesOfCards, listHidInterfaces, type HidInterface } from "../../lib/ctap/hid-interfaces.ts";
import { noDevice } from "../../lib/ctap/open.ts";
import { udevCommands, udevRule } from "../../lib/ctap/udev-rule.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { reportPartial } from "../partial.ts";
import { EXIT_OK } from "../report.ts";

/** keyhole ctap list */
export async function list(args: Arguments): Promise<number> {
  const all = await listHidInterfaces();
  const interfaces = interfacesOfCards(all);
  if (interfaces.length === 0) return reportPartial(args, { devices: [] }, noDevice(all));
  if (args.flag("json")) writeJson({ devices: interfaces.map(interfaceToJson) });
  else writeResult(describeInterfaces(interfaces));
  return EXIT_OK;
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
