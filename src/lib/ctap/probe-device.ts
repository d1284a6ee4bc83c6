import { setTimeout } from "node:timers/promises";
import { CtapError, KeyholeError } from "../errors.ts";
import { parseDeviceUri } from "./device-uri.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";
import { describeInterface, findInterface, isSameCard, listHidInterfaces, loneVendorInterfaces, type HidInterface } from "./hid-interfaces.ts";
import { onlyCard, openTransport } from "./open.ts";
import { diagnoseError, isDiagnosed } from "./probe-errors.ts";
import { PROBE_BOUNDS, StepRecord, type ProbeBounds } from "./probe-steps.ts";
import { probeTransport, type ProbeOptions, type ProbeReport } from "./probe.ts";
import type { HidAccess } from "./transport/hidraw.ts";
import type { Transport } from "./transport/transport.ts";

export interface DeviceProbeOptions extends ProbeOptions {
  /** Put around the transport, to record what passes. */
  readonly wrap?: ((transport: Transport) => Transport) | undefined;
  /** For tests. */
  readonly hid?: HidAccess | undefined;
}

export interface DeviceProbeReport extends ProbeReport {
  /** As `--device` takes it; nothing where no card was chosen. */
  readonly device: string | undefined;
  /** Nothing for a card that is no HID device of this machine. */
  readonly interface: HidInterface | undefined;
}

const BACK_POLL_MS = 100;

/**
 * Finds out whether a card can be used and, if not, why. Each step has a bound,
 * and all of them together end within 10 seconds.
 *
 * @param uri - as `parseDeviceUri` reads it; without one, the only FIDO interface of this machine
 * @throws {UsageError} USAGE_DEVICE; the reason of the signal; what has nothing to do with the card,
 *   as that a file cannot be read
 */
export function probeDevice(uri: string | undefined, options: DeviceProbeOptions = {}): Promise<DeviceProbeReport> {
  return new DeviceProbe(uri, options).run();
}

class DeviceProbe {
  readonly #uri: string | undefined;
  readonly #options: DeviceProbeOptions;
  readonly #bounds: ProbeBounds;
  readonly #record: StepRecord;
  readonly #list: () => Promise<readonly HidInterface[]>;
  #interfaces: readonly HidInterface[] = [];
  #interface: HidInterface | undefined;

  constructor(uri: string | undefined, options: DeviceProbeOptions) {
    this.#uri = uri;
    this.#options = options;
    this.#bounds = { ...PROBE_BOUNDS, ...options.bounds };
    this.#record = new StepRecord(this.#bounds.total);
    this.#list = options.hid?.list ?? listHidInterfaces;
  }

  async run(): Promise<DeviceProbeReport> {
    const report = await this.#probe();
    const device = this.#interface === undefined ? this.#uri : `hidraw:${this.#interface.path}`;
    return { ...report, device, interface: this.#interface };
  }

  async #probe(): Promise<ProbeReport> {
    const { signal, wrap = (transport: Transport) => transport } = this.#options;
    let transport: Transport;
    try {
      transport = await this.#open();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof KeyholeError) || !isDiagnosed(error)) throw error;
      return { steps: this.#record.steps, diagnosis: this.#diagnose(error), warnings: [], init: undefined, info: undefined };
    }
    const report = await probeTransport(wrap(transport), this.#options, this.#record);
    return report.diagnosis.code === "lost" ? { ...report, diagnosis: await this.#diagnoseLoss(report.diagnosis) } : report;
  }

  async #open(): Promise<Transport> {
    const device = this.#uri === undefined ? undefined : parseDeviceUri(this.#uri);
    if (device !== undefined && device.scheme !== "hidraw") {
      this.#record.skip("enumerate", "no HID device of this machine");
      this.#record.skip("permission", "no HID device of this machine");
      return this.#record.run("open", () => this.#openInTime(), describeTransport);
    }
    const { checkAccess, checkKind, openHidraw } = await import("./transport/hidraw.ts");
    const one = await this.#record.run("enumerate", async () => {
      this.#interfaces = await this.#list();
      this.#interface = device === undefined ? onlyCard(this.#interfaces) : findInterface(device.path, this.#interfaces);
      checkKind(this.#interface, this.#interfaces);
      return this.#interface;
    }, describeInterface);
    await this.#record.run("permission", () => checkAccess(one), () => "read and write");
    return this.#record.run("open", () => openHidraw(one, this.#options.hid), describeTransport);
  }

  async #openInTime(): Promise<Transport> {
    const boundMs = this.#record.bound(this.#bounds.open);
    const late = AbortSignal.timeout(boundMs);
    const { signal } = this.#options;
    try {
      return await openTransport(this.#uri, { signal: signal === undefined ? late : AbortSignal.any([late, signal]) });
    } catch (error) {
      if (!late.aborted) throw error;
      throw new CtapError("CTAP_UNREACHABLE", `${this.#uri ?? "card"} does not open within ${boundMs / 1000} s`, { kind: "outside", cause: error });
    }
  }

  #diagnose(error: KeyholeError): Diagnosis {
    const vendor = loneVendorInterfaces(this.#interfaces);
    if (this.#uri !== undefined || error.code !== "CTAP_NO_DEVICE" || vendor.length === 0) return diagnoseError("open", error);
    return diagnose("vendor-interface", vendor.map(describeInterface).join(", "), "if that is your card, its FIDO interface is switched off, or did not get into this machine");
  }

  /** A card that was plugged in again, or was reset, comes back in a moment, often under another node. */
  async #diagnoseLoss(loss: Diagnosis): Promise<Diagnosis> {
    const { signal } = this.#options;
    const one = this.#interface;
    const end = performance.now() + this.#record.bound(this.#bounds.back);
    while (one !== undefined && performance.now() < end) {
      const back = (await this.#list()).find((other) => other.kind === "fido" && isSameCard(one, other));
      if (back !== undefined) {
        const where = back.path === one.path ? "it is back under the same node" : `it is back as ${back.path}`;
        return diagnose("lost", where, `run this once more${back.path === one.path ? "" : `, without --device or with --device ${back.path}`}; if it happens again, look at plug, cable and hub`);
      }
      signal?.throwIfAborted();
      await setTimeout(BACK_POLL_MS);
    }
    return loss;
  }
}

function describeTransport({ name }: Transport): string {
  return name;
}
