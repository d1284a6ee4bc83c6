import { Interrupted, KeyholeError, type ErrorKind } from "../lib/errors.ts";
import { escapeUnsafe } from "../lib/text.ts";
import { say, writeJson } from "./io.ts";

export const EXIT_OK = 0;
export const EXIT_NO = 1;
export const EXIT_USAGE = 2;
export const EXIT_OUTSIDE = 3;
const EXIT_BUG = 70;
export const EXIT_INTERRUPTED = 130;

/** Of each kind of error. */
export const EXIT_STATUS: Readonly<Record<ErrorKind, number>> = { no: EXIT_NO, input: EXIT_USAGE, outside: EXIT_OUTSIDE };

/**
 * Runs a command to its end and says what went wrong.
 *
 * @returns the exit status
 */
export async function runToExit(json: boolean, run: () => number | Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Interrupted) return reportInterruption(json);
    if (!(error instanceof KeyholeError)) {
      say(error instanceof Error ? (error.stack ?? error.message) : String(error));
      say("hint: this is a bug in keyhole; please report it with the lines above");
      return EXIT_BUG;
    }
    return reportError(error, json);
  }
}

function reportInterruption(json: boolean): number {
  if (json) writeErrorJson({ code: "INTERRUPTED", message: "interrupted" });
  return EXIT_INTERRUPTED;
}

/** @returns the exit status that goes with the error */
function reportError(error: KeyholeError, json: boolean): number {
  say(`error: ${escapeUnsafe(error.message)}`);
  if (error.hint !== undefined) say(`hint: ${escapeUnsafe(error.hint)}`);
  const { code, message, hint } = error;
  if (json && code !== "STDOUT") writeErrorJson({ code, message, hint });
  return EXIT_STATUS[error.kind];
}

function writeErrorJson(error: { readonly code: string; readonly message: string; readonly hint?: string | undefined }): void {
  try {
    writeJson({ error });
  } catch {
    // Standard output has failed; standard error and the status tell.
  }
}
