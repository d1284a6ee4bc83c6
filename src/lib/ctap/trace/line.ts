import { encodeHex } from "../../bytes.ts";
import { KeyholeError } from "../../errors.ts";
import { cborToJson } from "../cbor-text.ts";
import { HID_COMMAND } from "../packet.ts";
import { statusName } from "../status.ts";
import type { Observation, ObservedMessage } from "./conversation.ts";
import { channelName, hidCommandName, interpretCtap2, readBody } from "./interpret.ts";
import type { Direction, Report } from "./report.ts";

// A trace is JSON lines. Only `time`, `direction` and `bytes` of a report are
// read again; the rest is for people and other programs.

/** Of this format. */
export const TRACE_VERSION = 1;

export function openLine(timeMs: number | undefined, device: string): object {
  return { time: formatTime(timeMs), event: "open", trace: TRACE_VERSION, device };
}

export function errorLine(timeMs: number | undefined, code: string, message?: string): object {
  return { time: formatTime(timeMs), event: "error", code, message };
}

export function closeLine(timeMs: number | undefined): object {
  return { time: formatTime(timeMs), event: "close" };
}

/**
 * @param redacted - what of it is not as it was
 * @param encode - for bytes that are no CBOR
 */
export function reportLine({ timeMs, direction, bytes }: Report, observation: Observation, redacted: readonly string[] = [], encode = encodeHex): object {
  const { packet, command, problem, message } = observation;
  return {
    time: formatTime(timeMs),
    direction,
    channel: packet === undefined ? undefined : channelName(packet.channel),
    command: command === undefined ? undefined : hidCommandName(command),
    sequence: packet?.type === "continuation" ? packet.sequence : undefined,
    bytes: encode(bytes),
    problem,
    ...(message === undefined ? {} : messageFields(direction, message, encode)),
    redacted: redacted.length === 0 ? undefined : redacted,
  };
}

function messageFields(direction: Direction, message: ObservedMessage, encode: (bytes: Uint8Array) => string): object {
  const payload = encode(message.data);
  const ctap2 = interpretCtap2(direction, message);
  if (ctap2 === undefined) return { payload, status: hidStatus(direction, message) };
  const body = readBody(ctap2.body);
  return {
    payload,
    name: ctap2.name,
    status: ctap2.status === undefined ? undefined : statusName(ctap2.status),
    ...(body === undefined ? {} : body instanceof KeyholeError ? { problem: body.message } : { cbor: cborToJson(body.value) }),
  };
}

/** What CTAPHID_ERROR says. */
function hidStatus(direction: Direction, { command, data: [status] }: ObservedMessage): string | undefined {
  return direction === "from-card" && command === HID_COMMAND.error && status !== undefined ? statusName(status) : undefined;
}

/** In UTC, to the microsecond: `2026-01-31T23:59:59.999999Z`. */
export function formatTime(timeMs: number | undefined): string | undefined {
  if (timeMs === undefined) return undefined;
  const microseconds = Math.round(timeMs * 1000);
  const fraction = String(microseconds % 1_000_000).padStart(6, "0");
  return `${new Date(Math.floor(microseconds / 1_000_000) * 1000).toISOString().slice(0, -5)}.${fraction}Z`;
}
