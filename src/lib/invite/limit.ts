import { InviteError } from "../errors.ts";
import type { WormholeEvent } from "../wormhole/wormhole.ts";

/** How Keyhole's server begins its refusal of a claim or an allocation, as the wormhole tells it. */
const LIMITED = "mailbox server says: too many claims";

/**
 * What it means that the server counts how often somebody comes: nothing has
 * been used up or lost, and a minute later all is well.
 *
 * @returns INVITE_LIMITED, or nothing where the wormhole ended otherwise
 */
export function limitErrorOf({ reason, detail }: WormholeEvent & { readonly type: "ended" }, hint: string): InviteError | undefined {
  if (reason !== "server-error" || detail?.startsWith(LIMITED) !== true) return undefined;
  return new InviteError("INVITE_LIMITED", "the mailbox server allows no more claims for now", { kind: "outside", hint });
}
