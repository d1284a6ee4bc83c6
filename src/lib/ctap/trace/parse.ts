import { CtapError, KeyholeError } from "../../errors.ts";
import { parseUtf8 } from "../../text.ts";
import { isFidoDebug, parseFidoDebug } from "./fido-debug.ts";
import { parseLine } from "./parse-line.ts";
import type { Trace, TraceEvent } from "./trace.ts";

/** About a hundred thousand reports. */
export const MAX_TRACE_LENGTH = 64 * 1024 * 1024;

const LF = 0x0a;

/**
 * Reads a trace, or what libfido2 says with FIDO_DEBUG=1.
 *
 * @param bytes - at most `MAX_TRACE_LENGTH`
 * @throws {CtapError} CTAP_TRACE, which names the line
 */
export function parseTrace(bytes: Uint8Array): Trace {
  const lines: string[] = [];
  let start = 0;
  for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
    lines.push(atLine(lines.length, () => parseUtf8(bytes.subarray(start, end), "text")));
    start = end + 1;
  }
  const rest = bytes.subarray(start);
  const isJson = lines.some((line) => line.startsWith("{"));
  if (!isJson && lines.some(isFidoDebug)) return parseFidoDebug(rest.length === 0 ? lines : [...lines, atLine(lines.length, () => parseUtf8(rest, "text"))]);
  return parseLines(lines, rest);
}

/** @param rest - what comes after the last LF */
function parseLines(lines: readonly string[], rest: Uint8Array): Trace {
  if (lines.length === 0) throw malformed(0, "is neither a trace nor what libfido2 says with FIDO_DEBUG=1");
  const events: TraceEvent[] = lines.map((line, i) => atLine(i, () => parseLine(line)));
  return { format: "keyhole", events, isCut: rest.length > 0 };
}

/** @param i - from 0 */
function atLine<T>(i: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof KeyholeError) throw malformed(i, error.message, error);
    throw error;
  }
}

function malformed(i: number, found: string, cause?: KeyholeError): CtapError {
  return new CtapError("CTAP_TRACE", `line ${i + 1} ${found}`, { hint: "give a file of --trace, or what libfido2 says with FIDO_DEBUG=1", cause });
}
