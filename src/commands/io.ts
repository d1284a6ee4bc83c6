import { fstatSync } from "node:fs";
import { FileError } from "../lib/errors.ts";
import { describeSystemError, readChunks, readToEnd, writeAll } from "../lib/files.ts";
import { encodeJsonLine, encodeUtf8 } from "../lib/text.ts";

// Reading and writing without the event loop: a command that runs in a pipe
// is over sooner than Node has set up its streams.

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

export type Descriptor = typeof STDIN | typeof STDOUT | typeof STDERR;

/** In a pipe this does not load Node's terminal and network modules, which takes as long as all else here. */
export function isTerminal(fd: Descriptor): boolean {
  return fstatSync(fd).isCharacterDevice() && process.getBuiltinModule("node:tty").isatty(fd);
}

/** Whether a person is there to be asked, and the result goes to nobody else. */
export function isInteractive(): boolean {
  return isTerminal(STDIN) && isTerminal(STDOUT) && isTerminal(STDERR);
}

/** Whether a prompt can be shown and answered, wherever the result goes. */
export function canPrompt(): boolean {
  return isTerminal(STDIN) && isTerminal(STDERR);
}

/** @throws {FileError} STDOUT */
export function writeResult(result: string | Uint8Array): void {
  try {
    writeAll(STDOUT, typeof result === "string" ? encodeUtf8(result) : result);
  } catch (error) {
    throw new FileError("STDOUT", `standard output cannot be written: ${describeSystemError(error)}`, { kind: "outside", cause: error });
  }
}

/** @throws {FileError} STDOUT */
export function writeJson(value: unknown): void {
  writeResult(`${encodeJsonLine(value)}\n`);
}

/** Says something on standard error. If nobody can hear it, the work goes on. */
export function say(text: string): void {
  try {
    writeAll(STDERR, encodeUtf8(`${text}\n`));
  } catch {
    // Standard error is closed or full; the exit status still tells.
  }
}

/** @throws {FileError} STDIN */
export function* readInput(): Generator<Uint8Array> {
  try {
    yield* readChunks(STDIN);
  } catch (error) {
    throw stdinError(error);
  }
}

/** @throws {FileError} STDIN, FILE_TOO_LONG */
export function readWholeInput(name: string, maxLength: number): Uint8Array {
  let bytes;
  try {
    bytes = readToEnd(STDIN, maxLength);
  } catch (error) {
    throw stdinError(error);
  }
  if (bytes === undefined) throw new FileError("FILE_TOO_LONG", `${name} on standard input is longer than ${maxLength} bytes`);
  return bytes;
}

function stdinError(error: unknown): FileError {
  return new FileError("STDIN", `standard input cannot be read: ${describeSystemError(error)}`, { cause: error });
}
