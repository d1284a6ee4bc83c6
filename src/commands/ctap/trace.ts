import { KeyholeError } from "../../lib/errors.ts";
import { readFile } from "../../lib/files.ts";
import { MAX_TRACE_LENGTH, parseTrace } from "../../lib/ctap/trace/parse.ts";
import { redactTrace } from "../../lib/ctap/trace/redact.ts";
import { showTrace } from "../../lib/ctap/trace/show.ts";
import { traceToJson } from "../../lib/ctap/trace/show-json.ts";
import type { Trace } from "../../lib/ctap/trace/trace.ts";
import { encodeJsonLine } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";

/** Lines are written so many at a time. */
const LINES_AT_ONCE = 1000;

/** keyhole ctap trace show */
export function traceShow(args: Arguments): number {
  const trace = readTrace(args);
  if (args.flag("json")) writeJson(traceToJson(trace));
  else writeLines(showTrace(trace));
  return EXIT_OK;
}

/** keyhole ctap trace redact */
export function traceRedact(args: Arguments): number {
  const trace = readTrace(args);
  const lines = redactTrace(trace);
  if (args.flag("json")) writeJson({ trace: lines });
  else writeLines(lines.map(encodeJsonLine));
  if (trace.isCut && !args.flag("quiet")) say("warning: the last line is cut short and left out");
  return EXIT_OK;
}

/** @throws {FileError} FILE_…; {KeyholeError} CTAP_TRACE */
function readTrace(args: Arguments): Trace {
  const [path = ""] = args.positionals;
  const { bytes } = readFile(path, "trace", MAX_TRACE_LENGTH);
  try {
    return parseTrace(bytes);
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(path) : error;
  }
}

function writeLines(lines: Iterable<string>): void {
  let some: string[] = [];
  const write = (): void => {
    if (some.length > 0) writeResult(some.map((line) => `${line}\n`).join(""));
    some = [];
  };
  for (const line of lines) {
    some.push(line);
    if (some.length === LINES_AT_ONCE) write();
  }
  write();
}
