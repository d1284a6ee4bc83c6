import type { Diagnosis } from "../../lib/ctap/diagnosis.ts";
import { hex4 } from "../../lib/ctap/hid-interfaces.ts";
import { probeDevice, type DeviceProbeReport } from "../../lib/ctap/probe-device.ts";
import type { ProbeStep } from "../../lib/ctap/probe-steps.ts";
import type { Transport } from "../../lib/ctap/transport/transport.ts";
import { escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { interruptible } from "../interruptible.ts";
import { writeJson, writeResult } from "../io.ts";

/** keyhole ctap probe */
export function probe(args: Arguments): Promise<number> {
  return interruptible(async (signal) => {
    const wrap = await tracer(args);
    const report = await probeDevice(args.optional("device"), { signal, lenient: args.flag("lenient"), ...wrap });
    if (args.flag("json")) writeJson(reportToJson(report));
    else writeResult(describeReport(report));
    return report.diagnosis.status;
  });
}

async function tracer(args: Arguments): Promise<{ readonly wrap?: (transport: Transport) => Transport }> {
  if (args.optional("trace") === undefined) return {};
  const { openTrace } = await import("./trace-file.ts");
  return { wrap: (transport) => openTrace(args, transport) };
}

/** A line for each step, then what is wrong and what to do. */
export function describeReport({ device, steps, diagnosis, warnings }: DeviceProbeReport): string {
  const lines = [...(device === undefined ? [] : [`device       ${device}`]), ...steps.map(describeStep), "", ...describeDiagnosis("diagnosis", diagnosis), ...warnings.flatMap((one) => ["", ...describeDiagnosis("also", one)])];
  return lines.map((line) => `${escapeUnsafe(line)}\n`).join("");
}

function describeStep({ name, state, ms, note }: ProbeStep): string {
  const time = state === "skipped" ? "" : `${ms.toFixed(1)} ms`;
  return `${name.padEnd(12)} ${state.padEnd(8)} ${time.padStart(10)}  ${note ?? ""}`.trimEnd();
}

function describeDiagnosis(title: string, { code, message, hint }: Diagnosis): readonly string[] {
  return [`${title}: ${code}`, `  ${message}`, `  next: ${hint}`];
}

/** What `--json` shows of a probe. */
export function reportToJson({ device, interface: one, steps, init, info, diagnosis, warnings }: DeviceProbeReport): object {
  return {
    device: {
      uri: device,
      ...(one === undefined ? {} : { path: one.path, vendorId: hex4(one.vendorId), productId: hex4(one.productId), vendor: one.vendor, product: one.product, serial: one.serial }),
      ...(init === undefined ? {} : { ctaphidVersion: init.protocolVersion, deviceVersion: init.deviceVersion.join("."), wink: init.capabilities.wink, cbor: init.capabilities.cbor, msg: init.capabilities.msg }),
      versions: info?.versions,
    },
    steps: steps.map(stepToJson),
    diagnosis: diagnosisToJson(diagnosis),
    warnings: warnings.map(diagnosisToJson),
  };
}

function stepToJson({ name, state, ms, note }: ProbeStep): object {
  return { name, ok: state === "skipped" ? undefined : state === "ok", state, ms: Math.round(ms * 1000) / 1000, note };
}

function diagnosisToJson({ code, message, hint }: Diagnosis): object {
  return { code, message, hint };
}
