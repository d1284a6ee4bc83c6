import { Interrupted } from "../../lib/errors.ts";
import { promptCompleted } from "../../lib/terminal/prompt.ts";
import { completeCode } from "../../lib/wormhole/completion.ts";
import { listNameplates } from "../../lib/wormhole/list-nameplates.ts";

/**
 * Asks for a code. Tab completes its number, from those that the server lists,
 * and its words. Nothing is claimed meanwhile: a code that is mistyped or given
 * up remains good.
 *
 * @throws {Interrupted} on Ctrl-C
 */
export async function promptCode(url: string, appid: string, signal: AbortSignal): Promise<string> {
  const listing = new AbortController();
  let nameplates: readonly string[] = [];
  // A server that cannot be reached is told of when the code is used.
  void listNameplates(url, appid, { signal: listing.signal }).then(
    (found) => void (nameplates = found),
    () => undefined,
  );
  const code = await promptCompleted("code (Tab completes): ", (typed) => completeCode(typed, nameplates), signal);
  listing.abort();
  if (code === undefined) throw new Interrupted();
  return code;
}
