import { isIPv6 } from "node:net";
import { UsageError } from "../../lib/errors.ts";
import type { ListenAddress } from "../../lib/wormhole/server/listener.ts";

/**
 * Reads `HOST:PORT`, an IPv6 address in brackets.
 *
 * @throws {UsageError} USAGE_LISTEN
 */
export function parseListenAddress(text: string): ListenAddress {
  const [, inBrackets, plain = "", port = ""] = /^(?:\[([0-9A-Fa-f:.%\w-]+)\]|([^:[\]\s]+)):(0|[1-9][0-9]{0,4})$/.exec(text) ?? [];
  const host = inBrackets ?? plain;
  if (host === "" || Number(port) > 0xffff || (inBrackets !== undefined && !isIPv6(inBrackets))) {
    throw new UsageError("USAGE_LISTEN", `--listen is ${JSON.stringify(text)}, expected HOST:PORT with a port up to 65535`, { hint: "as 127.0.0.1:4000, [::1]:4000, or 0.0.0.0:0 for any port that is free" });
  }
  return { host, port: Number(port) };
}
