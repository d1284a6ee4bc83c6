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
  const own = args.optional("mailbox");
  if (own !== undefined) return checkMailboxUrl(own, args.isGiven("mailbox") ? "--mailbox" : "KEYHOLE_MAILBOX");
  const shared = env.WORMHOLE_RELAY_URL ?? "";
  return shared === "" ? PUBLIC_MAILBOX : checkMailboxUrl(shared, "WORMHOLE_RELAY_URL");
}

/** @param source - where it comes from, for the error */
function checkMailboxUrl(text: string, source: string): string {
  const wrong = findWrong(text);
  if (wrong !== undefined) {
    throw new UsageError("USAGE_MAILBOX", `${source} is ${JSON.stringify(withoutUser(text))}, expected ws://HOST:PORT/v1 or wss://HOST/v1: ${wrong}`, { hint: "the public server is " + PUBLIC_MAILBOX });
  }
  parseMailboxUrl(text);
  return text;
}

function findWrong(text: string): string | undefined {
  if (text === "") return "it is empty";
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return "it does not begin with ws:// or wss://";
  if (scheme !== "ws" && scheme !== "wss") return `its scheme is ${scheme}, not ws or wss`;
  if (!URL.canParse(text)) return isPortWrong(text) ? "its port is not a number up to 65535" : "its host cannot be one";
  const { username, password, hash, port } = new URL(text);
  if (username !== "" || password !== "") return "it has a user or password";
  if (hash !== "") return "it has a fragment, from # on";
  return port === "0" ? "its port is 0" : undefined;
}

function isPortWrong(text: string): boolean {
  const port = /:([^:/?#\]@]*)(?:[/?#]|$)/.exec(text.replace(/^\w+:\/\//, ""))?.[1];
  return port !== undefined && (!/^[0-9]*$/.test(port) || Number(port) > 0xffff);
}

/** A password is not to be seen on a terminal or in a log. */
function withoutUser(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, "$1\u2026@");
}

/** @throws {UsageError} USAGE_APPID */
export function readAppid(args: Arguments): string | undefined {
  const appid = args.optional("appid");
  if (appid === "") throw new UsageError("USAGE_APPID", "--appid is empty", { hint: "leave it out for the one of the format" });
  return appid;
}
