import { setTimeout as delay } from "node:timers/promises";
import { copyBytes } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { describeInterface, isSameCard, listHidInterfaces, type HidInterface } from "../hid-interfaces.ts";
import { REPORT_LENGTH } from "../packet.ts";
import { udevRule } from "../udev-rule.ts";
import { loadNodeHid } from "./node-hid.ts";
import { ReportQueue } from "./report-queue.ts";
import type { Transport } from "./transport.ts";
import { within } from "./within.ts";

const OPEN_TIMEOUT_MS = 2000;
const SEND_TIMEOUT_MS = 1000;
const CLOSE_TIMEOUT_MS = 500;

/**
 * USB takes a report when it can. uhid keeps 31 that have not been read yet and
 * silently drops what comes then, so the program behind it is given time.
 */
const BURST = 16;
const BURST_REST_MS = 50;

/** An open HID node, as node-hid has it; its reads wait 50 ms at most, on a thread of their own. */
export interface HidNode {
  on(event: "data", listener: (report: Uint8Array) => void): unknown;
  /** What was wrong is an Error or its text. */
  on(event: "error", listener: (error: unknown) => void): unknown;
  write(report: Buffer): Promise<number>;
  close(): Promise<void>;
}

/** What stands between this file and the machine, for tests. */
export interface HidAccess {
  readonly open?: (path: string) => Promise<HidNode>;
  readonly list?: () => Promise<readonly HidInterface[]>;
}

/**
 * A card behind a HID node. Every program that has the node open gets every
 * report that the card sends.
 *
 * @throws {CtapError} CTAP_VENDOR_INTERFACE, CTAP_PERMISSION, CTAP_NODE_MISSING, CTAP_HID_LIBRARY, CTAP_DEVICE_LOST;
 *   nothing has been sent then
 */
export async function openHidraw(one: HidInterface, { open, list = listHidInterfaces }: HidAccess = {}): Promise<Transport> {
  if (one.kind !== "fido") checkKind(one, await list());
  checkAccess(one);
  const openNode = open ?? (await loadOpener());
  let node;
  try {
    node = await within(openNode(one.path), OPEN_TIMEOUT_MS, () => new Error(`it does not open within ${OPEN_TIMEOUT_MS / 1000} s`));
  } catch (error) {
    // The rights may be there and yet a container or security module refuses.
    if (/permission denied|not permitted/i.test(textOf(error))) throw permissionDenied(one);
    throw await lost(one, textOf(error), list);
  }
  return new HidrawTransport(one, node, list);
}

/** Loading native code blocks, so its time is not that of the card. */
async function loadOpener(): Promise<(path: string) => Promise<HidNode>> {
  const { HIDAsync } = await loadNodeHid();
  return (path) => HIDAsync.open(path);
}

class HidrawTransport implements Transport {
  readonly name: string;
  readonly #interface: HidInterface;
  readonly #node: HidNode;
  readonly #list: () => Promise<readonly HidInterface[]>;
  readonly #queue = new ReportQueue();
  #isClosed = false;
  /** Reports sent since the card was last heard, or given a rest. */
  #burst = 0;

  constructor(one: HidInterface, node: HidNode, list: () => Promise<readonly HidInterface[]>) {
    this.name = `hidraw:${one.path}`;
    this.#interface = one;
    this.#node = node;
    this.#list = list;
    node.on("data", (report) => {
      this.#burst = 0;
      this.#queue.push(copyBytes(report));
    });
    node.on("error", (error) => void lost(one, textOf(error), list).then((error) => this.#queue.fail(error)));
  }

  async send(report: Uint8Array): Promise<void> {
    if (!this.#interface.isUsb && this.#burst++ === BURST) {
      this.#burst = 1;
      await delay(BURST_REST_MS);
    }
    // The report number, 0 for none. Without it, Linux would take a first byte of 00 for it.
    const numbered = Buffer.alloc(1 + REPORT_LENGTH);
    numbered.set(report, 1);
    try {
      await within(this.#node.write(numbered), SEND_TIMEOUT_MS, () => new Error(`it takes no report within ${SEND_TIMEOUT_MS / 1000} s`));
    } catch (error) {
      throw await lost(this.#interface, textOf(error), this.#list);
    }
  }

  receive(signal: AbortSignal): Promise<Uint8Array> {
    return this.#queue.take(signal);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.fail(new CtapError("CTAP_DEVICE_LOST", `${this.name} is closed`, { kind: "outside" }));
    await within(this.#node.close(), CLOSE_TIMEOUT_MS, () => new Error("late")).catch(() => undefined);
  }
}

/**
 * CTAP is never spoken to an interface that did not announce it: nobody knows
 * what it would do there.
 *
 * @param interfaces - all there are, to point to the right one
 * @throws {CtapError} CTAP_VENDOR_INTERFACE
 */
export function checkKind(one: HidInterface, interfaces: readonly HidInterface[]): void {
  if (one.kind === "fido") return;
  const fido = interfaces.filter((other) => other.kind === "fido" && isSameCard(one, other));
  const what = one.kind === "vendor" ? "is a vendor interface, not FIDO" : "is no security key";
  throw new CtapError("CTAP_VENDOR_INTERFACE", `${describeInterface(one)} ${what}; nothing was sent to it`, {
    kind: "outside",
    hint: fido.length === 0 ? "keyhole ctap list shows the interfaces of security keys" : `the FIDO interface of the same card is ${fido.map(({ path }) => path).join(", ")}`,
  });
}

/** @throws {CtapError} CTAP_PERMISSION, CTAP_NODE_MISSING */
export function checkAccess(one: HidInterface): void {
  if (one.access === "denied") throw permissionDenied(one);
  if (one.access === "missing") {
    throw new CtapError("CTAP_NODE_MISSING", `the kernel has ${describeInterface(one)}, but there is no such node here`, { kind: "outside", hint: "pass the node into the container, or look whether udev runs" });
  }
}

function permissionDenied(one: HidInterface): CtapError {
  return new CtapError("CTAP_PERMISSION", `${describeInterface(one)} may not be opened by this user`, {
    kind: "outside",
    hint: `as root, put this line into /etc/udev/rules.d/70-security-key.rules, then plug the card in again: ${udevRule(one)}`,
  });
}

/** Says where the card is now, if it came back under another node. */
async function lost(one: HidInterface, why: string, list: () => Promise<readonly HidInterface[]>): Promise<CtapError> {
  const interfaces = await list().catch(() => []);
  const back = interfaces.find((other) => other.kind === "fido" && other.path !== one.path && isSameCard(one, other));
  return new CtapError("CTAP_DEVICE_LOST", `${describeInterface(one)} is gone: ${why}`, {
    kind: "outside",
    hint: back === undefined ? "plug the card in again" : `the same card is back as ${back.path}; run it again`,
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
