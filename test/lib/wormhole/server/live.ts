import type { Test } from "tap";
import { startMailboxServer, type MailboxServer, type MailboxServerOptions } from "../../../../src/lib/wormhole/server/server.ts";

export interface LiveServer extends Pick<MailboxServer, "addresses" | "ended" | "stop"> {
  readonly url: string;
  readonly http: string;
}

/** A server at a free port of the loopback, its mailboxes in memory, unless the options say otherwise. */
export async function startServer(t: Test, options: Partial<MailboxServerOptions> = {}): Promise<LiveServer> {
  const server = await startMailboxServer({ listen: [{ host: "127.0.0.1", port: 0 }], db: ":memory:", ...options });
  t.teardown(() => server.stop());
  const secure = options.tls === undefined ? "" : "s";
  const at = `//127.0.0.1:${server.addresses[0]!.port}`;
  return { addresses: server.addresses, ended: server.ended, stop: () => server.stop(), url: `ws${secure}:${at}/v1`, http: `http${secure}:${at}` };
}
