import { copyBytes } from "../../bytes.ts";
import { HID_COMMAND, type Packet } from "../packet.ts";
import { Conversation, type ObservedMessage } from "./conversation.ts";
import { channelName, hidCommandName, interpretCtap2 } from "./interpret.ts";
import { closeLine, errorLine, openLine, reportLine } from "./line.ts";
import { digestBytes, digestCertificate, hideBytes, type Taken } from "./redact-bytes.ts";
import { CborRedactor } from "./redact-cbor.ts";
import type { Direction, Report } from "./report.ts";
import { hidden } from "./shape.ts";
import type { Trace } from "./trace.ts";
import { interpretU2f } from "./u2f.ts";

/**
 * Makes a trace fit for a bug report. Secrets and what identifies a person are
 * overwritten in each report, so that lengths, framing and the structure of the
 * CBOR stay; public keys and attestation certificates become their digests.
 * What belongs to no whole message, or to a message that is not known, is
 * overwritten too.
 *
 * @returns the lines of a trace, to be written as JSON
 */
export function redactTrace(trace: Trace): readonly object[] {
  const reports = trace.events.flatMap((event) => (event.kind === "report" ? [event.report] : []));
  const redacted = redactReports(reports);
  const conversation = new Conversation();
  let next = 0;
  const lines = trace.events.flatMap((event): object[] => {
    switch (event.kind) {
      case "open":
        return [openLine(event.timeMs, anonymousDevice(event.device))];
      case "error":
        return [errorLine(event.timeMs, event.code)];
      case "close":
        return [closeLine(event.timeMs)];
      case "note":
        return [];
      case "report": {
        const { bytes, taken } = redacted[next++] ?? { bytes: new Uint8Array(), taken: [] };
        const report = { ...event.report, bytes };
        return [reportLine(report, conversation.observe(report.direction, bytes), [...new Set([...event.redacted, ...taken])])];
      }
    }
  });
  return trace.format === "keyhole" ? lines : [openLine(undefined, "FIDO_DEBUG"), ...lines];
}

/** Paths and hosts name people. */
function anonymousDevice(device: string): string {
  return /^(?:hidraw:\/dev\/hidraw[0-9]+|[a-z]+:|FIDO_DEBUG)/.exec(device)?.[0] ?? "";
}

interface RedactedReport {
  readonly bytes: Uint8Array;
  readonly taken: readonly string[];
}

function redactReports(reports: readonly Report[]): readonly RedactedReport[] {
  const conversation = new Conversation();
  const cbor = new CborRedactor();
  const redacted: RedactedReport[] = [];
  /** Of the messages that have begun. */
  const begun = new Map<string, { readonly at: number; readonly packet: Packet }[]>();
  for (const [at, { direction, bytes }] of reports.entries()) {
    const { packet, message } = conversation.observe(direction, bytes);
    redacted.push(redactAlone(bytes, packet));
    if (packet === undefined) continue;
    const stream = `${direction} ${channelName(packet.channel)}`;
    const parts = packet.type === "init" ? [] : (begun.get(stream) ?? []);
    parts.push({ at, packet });
    begun.set(stream, parts);
    if (message === undefined) continue;
    begun.delete(stream);
    const taken = redactMessage(direction, message, cbor);
    let offset = 0;
    for (const { at, packet } of parts) {
      redacted[at] = refill(reports[at]?.bytes ?? bytes, packet, message.data.subarray(offset), at === redacted.length - 1 ? taken : new Set());
      offset += packet.data.length;
    }
  }
  return redacted;
}

/** A report of no whole message. */
function redactAlone(report: Uint8Array, packet: Packet | undefined): RedactedReport {
  const bytes = copyBytes(report);
  const taken: Taken = new Set();
  hideBytes(bytes.subarray(packet === undefined ? 0 : report.length - packet.data.length), packet === undefined ? "report of another length" : "packet of no whole message", taken);
  return { bytes, taken: [...taken] };
}

/** The report with other data; what fills it up may be what the memory of a card held before. */
function refill(report: Uint8Array, packet: Packet, data: Uint8Array, taken: Taken): RedactedReport {
  const bytes = copyBytes(report);
  const room = bytes.subarray(report.length - packet.data.length);
  const part = data.subarray(0, room.length);
  room.set(part);
  hideBytes(room.subarray(part.length), "padding", taken);
  return { bytes, taken: [...taken] };
}

/** @returns what was taken out of the message's data, in place */
function redactMessage(direction: Direction, message: ObservedMessage, cbor: CborRedactor): Taken {
  const taken: Taken = new Set();
  const ctap2 = interpretCtap2(direction, message);
  const u2f = ctap2 === undefined ? interpretU2f(direction, message) : undefined;
  if (ctap2 !== undefined) {
    if (ctap2.body.length > 0) cbor.redact(ctap2.body, ctap2.shape ?? hidden(`parameters of ${ctap2.name ?? "an unknown command"}`), taken);
  } else if (u2f !== undefined) {
    for (const { name, bytes, care } of u2f.parts) {
      if (care === "hide") hideBytes(bytes, name, taken);
      if (care === "digest") digestBytes(bytes, name, taken);
      if (care === "certificate") digestCertificate(bytes, taken);
    }
  } else hideBytes(message.data.subarray(openLength(direction, message.command)), `data of ${hidCommandName(message.command)}`, taken);
  return taken;
}

/** Bytes of a message of CTAPHID itself that tell nothing. */
function openLength(direction: Direction, command: number): number {
  switch (command) {
    case HID_COMMAND.init:
      return direction === "to-card" ? 8 : 17;
    case HID_COMMAND.keepalive:
    case HID_COMMAND.error:
    case HID_COMMAND.lock:
      return 1;
    default:
      return 0;
  }
}
