import { UsageError } from "../errors.ts";

/** Where a card is, as `--device` says it. */
export type DeviceUri =
  | { readonly scheme: "hidraw"; readonly path: string }
  | { readonly scheme: "udp"; readonly host: string; readonly port: number; readonly replyPort: number | undefined }
  | { readonly scheme: "tcp"; readonly host: string; readonly port: number }
  | { readonly scheme: "virtual"; readonly statePath: string | undefined };

/** Where PC builds of key firmware listen, and where they answer. */
export const UDP_PORT = 8111;
export const UDP_REPLY_PORT = 7112;

const FORMS = "hidraw:/dev/hidraw0, udp:HOST:PORT[,REPLYPORT], tcp:HOST:PORT or virtual:[FILE]";

/**
 * - `hidraw:PATH`, or a bare PATH, which begins with a slash, a backslash or a dot
 * - `udp:HOST:PORT[,REPLYPORT]`; `udp:` alone is `udp:127.0.0.1:8111,7112`
 * - `tcp:HOST:PORT`
 * - `virtual:`, `virtual:FILE`
 *
 * A host is a name, an IPv4 address, or an IPv6 address in brackets; a port is
 * 1 to 65535 in plain decimal.
 *
 * @throws {UsageError} USAGE_DEVICE
 */
export function parseDeviceUri(text: string): DeviceUri {
  if (/^[/\\.]/.test(text)) return { scheme: "hidraw", path: text };
  const colon = text.indexOf(":");
  const scheme = text.slice(0, Math.max(colon, 0));
  const rest = text.slice(colon + 1);
  switch (scheme) {
    case "hidraw":
      if (rest === "") throw malformed(text, "has no path");
      return { scheme, path: rest };
    case "udp":
      return rest === "" ? { scheme, host: "127.0.0.1", port: UDP_PORT, replyPort: UDP_REPLY_PORT } : parseUdp(text, rest);
    case "tcp":
      return { scheme, ...parseAddress(text, rest) };
    case "virtual":
      return { scheme, statePath: rest === "" ? undefined : rest };
    default:
      throw malformed(text, "names no known kind of device");
  }
}

function parseUdp(text: string, rest: string): DeviceUri {
  const comma = rest.indexOf(",");
  if (comma < 0) return { scheme: "udp", ...parseAddress(text, rest), replyPort: undefined };
  return { scheme: "udp", ...parseAddress(text, rest.slice(0, comma)), replyPort: parsePort(text, rest.slice(comma + 1)) };
}

function parseAddress(text: string, address: string): { readonly host: string; readonly port: number } {
  const [, ipv6, name, port] = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([A-Za-z0-9._-]+)):([^:]*)$/.exec(address) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined || port === undefined) throw malformed(text, "is not HOST:PORT");
  return { host, port: parsePort(text, port) };
}

function parsePort(text: string, digits: string): number {
  const port = Number(digits);
  if (!/^[1-9][0-9]{0,4}$/.test(digits) || port > 0xffff) throw malformed(text, `has the port ${JSON.stringify(digits)}, expected 1 to 65535`);
  return port;
}

function malformed(text: string, found: string): UsageError {
  return new UsageError("USAGE_DEVICE", `device ${JSON.stringify(text)} ${found}`, { hint: `it is one of ${FORMS}` });
}
