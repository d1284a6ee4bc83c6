import { randomBytes } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { UsageError, WormholeError } from "../errors.ts";
import { connectError, hostAndPort, hungUp, notAMailbox, unreachable } from "./connect-error.ts";
import { encodeFrame, FrameReader, type Incoming, type Outgoing } from "./frame.ts";
import { encodeRequest, END_OF_HEAD, MAX_HEAD_LENGTH, noHttp, refusal } from "./handshake.ts";
import { HostLookup } from "./host-lookup.ts";

// A client of our own, as that of ws takes longer to load than a whole exchange
// takes: it brings Node's HTTP, TLS and zlib, of which ws:// needs nothing.

export interface SocketOptions {
  /** The longest message to take, in bytes. */
  readonly maxMessage: number;
  /** Between two pings. */
  readonly pingMs: number;
  /** A connection on which nothing came for so long is dead. */
  readonly silenceMs: number;
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** Once, whatever ended it, but for `drop`. */
  readonly onEnd: (error: WormholeError) => void;
}

/**
 * Reads the address of a mailbox server.
 *
 * @throws {UsageError} USAGE_MAILBOX
 */
export function parseMailboxUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isWebSocket = url?.protocol === "ws:" || url?.protocol === "wss:";
  if (url === undefined || !isWebSocket || url.hostname === "" || url.hash !== "" || url.username !== "" || url.password !== "") {
    throw new UsageError("USAGE_MAILBOX", `mailbox server is ${JSON.stringify(text)}, expected ws://HOST:PORT/v1 or wss://HOST/v1`);
  }
  return url;
}

/** Bytes that wait to be read by the server, beyond which its pings need no answer. */
const MAX_UNREAD = 64 * 1024;

/** Begins to connect. What comes of it is told by the callbacks. */
export async function openSocket(url: URL, options: SocketOptions): Promise<MailboxSocket> {
  const lookup = new HostLookup();
  const socket = await connectTo(url, lookup);
  socket.once("close", () => lookup.cancel());
  return new MailboxSocket(url, socket, options);
}

async function connectTo(url: URL, { lookup }: HostLookup): Promise<Socket> {
  const host = hostOf(url);
  if (url.protocol === "ws:") return connect({ host, port: Number(url.port || 80), lookup, noDelay: true });
  const tls = await import("node:tls");
  const socket = tls.connect({ host, port: Number(url.port || 443), lookup, ALPNProtocols: ["http/1.1"], ...(isIP(host) === 0 ? { servername: host } : {}) });
  return socket.setNoDelay(true);
}

/** An IPv6 address stands in brackets in a URL, and nowhere else. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/**
 * One connection to a mailbox server: text frames in and out, and pings that
 * show whether somebody is still there.
 */
export class MailboxSocket {
  readonly #url: URL;
  readonly #options: SocketOptions;
  readonly #socket: Socket;
  readonly #key = randomBytes(16).toString("base64");
  readonly #reader: FrameReader;
  readonly #pinging: NodeJS.Timeout;
  /** What has come of the answer to our request; nothing once it is whole. */
  #head: Buffer | undefined = Buffer.alloc(0);
  #lastHeard = Date.now();
  #hasEnded = false;

  constructor(url: URL, socket: Socket, options: SocketOptions) {
    this.#url = url;
    this.#options = options;
    this.#socket = socket;
    this.#reader = new FrameReader(options.maxMessage);
    this.#pinging = setInterval(() => this.#ping(), options.pingMs);
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", (error) => this.#end(connectError(url, error)));
    socket.on("close", () => this.#end(this.#head === undefined ? unreachable(`${hostAndPort(url)} ended the connection`) : hungUp(url)));
    socket.write(encodeRequest(url, this.#key), "latin1");
  }

  /** Sends frames, all in one piece where they fit into one. */
  send(texts: readonly string[]): void {
    if (this.#hasEnded || this.#head !== undefined) return;
    this.#socket.cork();
    for (const text of texts) this.#write("text", Buffer.from(text));
    this.#socket.uncork();
  }

  /** Ends it at once; nothing more is heard of it. */
  drop(): void {
    this.#hasEnded = true;
    clearInterval(this.#pinging);
    // To Node that is a millisecond's work, which a process that now ends need not do.
    setImmediate(() => this.#socket.destroy());
  }

  #end(error: WormholeError): void {
    if (this.#hasEnded) return;
    this.drop();
    this.#options.onEnd(error);
  }

  #write(type: Outgoing, payload: Uint8Array): void {
    this.#socket.write(encodeFrame(type, payload, randomBytes(4)));
  }

  #ping(): void {
    if (this.#head !== undefined) return;
    if (Date.now() - this.#lastHeard >= this.#options.silenceMs) this.#end(unreachable(`${hostAndPort(this.#url)} no longer answers`));
    else this.#write("ping", new Uint8Array());
  }

  #receive(bytes: Buffer): void {
    if (this.#hasEnded) return;
    this.#lastHeard = Date.now();
    const frames = this.#head === undefined ? bytes : this.#shakeHands(Buffer.concat([this.#head, bytes]));
    if (frames === undefined) return;
    try {
      for (const message of this.#reader.push(frames)) this.#hear(message);
    } catch (error) {
      if (!(error instanceof WormholeError)) throw error;
      this.#end(notAMailbox(this.#url, error.message, error));
    }
  }

  /** @returns what follows the answer to our request, once that is whole and good */
  #shakeHands(head: Buffer): Buffer | undefined {
    const end = head.indexOf(END_OF_HEAD);
    this.#head = head;
    if (end < 0) {
      if (head.length > MAX_HEAD_LENGTH || !"HTTP/".startsWith(head.toString("latin1", 0, "HTTP/".length))) this.#end(noHttp(this.#url));
      return undefined;
    }
    const error = refusal(this.#url, this.#key, head.toString("latin1", 0, end));
    if (error !== undefined) {
      this.#end(error);
      return undefined;
    }
    this.#head = undefined;
    this.#options.onOpen();
    return head.subarray(end + END_OF_HEAD.length);
  }

  #hear(message: Incoming): void {
    if (this.#hasEnded) return;
    switch (message.type) {
      case "text":
        return this.#options.onText(message.text);
      case "binary":
        return this.#end(notAMailbox(this.#url, "it sent a binary frame"));
      case "ping":
        // A server that asks again before it has read the last answer has that one.
        return this.#socket.writableLength > MAX_UNREAD ? undefined : this.#write("pong", message.payload);
      case "pong":
        return;
      case "close":
        this.#write("close", new Uint8Array());
        return this.#end(unreachable(`${hostAndPort(this.#url)} ended the connection${message.code === undefined ? "" : ` (${message.code})`}`));
    }
  }
}
