import { randomBytes } from "node:crypto";
import { close, existsSync, openSync, read, readdirSync, readFileSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { parseHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { describeSystemError, systemErrorCode } from "../../files.ts";
import { REPORT_LENGTH } from "../packet.ts";
import type { Door } from "./door.ts";
import { encodeCreate, encodeDestroy, encodeInput, encodeRefusal, EVENT_LENGTH, parseEvent, type HidIdentity } from "./uhid-event.ts";

const UHID_PATH = "/dev/uhid";
const HID_DEVICES = "/sys/bus/hid/devices";

/**
 * Usage page 0xF1D0, usage 1: reports of 64 bytes in and out, without report
 * numbers. Source: CTAP 2.1 §11.2.8.1.
 */
export const FIDO_REPORT_DESCRIPTOR = descriptor("06d0f10901a1010920150026ff007508954081020921150026ff00750895409102c0");

/** How long the kernel may take to make a node. */
const NODE_TIMEOUT_MS = 10_000;
const NODE_POLL_MS = 10;

/**
 * Reports handed over at once, and the rest that follows: the kernel keeps 64
 * for a program that has not yet read them and drops what comes then. A real
 * key is slower still.
 */
const BURST = 16;
const BURST_REST_MS = 10;

export interface UhidOptions {
  readonly identity: HidIdentity;
  /** Another one than that of a FIDO interface. */
  readonly reportDescriptor?: Uint8Array;
  /** Another file than /dev/uhid, for tests. */
  readonly path?: string;
}

/** A door that the kernel can shut, say when its driver lets go of the device. */
export interface UhidDoor extends Door {
  /** Called once, where that happens without `close`; the node is gone then. */
  onFailure: (error: unknown) => void;
}

/**
 * Makes a HID device of this process, with a `/dev/hidraw` node that every
 * program can use as that of a key on USB. Linux alone; as root, unless a rule
 * of udev opens /dev/uhid to others.
 *
 * @returns once the node is there; `name` is `hidraw:/dev/hidrawN`
 * @throws {CtapError} CTAP_UHID; {RangeError} where the identity is longer than the kernel takes
 */
export async function openUhid({ identity, reportDescriptor = FIDO_REPORT_DESCRIPTOR, path = UHID_PATH }: UhidOptions): Promise<UhidDoor> {
  const phys = `keyhole/${randomBytes(8).toString("hex")}`;
  const create = encodeCreate(identity, phys, reportDescriptor);
  const fd = openDevice(path);
  try {
    writeSync(fd, create);
    return new NodeDoor(fd, `hidraw:${await findNode(phys)}`);
  } catch (cause) {
    await closeFile(fd);
    if (cause instanceof CtapError) throw cause;
    throw new CtapError("CTAP_UHID", `${path} makes no device: ${describeSystemError(cause)}`, { kind: "outside", cause });
  }
}

class NodeDoor implements UhidDoor {
  readonly name: string;
  onReport: (report: Uint8Array) => void = () => undefined;
  onFailure: (error: unknown) => void = () => undefined;
  readonly #fd: number;
  readonly #outgoing: Uint8Array[] = [];
  readonly #end: Promise<void>;
  #credit = BURST;
  #rest: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.name = name;
    this.#end = this.#receive();
  }

  send(report: Uint8Array): void {
    this.#outgoing.push(report);
    this.#flush();
  }

  /**
   * Reading blocks a thread, for which the end of the process would wait; the
   * kernel ends it by the STOP that answers DESTROY.
   */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true;
      clearTimeout(this.#rest);
      writeSync(this.#fd, encodeDestroy());
    }
    await this.#end;
  }

  async #receive(): Promise<void> {
    try {
      await this.#readToStop();
      if (!this.#isClosed) throw new CtapError("CTAP_UHID", `the kernel let go of ${this.name}`, { kind: "outside" });
    } catch (error) {
      if (!this.#isClosed) this.onFailure(error);
    } finally {
      this.#isClosed = true;
      clearTimeout(this.#rest);
      await closeFile(this.#fd);
    }
  }

  async #readToStop(): Promise<void> {
    const buffer = new Uint8Array(EVENT_LENGTH);
    for (;;) {
      const { bytesRead } = await readFile(this.#fd, buffer, 0, buffer.length, null);
      const event = parseEvent(buffer.subarray(0, bytesRead));
      if (event.type === "stop") return;
      if (event.type === "get-report" || event.type === "set-report") writeSync(this.#fd, encodeRefusal(event));
      if (event.type === "output") this.#deliver(event.data);
    }
  }

  /**
   * Programs write a report number, which is 0, before the report. One that
   * leaves it out is understood as USB would: only a leading 00 is taken away.
   * What then has not the length of a report is not one.
   */
  #deliver(data: Uint8Array): void {
    const report = data[0] === 0 ? data.slice(1) : data;
    if (report.length === REPORT_LENGTH && !this.#isClosed) this.onReport(report);
  }

  #flush(): void {
    if (this.#isClosed) return;
    for (; this.#credit > 0; this.#credit--) {
      const report = this.#outgoing.shift();
      if (report === undefined) break;
      writeSync(this.#fd, encodeInput(report));
    }
    this.#rest ??= setTimeout(() => {
      this.#rest = undefined;
      this.#credit = BURST;
      if (this.#outgoing.length > 0) this.#flush();
    }, BURST_REST_MS);
  }
}

const readFile = promisify(read);
const closeFile = promisify(close);

function openDevice(path: string): number {
  try {
    return openSync(path, "r+");
  } catch (cause) {
    const hint = hintFor(systemErrorCode(cause));
    throw new CtapError("CTAP_UHID", `${path} cannot be opened: ${describeSystemError(cause)}`, { kind: "outside", hint, cause });
  }
}

function hintFor(code: string | undefined): string {
  if (process.platform !== "linux") return "this is for Linux alone; --udp works everywhere";
  if (code === "EACCES" || code === "EPERM") return `run it as root, or let udev open it to you: KERNEL=="uhid", TAG+="uaccess"`;
  return "load the kernel's module: sudo modprobe uhid";
}

/**
 * Waits for the node of a device that was just made. Nothing is read from
 * /dev/uhid before: without a driver there would be no STOP to end that.
 *
 * @returns its path
 */
async function findNode(phys: string): Promise<string> {
  for (const end = performance.now() + NODE_TIMEOUT_MS; performance.now() < end; ) {
    const path = nodeOf(phys);
    if (path !== undefined) return path;
    await delay(NODE_POLL_MS);
  }
  throw new CtapError("CTAP_UHID", `the kernel made no /dev/hidraw node within ${NODE_TIMEOUT_MS / 1000} s`, { kind: "outside", hint: "load the kernel's module: sudo modprobe hid-generic" });
}

function nodeOf(phys: string): string | undefined {
  for (const device of readdirSync(HID_DEVICES)) {
    const directory = `${HID_DEVICES}/${device}`;
    if (!readText(`${directory}/uevent`).split("\n").includes(`HID_PHYS=${phys}`)) continue;
    if (!existsSync(`${directory}/hidraw`)) return undefined;
    return readdirSync(`${directory}/hidraw`)
      .map((name) => `/dev/${name}`)
      .find((path) => existsSync(path));
  }
  return undefined;
}

/** @returns nothing where a device has gone meanwhile */
function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function descriptor(hex: string): Uint8Array {
  return parseHex(hex) ?? new Uint8Array();
}
