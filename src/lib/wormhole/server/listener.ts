import { createServer as createHttpServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import { WormholeError } from "../../errors.ts";
import { describeSystemError, systemErrorCode } from "../../files.ts";
import { formatHost } from "./address.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Certificate chain and private key, each in PEM. */
export interface TlsFiles {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/** What a listener hands on. */
export interface ListenerHandlers {
  /** An HTTP request. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** One that wants to become a WebSocket; `head` is what came after it already. */
  readonly onUpgrade: (request: IncomingMessage, stream: Duplex, head: Buffer) => void;
}

/** For somebody who does not get done with a handshake or the head of a request. */
const REQUEST_TIMEOUT_MS = 15_000;
const CHECK_INTERVAL_MS = 5000;
const KEEP_ALIVE_MS = 5000;

/**
 * Listens for HTTP, or with TLS for HTTPS.
 *
 * @param maxConnections - of all kinds, beyond which new ones are dropped
 * @throws {WormholeError} WORMHOLE_TLS_FILES, WORMHOLE_LISTEN
 */
export async function listen({ host, port }: ListenAddress, tls: TlsFiles | undefined, maxConnections: number, { onRequest, onUpgrade }: ListenerHandlers): Promise<Server> {
  const options = { headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS, connectionsCheckingInterval: CHECK_INTERVAL_MS };
  const server = tls === undefined ? createHttpServer(options, onRequest) : createHttpsServer({ ...options, ...tlsOptions(tls), handshakeTimeout: REQUEST_TIMEOUT_MS }, onRequest);
  server.maxConnections = maxConnections;
  server.on("upgrade", (request, stream: Duplex, head) => {
    // Node has taken its own listener away by now, and whoever is refused has no other.
    stream.on("error", () => stream.destroy());
    onUpgrade(request, stream, head);
  });
  // A client that says nothing at all; once it is a WebSocket, pings tell.
  server.setTimeout(REQUEST_TIMEOUT_MS);
  server.on("clientError", (_error, stream) => stream.destroy());
  await new Promise<void>((resolve, reject) => {
    server.on("error", (error) => reject(listenError(host, port, error)));
    server.listen({ host, port }, resolve);
  });
  return server;
}

/** Where a server listens, its port filled in. */
export function addressOfServer(server: Server, { host, port }: ListenAddress): ListenAddress {
  const address = server.address() as AddressInfo | null;
  return { host, port: address?.port ?? port };
}

/** Refuses an upgrade in HTTP, and does not wait for the client to be done too. */
export function refuseUpgrade(stream: Duplex, status: number): void {
  stream.once("finish", () => stream.destroy());
  const timer = setTimeout(() => stream.destroy(), REQUEST_TIMEOUT_MS);
  stream.once("close", () => clearTimeout(timer));
  stream.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function tlsOptions({ cert, key }: TlsFiles): { readonly cert: Buffer; readonly key: Buffer; readonly minVersion: "TLSv1.2" } {
  const options = { cert: Buffer.from(cert), key: Buffer.from(key), minVersion: "TLSv1.2" } as const;
  try {
    createSecureContext(options);
  } catch (error) {
    throw new WormholeError("WORMHOLE_TLS_FILES", "certificate and private key are not a pair in PEM", { hint: "give the chain to --tls-cert and its unencrypted key to --tls-key", cause: error });
  }
  return options;
}

function listenError(host: string, port: number, error: Error): WormholeError {
  return new WormholeError("WORMHOLE_LISTEN", `cannot listen on ${formatHost(host)}:${port}: ${reason(error)}`, { kind: "outside", hint: "choose another address or port; port 0 takes any that is free", cause: error });
}

function reason(error: Error): string {
  const code = systemErrorCode(error);
  if (code === "EADDRNOTAVAIL") return "this machine does not have the address";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "the name has no address";
  return describeSystemError(error);
}
