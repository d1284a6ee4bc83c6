import type { LookupAddress } from "node:dns";
import { readFileSync } from "node:fs";
import type { LookupFunction } from "node:net";

/** For each of two tries. */
const TRY_MS = 3000;
const HOSTS_FILE = "/etc/hosts";

/**
 * Finds the addresses of a host, and can be stopped. The system's own function,
 * which knows more than DNS, can neither be stopped nor bounded, and no process
 * ends before it: so it is asked only for names that it has at hand, or where
 * name servers answer that they do not know one.
 */
export class HostLookup {
  readonly #servers: readonly string[] | undefined;
  #cancel: () => void = () => undefined;

  /** @param servers - other name servers than those of this machine, for tests */
  constructor(servers?: readonly string[]) {
    this.#servers = servers;
  }

  /** For `net.connect`. */
  readonly lookup: LookupFunction = (host, { all }, callback) => {
    this.#resolve(host).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) callback(Object.assign(new Error(`${host} has no address`), { code: "ENOTFOUND" }), "");
        else if (all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, ""),
    );
  };

  cancel(): void {
    this.#cancel();
  }

  /** @throws errors with the codes of DNS */
  async #resolve(host: string): Promise<readonly LookupAddress[]> {
    const dns = (await import("node:dns")).promises;
    const system = (): Promise<LookupAddress[]> => dns.lookup(host, { all: true });
    if (isAtHand(host)) return system();
    const resolver = new dns.Resolver({ timeout: TRY_MS, tries: 2 });
    if (this.#servers !== undefined) resolver.setServers(this.#servers);
    this.#cancel = () => resolver.cancel();
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = answers.flatMap((answer, i) => (answer.status === "fulfilled" ? answer.value.map((address) => ({ address, family: i === 0 ? 4 : 6 })) : []));
    if (addresses.length > 0) return addresses;
    const failed = answers.map((answer) => (answer.status === "rejected" ? (answer.reason as NodeJS.ErrnoException) : undefined));
    const silence = failed.find((error) => error?.code === "ETIMEOUT" || error?.code === "ECANCELLED");
    if (silence !== undefined) throw silence;
    return system();
  }
}

function isAtHand(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  try {
    const lines = readFileSync(HOSTS_FILE, "utf8").toLowerCase().split("\n");
    return lines.some((line) => line.replace(/#.*/, "").trim().split(/\s+/).slice(1).includes(host));
  } catch {
    return false;
  }
}
