import * as fs from "node:fs";
import { FileError, KeyholeError, UsageError } from "../../lib/errors.ts";
import { checkNewFile, describeSystemError, systemErrorCode, writeAll, writeNewFile } from "../../lib/files.ts";
import type { FormatName } from "../../lib/invite/formats/formats.ts";
import { encodeJsonLine, encodeUtf8, escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { isTerminal, STDOUT } from "../io.ts";
import { readPath } from "./path-word.ts";

/** How often to look whether a full pipe has room again. */
const PAUSE_MS = 10;

const NAME = "payload file";

/** Writes a payload; `about` goes into the same object, where there is one. */
export type PayloadOutput = (payload: string, about: object) => void | Promise<void>;

/**
 * Where a payload will go, made sure of before a code is used for it: the file
 * of `--out`, else standard output, raw in a pipe or file, escaped at a
 * terminal, in an object with `--json`.
 *
 * @throws {FileError} FILE_EXISTS, FILE_WRITE, as `input`: nothing has been tried; {UsageError} USAGE_PATH
 */
export function openPayloadOutput(args: Arguments, format: FormatName, signal: AbortSignal): PayloadOutput {
  const write = openOutput(args, format, signal);
  return async (payload, about) => {
    try {
      await write(payload, about);
    } catch (error) {
      throw error instanceof FileError ? withHint(error) : error;
    }
  };
}

/** By then nobody else can use the code, nor can this side. */
function withHint({ code, message, kind, cause }: FileError): FileError {
  return new FileError(code, message, { kind, cause, hint: "the sender was told that nothing was taken; mend that, and ask for a new code" });
}

function openOutput(args: Arguments, format: FormatName, signal: AbortSignal): PayloadOutput {
  const path = readPath(args, "out");
  if (path !== undefined) {
    checkOut(path);
    return (payload) => writeNewFile(path, NAME, encodeUtf8(payload));
  }
  const write = openStdout(signal);
  if (args.flag("json")) return (payload, about) => write(encodeUtf8(`${encodeJsonLine({ ...about, payload })}\n`));
  return isTerminal(STDOUT) ? (payload) => write(encodeUtf8(showPayload(payload, format))) : (payload) => write(encodeUtf8(payload));
}

/** What stands in the way is on the command line, and can be mended there. */
function checkOut(path: string): void {
  if (path === "-") throw new UsageError("USAGE_PATH", "--out is -, expected a file", { hint: "leave out --out for standard output; ./- for a file of that name" });
  try {
    checkNewFile(path, NAME);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    const { code, message, hint } = error;
    throw new FileError(code, message, { kind: "input", cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}

/**
 * Line by line, with nothing in it that acts on a terminal. JSON stays JSON,
 * and the same.
 */
function showPayload(payload: string, format: FormatName): string {
  const show = format === "text" ? escapeUnsafe : escapeJson;
  return `${payload.replace(/\n$/, "").split("\n").map(show).join("\n")}\n`;
}

/** Outside its strings JSON has no unsafe characters but blanks. */
function escapeJson(line: string): string {
  return encodeJsonLine(line.replaceAll(/[\t\r]/g, " ")).slice(1, -1).replaceAll(/\\(["\\])/g, "$1");
}

type Write = (bytes: Uint8Array) => void | Promise<void>;

function openStdout(signal: AbortSignal): Write {
  const pipe = openPipe();
  return pipe === undefined ? (bytes) => guard(() => writeWhole(bytes)) : (bytes) => writeToPipe(pipe, bytes, signal);
}

/**
 * The pipe of standard output, opened again so that a slow reader keeps neither
 * Ctrl-C nor the wormhole from their work, and other programs that write into
 * it notice nothing.
 *
 * @returns nothing where it is none, or belongs to another user, or where the system is not Linux
 */
function openPipe(): number | undefined {
  if (!fs.fstatSync(STDOUT).isFIFO()) return undefined;
  try {
    return fs.openSync(`/proc/self/fd/${STDOUT}`, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

async function writeToPipe(fd: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let offset = 0; offset < bytes.length; ) {
    signal.throwIfAborted();
    const written = guard(() => writeSome(fd, bytes.subarray(offset)));
    offset += written;
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function writeSome(fd: number, bytes: Uint8Array): number {
  try {
    return fs.writeSync(fd, bytes);
  } catch (error) {
    if (systemErrorCode(error) === "EAGAIN") return 0;
    throw error;
  }
}

/** Of a file that has no room for all of it, nothing is left. */
function writeWhole(bytes: Uint8Array): void {
  const stat = fs.fstatSync(STDOUT);
  try {
    writeAll(STDOUT, bytes);
    if (stat.isFile()) fs.fsyncSync(STDOUT);
  } catch (error) {
    if (stat.isFile()) fs.ftruncateSync(STDOUT, stat.size);
    throw error;
  }
}

function guard<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof KeyholeError) throw error;
    throw new FileError("STDOUT", `standard output cannot be written: ${describeSystemError(error)}`, { kind: "outside", cause: error });
  }
}
