import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { WormholeError } from "../../errors.ts";
import { addressOf, yourAddress, type Address } from "./address.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { Dispatcher } from "./dispatcher.ts";
import { addressOfServer, listen, refuseUpgrade, type ListenAddress, type TlsFiles } from "./listener.ts";
import { Metrics, type Gauge } from "./metrics.ts";
import { openStore } from "./open-store.ts";
import { RateLimit } from "./rate-limit.ts";
import { encodeServerFrame } from "./server-frame.ts";
import type { Store } from "./store.ts";
import { Unread } from "./unread.ts";
import { Upkeep } from "./upkeep.ts";

export interface MailboxServerOptions {
  /** At least one; where the first has port 0, those with port 0 after it get the same port. */
  readonly listen: readonly ListenAddress[];
  /** `:memory:`, the path of an SQLite file, or a `postgres://` URL. */
  readonly db: string;
  /** A mailbox without activity or subscriber is removed after this time; 11 minutes. */
  readonly idleMs?: number;
  /** Message that clients show. */
  readonly motd?: string;
  /** Whether `list` is answered; so it is. */
  readonly allowList?: boolean;
  /** WebSockets at a time; 10,000. */
  readonly maxConnections?: number;
  /** Longest frame to take, in bytes; 8 MiB. */
  readonly maxMessage?: number;
  /** Claims and allocations for each address; without it 60, and no limit for loopback. */
  readonly claimsPerMinute?: number;
  readonly tls?: TlsFiles;
  readonly log?: (line: string) => void;
}

/** A mailbox server that runs. */
export interface MailboxServer {
  readonly addresses: readonly ListenAddress[];
  /** WebSockets that are open now. */
  readonly connectionCount: number;
  /** Ends when the server has stopped; throws where it had to, as it lost its database. */
  readonly ended: Promise<void>;
  /** Takes no more commands, answers those that came, says goodbye, and in any case is done within some seconds. */
  stop(): Promise<void>;
}

export const DEFAULT_IDLE_MS = 11 * 60_000;
export const DEFAULT_MAX_CONNECTIONS = 10_000;
export const DEFAULT_MAX_MESSAGE = 8 * 1024 * 1024;
const DEFAULT_CLAIMS_PER_MINUTE = 60;

const PATH = "/v1";
const PING_MS = 60_000;
const DRAIN_MS = 5000;
const GOODBYE_MS = 1000;
/** Of all clients together. */
const MAX_UNREAD = 256 * 1024 * 1024;
/** Connections that are no WebSockets, for requests such as those for metrics. */
const EXTRA_CONNECTIONS = 100;

/**
 * Starts a mailbox server that speaks as magic-wormhole's does.
 *
 * @throws {WormholeError} WORMHOLE_LISTEN, WORMHOLE_TLS_FILES, WORMHOLE_STORE…; {FileError} FILE_READ
 */
export async function startMailboxServer(options: MailboxServerOptions): Promise<MailboxServer> {
  const store = await openStore(options.db);
  const server = new RunningServer(store, options);
  try {
    await server.listen(options.listen);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class RunningServer implements MailboxServer {
  readonly addresses: ListenAddress[] = [];
  readonly ended: Promise<void>;
  readonly #options: MailboxServerOptions;
  readonly #store: Store;
  readonly #metrics = new Metrics();
  readonly #unread = new Unread(MAX_UNREAD);
  readonly #limit: RateLimit;
  readonly #dispatcher: Dispatcher;
  readonly #upkeep: Upkeep;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  readonly #webSockets: WebSocketServer;
  readonly #pings: NodeJS.Timeout;
  #settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void } = { resolve: () => undefined, reject: () => undefined };
  #stopped: Promise<void> | undefined;

  constructor(store: Store, options: MailboxServerOptions) {
    this.#store = store;
    this.#options = options;
    const { allowList = true, maxMessage = DEFAULT_MAX_MESSAGE, idleMs = DEFAULT_IDLE_MS, log = () => undefined } = options;
    this.#limit = new RateLimit(options.claimsPerMinute ?? DEFAULT_CLAIMS_PER_MINUTE);
    this.#dispatcher = new Dispatcher(store, { allowList, maxMailbox: 2 * maxMessage, metrics: this.#metrics, log, onFailure: (error) => this.#fail(error) });
    this.#upkeep = new Upkeep(this.#dispatcher, this.#metrics, idleMs);
    this.#webSockets = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: maxMessage, handleProtocols: () => false });
    this.#pings = setInterval(() => this.#pingAll(), PING_MS);
    this.ended = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Where nobody waits for it.
    this.ended.catch(() => undefined);
  }

  async listen(addresses: readonly ListenAddress[]): Promise<void> {
    const maxConnections = this.#maxConnections + EXTRA_CONNECTIONS;
    for (const address of addresses) {
      const samePort = address.port === 0 ? (this.addresses[0]?.port ?? 0) : address.port;
      const server = await listen({ ...address, port: samePort }, this.#options.tls, maxConnections, {
        onRequest: (request, response) => void this.#answer(request, response),
        onUpgrade: (request, stream, head) => this.#upgrade(request, stream, head),
      });
      this.#servers.push(server);
      this.addresses.push(addressOfServer(server, address));
    }
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  get #maxConnections(): number {
    return this.#options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  }

  #fail(error: WormholeError): void {
    this.#settle.reject(error);
    void this.stop();
  }

  async #stop(): Promise<void> {
    clearInterval(this.#pings);
    this.#upkeep.stop();
    const closed = this.#servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of this.#connections) connection.drain();
    await within(DRAIN_MS, this.#dispatcher.idle());
    for (const connection of this.#connections) connection.close();
    this.#dispatcher.stop();
    for (const server of this.#servers) server.closeIdleConnections();
    await within(GOODBYE_MS, Promise.all(closed));
    for (const connection of this.#connections) connection.terminate();
    for (const server of this.#servers) server.closeAllConnections();
    await within(GOODBYE_MS, this.#store.close());
    this.#settle.resolve();
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const status = this.#refusal(request);
    if (status !== undefined) {
      refuseUpgrade(stream, status);
      return;
    }
    // A client may say nothing from now on; pings tell whether it is there.
    request.socket.setTimeout(0);
    const address = addressOfRequest(request);
    // A page in a browser on this machine is anybody's program.
    const isLocal = address.isLoopback && request.headers.origin === undefined;
    this.#webSockets.handleUpgrade(request, stream, head, (socket) => this.#accept(socket, stream, address, isLocal));
  }

  /** What listens here lives as long as the connection, and so holds no request. */
  #accept(socket: WebSocket, stream: Duplex, address: Address, isLocal: boolean): void {
    const connection = new Connection(socket, stream, address, this.#connectionOptions(isLocal));
    this.#connections.add(connection);
    this.#metrics.connections.add();
    socket.on("message", (data, isBinary) => connection.receive(data, isBinary));
    socket.on("pong", () => (connection.isAlive = true));
    // Whatever it was, the connection closes after it.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#connections.delete(connection);
      connection.end();
    });
    const { motd } = this.#options;
    connection.send(encodeServerFrame({ type: "welcome", welcome: { ...(motd === undefined ? {} : { motd }), "your-address": yourAddress(address) } }, Date.now()));
  }

  #connectionOptions(isLocal: boolean): ConnectionOptions {
    const limit = isLocal && this.#options.claimsPerMinute === undefined ? undefined : this.#limit;
    return { dispatcher: this.#dispatcher, metrics: this.#metrics, unread: this.#unread, maxUnread: 4 * (this.#options.maxMessage ?? DEFAULT_MAX_MESSAGE) + 1024 * 1024, limit };
  }

  /** @returns the HTTP status to refuse an upgrade with */
  #refusal({ url = "" }: IncomingMessage): number | undefined {
    if (pathOf(url) !== PATH) return 404;
    if (this.#stopped !== undefined) {
      this.#metrics.refused.add("draining");
      return 503;
    }
    if (this.#connections.size >= this.#maxConnections) {
      this.#metrics.refused.add("full");
      return 503;
    }
    return undefined;
  }

  async #answer({ method, url = "" }: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type = "text/plain; charset=utf-8", body } = await this.#page(method, pathOf(url));
    response.writeHead(status, { "Content-Type": type, "Content-Length": Buffer.byteLength(body), ...(status === 426 ? { Upgrade: "websocket", Connection: "Upgrade" } : {}) });
    response.end(method === "HEAD" ? undefined : body);
  }

  async #page(method: string | undefined, path: string): Promise<{ readonly status: number; readonly type?: string; readonly body: string }> {
    if (method !== "GET" && method !== "HEAD") return { status: 405, body: "only GET and HEAD\n" };
    switch (path) {
      case "/":
        return { status: 200, body: "Keyhole mailbox server\n" };
      case PATH:
        return { status: 426, body: "this is for WebSockets\n" };
      case "/healthz":
        if (this.#stopped !== undefined) return { status: 503, body: "stopping\n" };
        return this.#dispatcher.isHealthy ? { status: 200, body: "ok\n" } : { status: 503, body: "database does not answer\n" };
      case "/metrics":
        return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: this.#metrics.encode(await this.#gauges()) };
      default:
        return { status: 404, body: "not found\n" };
    }
  }

  async #gauges(): Promise<readonly Gauge[]> {
    const counts = await within(GOODBYE_MS, this.#upkeep.counts(Date.now()));
    const gauges: Gauge[] = [
      { name: "keyhole_mailbox_connections", help: "WebSocket connections open.", value: this.#connections.size },
      { name: "keyhole_mailbox_resident_memory_bytes", help: "Resident memory of the process.", value: process.memoryUsage.rss() },
      { name: "keyhole_mailbox_healthy", help: "Whether the last transaction came through.", value: Number(this.#dispatcher.isHealthy) },
    ];
    if (counts === undefined) return gauges;
    return [
      ...gauges,
      { name: "keyhole_mailbox_mailboxes", help: "Mailboxes there are.", value: counts.mailboxes },
      { name: "keyhole_mailbox_nameplates", help: "Nameplates there are.", value: counts.nameplates },
    ];
  }

  #pingAll(): void {
    for (const connection of this.#connections) {
      if (connection.ping()) continue;
      this.#metrics.dropped.add("silent");
      connection.terminate();
    }
  }
}

function addressOfRequest({ socket, headers }: IncomingMessage): Address {
  return addressOf({ host: socket.remoteAddress, port: socket.remotePort }, (name) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  });
}

function pathOf(url: string): string {
  return url.split("?", 1)[0] ?? "";
}

/** @returns nothing where it takes longer */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), timeoutMs);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}
