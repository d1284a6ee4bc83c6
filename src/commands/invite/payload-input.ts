import { UsageError } from "../../lib/errors.ts";
import { readFile } from "../../lib/files.ts";
import { MAX_LARGE_LENGTH } from "../../lib/invite/payload.ts";
import { parseUtf8 } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { isTerminal, readWholeInput, STDIN } from "../io.ts";

/**
 * The one payload of `FILE`, `-` or `--text`, or of a pipe where none of them
 * is given.
 *
 * @param isInputTaken - by the code
 * @throws {UsageError} USAGE_PAYLOAD; {FileError}; {KeyholeError} UTF8
 */
export function readPayload(args: Arguments, isInputTaken: boolean): string {
  const [file] = args.positionals;
  const text = args.optional("text");
  if (file !== undefined && text !== undefined) throw new UsageError("USAGE_PAYLOAD", "invite create takes FILE or --text, not both", { hint: args.usageHint });
  if (text !== undefined && text !== "-") return text;
  if (file !== undefined && file !== "-") return parseUtf8(readFile(file, "payload", MAX_LARGE_LENGTH).bytes, `payload ${file}`);
  if (isInputTaken) throw new UsageError("USAGE_PAYLOAD", "standard input cannot hold both the code and the payload", { hint: "give the payload as FILE" });
  if (file === undefined && text === undefined && isTerminal(STDIN)) {
    throw new UsageError("USAGE_PAYLOAD", "invite create needs a payload", { hint: "give FILE or --text STRING, or - to type it and end with Ctrl-D" });
  }
  return parseUtf8(readWholeInput("payload", MAX_LARGE_LENGTH), "payload on standard input");
}
