import { Interrupted, KeyholeError, type ErrorKind } from "../lib/errors.ts";
import { escapeUnsafe } from "../lib/text.ts";
import { say, writeJson } from "./io.ts";

export const EXIT_OK = 0;
export const EXIT_NO = 1;
export const EXIT_USAGE = 2;
export const EXIT_OUTSIDE = 3;
const EXIT_BUG = 70;
export const EXIT_INTERRUPTED = 130;

const EXIT_STATUS: Readonly<Record<ErrorKind, number>> = { no: EXIT_NO, input: EXIT_USAGE, outside: EXIT_OUTSIDE };

/**
 * Runs a command to its end and says what went wrong.
 *
 * @returns the exit status
 */
export async function runToExit(json: boolean, run: () => number | Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Interrupted) return EXIT_INTERRUPTED;
    if (!(error instanceof KeyholeError)) {
      say(error instanceof Error ? (error.stack ?? error.message) : String(error));
      say("hint: this is a bug in keyhole; please report it with the lines above");
      return EXIT_BUG;
    }
    return reportError(error, json);
  }
}

/** @returns the exit status that goes with the error */
function reportError(error: KeyholeError, json: boolean): number {
  say(`error: ${escapeUnsafe(error.message)}`);
  if (error.hint !== undefined) say(`hint: ${escapeUnsafe(error.hint)}`);
  if (json && error.code !== "STDOUT") {
    try {
      const { code, message, hint } = error;
      writeJson({ error: { code, message, hint } });
    } catch {
      // Standard output has failed; the lines above and the status tell.
    }
  }
  return EXIT_STATUS[error.kind];
}
