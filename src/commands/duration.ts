import { UsageError } from "../lib/errors.ts";
import type { Arguments } from "./arguments.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Longer ones are mistyped, and more than a timer of Node can hold. */
const MAX_MS = 7 * 86_400_000;

/**
 * The value of an option that is a time: `90s`, `15m`, `12h`, `2d`.
 *
 * @returns milliseconds, from 1 second to 7 days
 * @throws {UsageError} USAGE_DURATION
 */
export function readDuration(args: Arguments, name: string): number {
  const text = args.required(name);
  const [, digits = "", unit = ""] = /^([1-9][0-9]{0,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNIT_MS[unit] ?? 0);
  if (ms === 0 || ms > MAX_MS) {
    throw new UsageError("USAGE_DURATION", `--${name} is ${JSON.stringify(text)}, expected a whole number and s, m, h or d, up to 7d`, { hint: "as 90s, 15m or 12h" });
  }
  return ms;
}
