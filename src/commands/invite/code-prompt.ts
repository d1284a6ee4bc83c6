import { Interrupted, WormholeError } from "../../lib/errors.ts";
import { promptCompleted } from "../../lib/terminal/prompt.ts";
import { escapeUnsafe } from "../../lib/text.ts";
import { completeCode } from "../../lib/wormhole/completion.ts";
import { listNameplates } from "../../lib/wormhole/list-nameplates.ts";
import { say } from "../io.ts";

/**
 * Asks for a code. Tab completes its number, from those that the server lists,
 * and its words. Nothing is claimed meanwhile: a code that is mistyped or given
 * up remains good, and is asked for again where `check` refuses it.
 *
 * @param check - what was typed as a code; throws WORMHOLE_CODE or WORMHOLE_CODE_WORDS
 * @throws {Interrupted} on Ctrl-C, Ctrl-D and an empty line
 */
export async function promptCode(url: string, appid: string, signal: AbortSignal, check: (text: string) => string): Promise<string> {
  const listing = new AbortController();
  let nameplates: readonly string[] = [];
  // A server that cannot be reached is told of when the code is used.
  void listNameplates(url, appid, { signal: listing.signal }).then(
    (found) => void (nameplates = found),
    () => undefined,
  );
  try {
    for (;;) {
      const typed = await promptCompleted("code (Tab completes): ", (typed) => completeCode(typed, nameplates), signal);
      if (typed === undefined || typed.trim() === "") throw new Interrupted();
      const code = tryCheck(check, typed);
      if (code !== undefined) return code;
    }
  } finally {
    listing.abort();
  }
}

/** @returns nothing where it is no code, which has been said */
function tryCheck(check: (text: string) => string, typed: string): string | undefined {
  try {
    return check(typed);
  } catch (error) {
    if (!(error instanceof WormholeError)) throw error;
    say(`error: ${escapeUnsafe(error.message)}`);
    if (error.hint !== undefined) say(`hint: ${escapeUnsafe(error.hint)}`);
    return undefined;
  }
}
