import { isIP, isIPv6 } from "node:net";

/** Where a client is. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly isLoopback: boolean;
}

/**
 * Where a connection comes from. A proxy on this machine may say for whom it
 * asks, as any other program on it could; nobody else is believed.
 *
 * @param header - the value of a header of the request, by its lower-case name
 */
export function addressOf(remote: { readonly host: string | undefined; readonly port: number | undefined }, header: (name: string) => string | undefined): Address {
  const host = plain(remote.host ?? "");
  const direct = { host, port: remote.port ?? 0, isLoopback: isLoopback(host) };
  const real = header("x-real-ip");
  if (!direct.isLoopback || real === undefined || isIP(plain(real)) === 0) return direct;
  const port = Number(header("x-real-port") ?? 0);
  return { host: plain(real), port: Number.isInteger(port) && port >= 0 && port <= 0xffff ? port : 0, isLoopback: isLoopback(plain(real)) };
}

/** As clients are told. */
export function yourAddress({ host, port }: Address): { readonly port: number; readonly ipv4?: string; readonly ipv6?: string } {
  return { port, ...(isIPv6(host) ? { ipv6: host } : { ipv4: host }) };
}

/** As it stands in a URL or after `listening on`. */
export function formatHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** An IPv4 address in the clothes of IPv6, and a zone, are taken off. */
function plain(host: string): string {
  return host.replace(/^::ffff:(?=[0-9.]+$)/i, "").replace(/%.*$/, "");
}

function isLoopback(host: string): boolean {
  return host === "::1" || host.startsWith("127.");
}
