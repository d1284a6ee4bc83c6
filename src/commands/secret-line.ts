import { copyBytes, wipe } from "../lib/bytes.ts";
import { readFile } from "../lib/files.ts";
import { escapeUnsafe } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { say } from "./io.ts";

const MAX_LENGTH = 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Reads a secret that is the first line of a file, without the line's end.
 *
 * @param name - what the file is, for errors: `passphrase file`
 * @throws {FileError} FILE_READ, FILE_TOO_LONG
 */
export function readSecretLine(path: string, name: string, args: Arguments): Uint8Array {
  const { bytes, readableByOthers } = readFile(path, name, MAX_LENGTH);
  const newline = bytes.indexOf(NEWLINE);
  let end = newline < 0 ? bytes.length : newline;
  if (end > 0 && bytes[end - 1] === CARRIAGE_RETURN) end--;
  const secret = copyBytes(bytes.subarray(0, end));
  wipe(bytes);
  if (readableByOthers) warnOfReaders(name, path, args);
  return secret;
}

export function warnOfReaders(what: string, path: string, args: Arguments): void {
  if (!args.flag("quiet")) say(escapeUnsafe(`warning: ${what} ${path} can be read by others; chmod 600 it, and change it if they may have`));
}
