import type { KeyholeError } from "../lib/errors.ts";
import { escapeUnsafe } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { say, writeJson } from "./io.ts";
import { EXIT_STATUS } from "./report.ts";

/**
 * Ends a command that has a result and failed all the same: with `--json`, the
 * one object holds both.
 *
 * @returns the exit status
 */
export function reportPartial(args: Arguments, result: object, { code, kind, message, hint }: KeyholeError): number {
  say(`error: ${escapeUnsafe(message)}`);
  if (hint !== undefined) say(`hint: ${escapeUnsafe(hint)}`);
  if (args.flag("json")) writeJson({ ...result, error: { code, message, hint } });
  return EXIT_STATUS[kind];
}
