import { concatBytes, parseHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { parseInitResponse } from "../init.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, MAX_MESSAGE_LENGTH, parsePacket, REPORT_LENGTH } from "../packet.ts";
import type { Trace, TraceEvent } from "./trace.ts";

// What libfido2 says on standard error with FIDO_DEBUG=1, from 1.5 on; programs
// that pass it on may put times or names before each line. Source: libfido2,
// src/log.c and src/io.c.
//
//   fido_tx: dev=0x55d1c3b2a2a0, cmd=0x06        until 1.6: d=…, cmd=…, buf=…, count=8
//   fido_tx: buf=0x55d1c3b2a2a0, len=8
//   0000: 8d 80 fd 31 90 ce 4f b5                the message, without its frames
//   fido_rx: dev=0x55d1c3b2a2a0, cmd=0x06, ms=-1
//   rx_preamble: buf=0x7ffe11590a50, len=64      until 1.6: initiation frame at …
//   0000: ff ff ff ff 86 00 11 8d 80 …           a report
//   rx: payload_len=17
//   rx: buf=0x7ffe11590a50, len=64               until 1.6: continuation frame at …
//   fido_rx: buf=0x55d1c3b2a2a8, len=17
//   0000: 8d 80 fd 31 …                          the message once more

const BEFORE = String.raw`(?:^|[\s:\]])`;
const REQUEST = new RegExp(`${BEFORE}fido_tx: d(?:ev)?=(0x[0-9a-f]+), cmd=0x([0-9a-f]{2})(?:, buf=\\S+, count=(\\d+))?$`);
const REQUEST_BYTES = new RegExp(`${BEFORE}fido_tx: buf=\\S+, len=(\\d+)$`);
const ANSWER = new RegExp(`${BEFORE}fido_rx: d(?:ev)?=(0x[0-9a-f]+), cmd=`);
const REPORT = new RegExp(`${BEFORE}(?:rx_preamble|rx): (?:buf=\\S+, len=(\\d+)|(?:initiation|continuation) frame at \\S+)$`);
const ROW = /(?:^|\s)(\d{4,}): ([0-9a-f]{2}(?: [0-9a-f]{2}){0,15})$/;

const COMMAND_MASK = 0x7f;

/** Whether a line is one that libfido2 says for each message. */
export function isFidoDebug(line: string): boolean {
  const trimmed = line.trimEnd();
  return REQUEST.test(trimmed) || REPORT.test(trimmed);
}

/** @throws {CtapError} CTAP_TRACE, which names the line */
export function parseFidoDebug(lines: readonly string[]): Trace {
  const reader = new Reader();
  lines.forEach((line, i) => reader.line(line.trimEnd(), i + 1));
  return { format: "fido-debug", events: toEvents(reader.items), isCut: reader.isWithin };
}

/** @param device - where it is in libfido2's memory */
type Item =
  | { readonly kind: "request"; readonly device: string; readonly command: number; readonly payload: Uint8Array; readonly line: number }
  | { readonly kind: "report"; readonly device: string; readonly bytes: Uint8Array }
  | { readonly kind: "note"; readonly text: string };

interface Dump {
  readonly length: number;
  received: number;
  readonly rows: Uint8Array[];
  readonly line: number;
  readonly finish: (bytes: Uint8Array) => Item;
}

class Reader {
  readonly items: Item[] = [];
  #dump: Dump | undefined;
  #request: { readonly device: string; readonly command: number } | undefined;
  #device = "";

  get isWithin(): boolean {
    return this.#dump !== undefined || this.#request !== undefined;
  }

  line(text: string, line: number): void {
    if (text === "" || this.#row(text)) return;
    if (this.#dump !== undefined) throw malformed(line, `ends a dump after ${this.#dump.received} bytes, expected ${this.#dump.length}`);
    if (!this.#head(text, line)) this.items.push({ kind: "note", text });
  }

  /** Whether the line is one of the dump that has begun. */
  #row(text: string): boolean {
    const dump = this.#dump;
    const [, offset, hex = ""] = ROW.exec(text) ?? [];
    if (dump === undefined || offset === undefined || Number(offset) !== dump.received) return false;
    const row = parseHex(hex.replaceAll(" ", "")) ?? new Uint8Array();
    dump.rows.push(row);
    dump.received += row.length;
    this.#finish(dump);
    return true;
  }

  #head(text: string, line: number): boolean {
    const [, device, command, count] = REQUEST.exec(text) ?? [];
    if (device !== undefined && command !== undefined) {
      this.#request = { device, command: Number.parseInt(command, 16) & COMMAND_MASK };
      if (count !== undefined) this.#beginRequest(Number(count), line);
      return true;
    }
    const [, length] = REQUEST_BYTES.exec(text) ?? [];
    if (length !== undefined) return this.#beginRequest(Number(length), line);
    const [, answering] = ANSWER.exec(text) ?? [];
    if (answering !== undefined) this.#device = answering;
    const report = REPORT.exec(text);
    if (report !== null) this.#beginReport(Number(report[1] ?? REPORT_LENGTH), line);
    return report !== null;
  }

  #beginRequest(length: number, line: number): boolean {
    const request = this.#request;
    this.#request = undefined;
    if (request === undefined) return false;
    this.#device = request.device;
    this.#begin(length, line, (payload) => ({ kind: "request", ...request, payload, line }));
    return true;
  }

  #beginReport(length: number, line: number): void {
    const device = this.#device;
    this.#begin(length, line, (bytes) => ({ kind: "report", device, bytes }));
  }

  #begin(length: number, line: number, finish: Dump["finish"]): void {
    this.#dump = { length, received: 0, rows: [], line, finish };
    this.#finish(this.#dump);
  }

  #finish(dump: Dump): void {
    if (dump.received < dump.length) return;
    if (dump.received > dump.length) throw malformed(dump.line, `begins a dump of ${dump.received} bytes, expected ${dump.length}`);
    this.items.push(dump.finish(concatBytes(...dump.rows)));
    this.#dump = undefined;
  }
}

/** Of requests libfido2 shows neither frames nor channel: the frames are made anew. */
function toEvents(items: readonly Item[]): readonly TraceEvent[] {
  const answered = channelsOfAnswers(items);
  const channels = new Map<string, number>();
  return items.flatMap((item, i): TraceEvent | TraceEvent[] => {
    if (item.kind === "note") return item;
    if (item.kind === "report") {
      const channel = allocatedChannel(item.bytes);
      if (channel !== undefined) channels.set(item.device, channel);
      return { kind: "report", report: { direction: "from-card", bytes: item.bytes }, redacted: [] };
    }
    const known = item.command === HID_COMMAND.init ? undefined : channels.get(item.device);
    return encodeReports(item, known ?? answered[i] ?? BROADCAST_CHANNEL);
  });
}

function encodeReports({ command, payload, line }: Item & { readonly kind: "request" }, channel: number): TraceEvent[] {
  let reports;
  try {
    reports = encodeMessage(channel, command, payload);
  } catch (error) {
    throw malformed(line, `begins a message of ${payload.length} bytes, expected at most ${MAX_MESSAGE_LENGTH}`, error);
  }
  return reports.map((bytes) => ({ kind: "report", report: { direction: "to-card", bytes }, redacted: [] }));
}

/** For each item, the channel of the next report from the same device. */
function channelsOfAnswers(items: readonly Item[]): readonly (number | undefined)[] {
  const next = new Map<string, number>();
  const channels: (number | undefined)[] = [];
  for (const [i, item] of [...items.entries()].reverse()) {
    if (item.kind === "note") continue;
    if (item.kind === "report" && item.bytes.length === REPORT_LENGTH) next.set(item.device, parsePacket(item.bytes).channel);
    channels[i] = next.get(item.device);
  }
  return channels;
}

/** The channel that an answer to INIT gives. */
function allocatedChannel(report: Uint8Array): number | undefined {
  if (report.length !== REPORT_LENGTH) return undefined;
  const packet = parsePacket(report);
  return packet.type === "init" && packet.command === HID_COMMAND.init ? parseInitResponse(packet.data).channel : undefined;
}

function malformed(line: number, found: string, cause?: unknown): CtapError {
  return new CtapError("CTAP_TRACE", `line ${line} ${found}`, { hint: "give the output as it was, without lines taken out", cause });
}
