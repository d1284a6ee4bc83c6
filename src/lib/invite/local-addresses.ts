import type { NetworkInterfaceInfo } from "node:os";

/**
 * The addresses at which others in the same house can reach this machine: those
 * that no router passes on. Link-local ones are left out, as they mean nothing
 * without the name of an interface of the machine that uses them.
 * Sources: RFC 1918; RFC 4193.
 *
 * @param interfaces - as `os.networkInterfaces()` has them
 * @returns IPv4 first, as it is easier to type; none of them twice
 */
export function privateAddresses(interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>): readonly string[] {
  const all = Object.values(interfaces).flatMap((infos) => infos ?? []);
  const of = (family: string, isPrivate: RegExp): readonly string[] => all.filter((info) => info.family === family && isPrivate.test(info.address)).map(({ address }) => address);
  return [...new Set([...of("IPv4", /^(?:10|192\.168|172\.(?:1[6-9]|2[0-9]|3[01]))\./), ...of("IPv6", /^f[cd][0-9a-f]{2}:/i)])];
}

/** The URL of a mailbox server at an address and port. */
export function mailboxUrlAt({ host, port }: { readonly host: string; readonly port: number }): string {
  return `ws://${host.includes(":") ? `[${host}]` : host}:${port}/v1`;
}
