import { parseUtf8 } from "../../lib/text.ts";
import { readWholeInput } from "../io.ts";

const MAX_INPUT_LENGTH = 16 * 1024;

/**
 * A code as a word of the command line gives it; `-` is for the line on
 * standard input, which other users of the machine cannot see.
 *
 * @returns the code as it was typed, not yet parsed
 * @throws {FileError} STDIN, FILE_TOO_LONG; {KeyholeError} UTF8
 */
export function readCode(word: string): string {
  if (word !== "-") return word;
  return parseUtf8(readWholeInput("code", MAX_INPUT_LENGTH), "code on standard input").replace(/\r?\n$/, "");
}
