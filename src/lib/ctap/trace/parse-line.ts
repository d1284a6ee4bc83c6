import * as v from "valibot";
import { parseHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { jsonObject, parseJson } from "../../json.ts";
import { TRACE_VERSION } from "./line.ts";
import type { TraceEvent } from "./trace.ts";

/** A transport at fault may give reports of another length than 64, but not of any. */
const MAX_REPORT_LENGTH = 65_536;

/** Of all kinds of line; which fields each has is checked below. What is derived from the bytes is not read. */
const Line = jsonObject({
  time: v.exactOptional(v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/))),
  event: v.exactOptional(v.picklist(["open", "error", "close"])),
  trace: v.exactOptional(v.literal(TRACE_VERSION)),
  device: v.exactOptional(v.string()),
  code: v.exactOptional(v.pipe(v.string(), v.regex(/^[A-Z0-9_]+$/))),
  message: v.exactOptional(v.string()),
  direction: v.exactOptional(v.picklist(["to-card", "from-card"])),
  channel: v.exactOptional(v.unknown()),
  command: v.exactOptional(v.unknown()),
  sequence: v.exactOptional(v.unknown()),
  bytes: v.exactOptional(v.pipe(v.string(), v.maxLength(2 * MAX_REPORT_LENGTH))),
  problem: v.exactOptional(v.unknown()),
  payload: v.exactOptional(v.unknown()),
  name: v.exactOptional(v.unknown()),
  status: v.exactOptional(v.unknown()),
  cbor: v.exactOptional(v.unknown()),
  redacted: v.exactOptional(v.array(v.string())),
});

/**
 * @throws {KeyholeError} JSON; {CtapError} CTAP_TRACE; with a message that reads on after a name
 */
export function parseLine(text: string): TraceEvent {
  const line = parseJson(Line, text);
  const timeMs = line.time === undefined ? undefined : parseTime(line.time);
  switch (line.event) {
    case "open":
      if (line.trace === undefined) throw lacks("trace");
      if (line.device === undefined) throw lacks("device");
      return { kind: "open", timeMs, device: line.device };
    case "error":
      if (line.code === undefined) throw lacks("code");
      return { kind: "error", timeMs, code: line.code, message: line.message };
    case "close":
      return { kind: "close", timeMs };
  }
  if (line.direction === undefined) throw lacks("direction");
  if (line.bytes === undefined) throw lacks("bytes");
  const bytes = parseHex(line.bytes);
  if (bytes === undefined) throw new CtapError("CTAP_TRACE", 'field "bytes" is not hexadecimal');
  return { kind: "report", report: { timeMs, direction: line.direction, bytes }, redacted: line.redacted ?? [] };
}

/** The reverse of `formatTime` in line.ts. */
function parseTime(time: string): number {
  const seconds = Date.parse(`${time.slice(0, 19)}Z`);
  if (Number.isNaN(seconds)) throw new CtapError("CTAP_TRACE", 'field "time" is not a time');
  return seconds + Number(time.slice(20, 26)) / 1000;
}

function lacks(field: string): CtapError {
  return new CtapError("CTAP_TRACE", `lacks the field "${field}"`);
}
