import { networkInterfaces } from "node:os";
import type { MailboxServer, MailboxServerOptions } from "../wormhole/server/server.ts";
import { mailboxUrlAt, privateAddresses } from "./local-addresses.ts";

const LOOPBACK = "127.0.0.1";

/** Addresses that stand for all of the machine's. */
const ANY: readonly string[] = ["0.0.0.0", "::"];

/** How long the other sides may take to say goodbye. */
const GOODBYE_MS = 5000;
const POLL_MS = 20;

const MAX_TRIES = 5;

/** Beside those that are needed, for people who come to the wrong place. */
const MORE_CONNECTIONS = 64;
const CONNECTIONS_EACH = 4;

/** Around the hexadecimal of a message. */
const FRAME_LENGTH = 4096;

export interface LocalServerOptions {
  /** Without it all private addresses of this machine, or the loopback where there are none, at a free port. */
  readonly listen: MailboxServerOptions["listen"][number] | undefined;
  /** Invites that wait at a time. */
  readonly count: number;
  /** The longest message of the application, in bytes. */
  readonly maxPlaintext: number;
}

/** A mailbox server in this process, which keeps everything in memory. */
export interface LocalServer {
  /** For this process. */
  readonly ownUrl: string;
  /** For others, the best first. */
  readonly urls: readonly [string, ...(readonly string[])];
  /** Waits until the other sides are gone, some seconds at most, and stops. */
  finish(signal: AbortSignal): Promise<void>;
}

/**
 * Starts a mailbox server that lasts no longer than this process. It takes no
 * more than its invites need, so that nobody in the same network can fill this
 * process's memory.
 *
 * @throws {WormholeError} WORMHOLE_LISTEN
 */
export async function startLocalServer({ listen, count, maxPlaintext }: LocalServerOptions): Promise<LocalServer> {
  const own = privateAddresses(networkInterfaces());
  // This process comes by the loopback, to which no limit applies.
  const hosts = listen === undefined ? [LOOPBACK, ...own] : [listen.host];
  const server = await start({
    listen: hosts.map((host) => ({ host, port: listen?.port ?? 0 })),
    db: ":memory:",
    maxConnections: MORE_CONNECTIONS + CONNECTIONS_EACH * count,
    maxMessage: 2 * maxPlaintext + FRAME_LENGTH,
  });
  const port = server.addresses[0]?.port ?? 0;
  const reachable = listen === undefined || ANY.includes(listen.host) ? own : hosts;
  const [first = LOOPBACK, ...others] = reachable;
  const ownHost = listen === undefined || ANY.includes(listen.host) ? LOOPBACK : listen.host;
  return {
    ownUrl: mailboxUrlAt({ host: ownHost, port }),
    urls: [mailboxUrlAt({ host: first, port }), ...others.map((host) => mailboxUrlAt({ host, port }))],
    finish: async (signal) => {
      const deadline = Date.now() + GOODBYE_MS;
      while (server.connectionCount > 0 && Date.now() < deadline && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      await server.stop();
    },
  };
}

/** A port that is free at one address may be taken at another; then a few others are tried. */
async function start(options: MailboxServerOptions): Promise<MailboxServer> {
  // Only here, as it loads a database.
  const { startMailboxServer } = await import("../wormhole/server/server.ts");
  for (let left = MAX_TRIES; ; left--) {
    try {
      return await startMailboxServer(options);
    } catch (error) {
      if (left <= 1 || options.listen[0]?.port !== 0) throw error;
    }
  }
}
