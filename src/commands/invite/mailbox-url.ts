import { UsageError } from "../../lib/errors.ts";
import { parseMailboxUrl } from "../../lib/wormhole/websocket.ts";
import type { Arguments } from "../arguments.ts";

/** Where wormhole programs meet that are told nothing else. Source: magic-wormhole, cli/public_relay.py. */
export const PUBLIC_MAILBOX = "wss://relay.magic-wormhole.io/v1";

/**
 * The mailbox server to use: of `--mailbox` or its environment variable, then
 * of the one that wormhole programs know.
 *
 * @throws {UsageError} USAGE_MAILBOX
 */
export function readMailboxUrl(args: Arguments, env: NodeJS.ProcessEnv): string {
  const shared = env.WORMHOLE_RELAY_URL ?? "";
  const url = args.optional("mailbox") ?? (shared === "" ? PUBLIC_MAILBOX : shared);
  parseMailboxUrl(url);
  return url;
}

/** @throws {UsageError} USAGE_APPID */
export function readAppid(args: Arguments): string | undefined {
  const appid = args.optional("appid");
  if (appid === "") throw new UsageError("USAGE_APPID", "--appid is empty", { hint: "leave it out for the one of the format" });
  return appid;
}
