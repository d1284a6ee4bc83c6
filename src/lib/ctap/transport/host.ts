import { isIP } from "node:net";
import { CtapError } from "../../errors.ts";

const LOOPBACK = "127.0.0.1";

/** For each of two tries. */
const LOOKUP_TIMEOUT_MS = 700;

/**
 * The address of a host. Names go to the name server directly: the system's own
 * resolver can neither be bounded nor stopped, and would keep the process.
 *
 * @param host - an IP address, `localhost`, or a name that DNS knows
 * @throws {CtapError} CTAP_UNREACHABLE; the reason of the signal
 */
export async function resolveHost(host: string, signal?: AbortSignal): Promise<string> {
  // First what is usual, as isIP takes a while when it is called first.
  if (host === LOOPBACK || host.toLowerCase() === "localhost") return LOOPBACK;
  if (isIP(host) !== 0) return host;
  const { Resolver } = (await import("node:dns")).promises;
  const resolver = new Resolver({ timeout: LOOKUP_TIMEOUT_MS, tries: 2 });
  const cancel = (): void => resolver.cancel();
  signal?.addEventListener("abort", cancel);
  try {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    signal?.throwIfAborted();
    const [address] = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    if (address !== undefined) return address;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  throw new CtapError("CTAP_UNREACHABLE", `host ${host} has no address`, { kind: "outside", hint: "check the name, or give its IP address" });
}
