import { UsageError } from "../../lib/errors.ts";
import { readFile } from "../../lib/files.ts";
import { MAX_LARGE_LENGTH } from "../../lib/invite/payload.ts";
import { parseUtf8 } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { isTerminal, readWholeInput, STDIN } from "../io.ts";
import { checkPath } from "./path-word.ts";

/**
 * The one payload of `FILE`, `-` or `--text`, or of a pipe where none of them
 * is given.
 *
 * @throws {UsageError} USAGE_PAYLOAD, USAGE_PATH; {FileError}; {KeyholeError} UTF8
 */
export function readPayload(args: Arguments): string {
  const [file] = args.positionals;
  const text = args.optional("text");
  if (text !== undefined && text !== "-") return text;
  if (file !== undefined && file !== "-") return notEmpty(parseUtf8(readFile(file, "payload", MAX_LARGE_LENGTH).bytes, `payload ${file}`), `payload ${file}`);
  if (file === undefined && text === undefined && isTerminal(STDIN)) {
    throw new UsageError("USAGE_PAYLOAD", "invite create needs a payload", { hint: "give FILE or --text STRING, or - to type it and end with Ctrl-D" });
  }
  return notEmpty(parseUtf8(readWholeInput("payload", MAX_LARGE_LENGTH), "payload on standard input"), "standard input");
}

/**
 * Where the payload is, before anything is read: what was typed for one purpose
 * is not to be taken for another.
 *
 * @throws {UsageError} USAGE_PAYLOAD, USAGE_PATH
 */
export function checkPayloadSource(args: Arguments): void {
  const [file] = args.positionals;
  const text = args.optional("text");
  if (file !== undefined) checkPath(args, file, "FILE");
  if (file !== undefined && text !== undefined) throw new UsageError("USAGE_PAYLOAD", "invite create takes FILE or --text, not both", { hint: args.usageHint });
  const isInput = (file ?? text ?? "-") === "-";
  if (isInput && args.optional("code") === "-") throw new UsageError("USAGE_PAYLOAD", "standard input cannot hold both the code and the payload", { hint: "give the payload as FILE" });
}

/** A file that was never written, or a program that failed. Where nothing is meant, there is `--text ''`. */
function notEmpty(payload: string, source: string): string {
  if (payload === "") throw new UsageError("USAGE_PAYLOAD", `${source} is empty`, { hint: "for a text without any characters give --format text --text ''" });
  return payload;
}
