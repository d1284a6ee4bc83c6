import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Test } from "tap";
import { WebSocketServer, type WebSocket } from "ws";
import type { Certificate } from "./certificates.ts";
import { MailboxModel, type ModelConnection } from "./mailbox-model.ts";

// Mailbox servers that do what a test wants of them, good or bad.

async function listen(t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** A server that says something on TCP, or nothing. */
export async function tcpServer(t: Test, onSocket: (socket: Socket) => void = () => undefined): Promise<string> {
  return `ws://127.0.0.1:${await listen(t, createServer(onSocket))}/v1`;
}

export async function webServer(t: Test, onRequest: RequestListener): Promise<string> {
  const server = createHttpServer(onRequest);
  // Node's would hang up on whoever asks for a WebSocket.
  server.on("upgrade", (request, socket) => {
    socket.write("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>");
    socket.end();
    request.resume();
  });
  return `ws://127.0.0.1:${await listen(t, server)}/v1`;
}

export interface ScriptOptions {
  readonly tls?: Certificate;
  /** Whether it answers WebSocket pings. */
  readonly autoPong?: boolean;
}

/** A WebSocket server with a script for each connection. */
export async function scriptedMailbox(t: Test, script: (socket: WebSocket, n: number) => void, { tls, autoPong = true }: ScriptOptions = {}): Promise<string> {
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  let n = 0;
  new WebSocketServer({ server, autoPong, maxPayload: 2 ** 27 }).on("connection", (socket) => script(socket, n++));
  const port = await listen(t, server);
  return tls === undefined ? `ws://127.0.0.1:${port}/v1` : `wss://localhost:${port}/v1`;
}

/** A good server, of which a test can cut connections. */
export interface GoodMailbox {
  readonly url: string;
  readonly model: MailboxModel;
  /** Cuts all connections that are there. */
  readonly cut: () => void;
  /** Called before each frame of a client is obeyed; false cuts the connection instead. */
  onCommand: (message: { readonly type: string; readonly side?: string; readonly phase?: string }) => boolean | Promise<boolean>;
  /** Connections so far. */
  count: number;
}

export async function goodMailbox(t: Test, options: ScriptOptions = {}): Promise<GoodMailbox> {
  const model = new MailboxModel();
  const sockets = new Set<WebSocket>();
  const obey = async (socket: WebSocket, connection: ModelConnection, text: string): Promise<void> => {
    const message = JSON.parse(text) as { readonly type: string };
    if (await mailbox.onCommand(message)) connection.hear(message);
    else socket.terminate();
  };
  const url = await scriptedMailbox(
    t,
    (socket) => {
      mailbox.count += 1;
      sockets.add(socket);
      const connection = model.connect((frame) => socket.send(JSON.stringify(frame)));
      let before = Promise.resolve();
      socket.on("message", (data) => {
        before = before.then(() => (socket.readyState === socket.OPEN ? obey(socket, connection, (data as Buffer).toString()) : undefined));
      });
      socket.on("close", () => {
        sockets.delete(socket);
        connection.end();
      });
    },
    options,
  );
  const mailbox: GoodMailbox = {
    url,
    model,
    cut: () => {
      for (const socket of sockets) socket.terminate();
    },
    onCommand: () => true,
    count: 0,
  };
  return mailbox;
}

/** What a bad server says at first, to seem a good one. */
export const WELCOME = JSON.stringify({ type: "welcome", welcome: {} });
