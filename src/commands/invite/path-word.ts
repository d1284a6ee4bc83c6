import { UsageError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";

/**
 * The path that an option has. An empty one is that of a shell variable without
 * a value.
 *
 * @throws {UsageError} USAGE_PATH
 */
export function readPath(args: Arguments, name: string): string | undefined {
  const path = args.optional(name);
  return path === undefined ? undefined : checkPath(args, path, `--${name}`);
}

/** @throws {UsageError} USAGE_PATH */
export function checkPath(args: Arguments, path: string, name: string): string {
  if (path === "") throw new UsageError("USAGE_PATH", `${name} is empty, expected a file`, { hint: args.usageHint });
  return path;
}
