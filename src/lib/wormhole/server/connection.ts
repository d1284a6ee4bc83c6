import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { Address } from "./address.ts";
import { malformed, parseFrame, type Frame } from "./command.ts";
import type { Client, Dispatcher } from "./dispatcher.ts";
import type { Subscription } from "./hub.ts";
import type { Metrics } from "./metrics.ts";
import type { RateLimit } from "./rate-limit.ts";
import { randomKey } from "./rounds.ts";
import { newSession, type Session } from "./session.ts";
import type { Reader, Unread } from "./unread.ts";

/** What a connection shares with all others. */
export interface ConnectionOptions {
  readonly dispatcher: Dispatcher;
  readonly metrics: Metrics;
  readonly unread: Unread;
  /** Bytes that one client may leave unread. */
  readonly maxUnread: number;
  /** Claims and allocations; nothing where the address has no limit. */
  readonly limit: RateLimit | undefined;
}

/** Frames of one client that are on their way to an answer; the next ones wait. */
const MAX_PENDING = 32;
const MAX_PENDING_LENGTH = 1024 * 1024;
/** Less than this need not be watched. */
const MIN_HELD = 64 * 1024;
/** From the beginning of a long message to its end. */
const MESSAGE_MS = 120_000;

const CLOSE_GOING_AWAY = 1001;

interface Waiting {
  readonly frame: Frame | string;
  readonly received: number;
}

/** One client: reads its frames, as many as it lets be answered, and writes what is for it. */
export class Connection implements Client, Reader {
  session: Session = newSession(randomKey());
  subscription: Subscription | undefined;
  /** It has been heard of since the last ping. */
  isAlive = true;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #address: Address;
  readonly #options: ConnectionOptions;
  #waiting: Waiting[] = [];
  #pending: number[] = [];
  #pendingLength = 0;
  #out: (string | Buffer)[] = [];
  #outLength = 0;
  /** Bytes of a message that is not whole yet, and when it began. */
  #partial = 0;
  #partialSince = 0;
  /** An allocation pays for the claim that follows it. */
  #hasPaid = false;
  #isDraining = false;
  #isDropped = false;

  /** @param stream - below the WebSocket */
  constructor(socket: WebSocket, stream: Duplex, address: Address, options: ConnectionOptions) {
    this.#socket = socket;
    this.#stream = stream;
    this.#address = address;
    this.#options = options;
    // Before ws, which tells of the message that these bytes end.
    stream.prependListener("data", (chunk: Buffer) => this.#hear(chunk.length));
  }

  get unread(): number {
    return this.#socket.bufferedAmount + this.#outLength + this.#partial;
  }

  receive(data: RawData, isBinary: boolean): void {
    this.isAlive = true;
    this.#partial = 0;
    if (this.#isDraining) return;
    // Unfragmented by default, ws gives a Buffer.
    const frame = isBinary || !Buffer.isBuffer(data) ? malformed("binary frame, expected text") : data.toString();
    this.#waiting.push({ frame, received: Date.now() });
    this.#pump();
  }

  /** The socket is closed. What it sent before is still done. */
  end(): void {
    this.#options.unread.remove(this);
    this.#waiting.push({ frame: LEAVE, received: Date.now() });
    this.#pump();
  }

  send(frame: string | Buffer): void {
    if (this.#isDropped) return;
    this.#out.push(frame);
    this.#outLength += frame.length;
    // What leaves after one commit goes together, but for what is long: one commit may have much of that.
    if (this.#outLength >= MIN_HELD) this.#flush();
    else if (this.#out.length === 1) queueMicrotask(() => this.#flush());
  }

  onDone(): void {
    this.#pendingLength -= this.#pending.shift() ?? 0;
    this.#pump();
  }

  /** Whether it answered the last ping, or sent anything since, and ends what it begins; then it is sent another. */
  ping(): boolean {
    if (this.#partial >= MIN_HELD && Date.now() - this.#partialSince > MESSAGE_MS) return false;
    if (!this.isAlive || this.#socket.readyState !== this.#socket.OPEN) return this.isAlive;
    this.isAlive = false;
    this.#socket.ping();
    return true;
  }

  /** Takes no more frames; those that came are answered. */
  drain(): void {
    this.#isDraining = true;
  }

  close(): void {
    this.#flush();
    this.#socket.close(CLOSE_GOING_AWAY, "server is stopping");
  }

  /** Too much is held for it. */
  drop(): void {
    this.#isDropped = true;
    this.#out = [];
    this.#outLength = 0;
    this.#options.metrics.dropped.add("unread");
    this.terminate();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #pump(): void {
    let next = 0;
    while (next < this.#waiting.length && this.#pending.length < MAX_PENDING && this.#pendingLength < MAX_PENDING_LENGTH) {
      const waiting = this.#waiting[next++];
      if (waiting !== undefined) this.#submit(waiting);
    }
    if (next > 0) this.#waiting = this.#waiting.slice(next);
    if (this.#waiting.length > 0) this.#socket.pause();
    else if (this.#socket.isPaused) this.#socket.resume();
  }

  #submit({ frame: raw, received }: Waiting): void {
    const frame = this.#limited(typeof raw === "string" ? parseFrame(raw) : raw, received);
    // The answer to a list is long: no second one meanwhile.
    const length = frame.command.type === "list" ? MAX_PENDING_LENGTH : typeof raw === "string" ? raw.length : 0;
    this.#pending.push(length);
    this.#pendingLength += length;
    const { type } = frame.command;
    if (type !== "leave") this.#options.metrics.commands.add(type);
    this.#options.dispatcher.push({ client: this, frame, received });
  }

  #limited(frame: Frame, now: number): Frame {
    const { limit, metrics } = this.#options;
    const { type } = frame.command;
    if (limit === undefined || (type !== "claim" && type !== "allocate")) return frame;
    const isPaid = type === "claim" && this.#hasPaid;
    this.#hasPaid = false;
    if (isPaid) return frame;
    if (limit.take(this.#address.host, now)) {
      this.#hasPaid = type === "allocate";
      return frame;
    }
    metrics.limited.add();
    return { ...frame, command: { type: "invalid", of: type, error: `too many claims: at most ${limit.perMinute} a minute from one address` } };
  }

  #flush(): void {
    const frames = this.#out;
    this.#out = [];
    this.#outLength = 0;
    if (this.#socket.readyState !== this.#socket.OPEN || frames.length === 0) return;
    this.#stream.cork();
    for (const frame of frames) this.#socket.send(frame, { binary: false });
    this.#stream.uncork();
    this.#watch();
  }

  /** What a message holds before it is whole is kept for this client like what it has not read. */
  #hear(length: number): void {
    if (this.#partial === 0) this.#partialSince = Date.now();
    this.#partial += length;
    this.#watch();
  }

  #watch(): void {
    if (this.unread < MIN_HELD) return;
    if (this.unread > this.#options.maxUnread) this.drop();
    else this.#options.unread.update(this);
  }
}

const LEAVE: Frame = { command: { type: "leave" }, ack: undefined, orig: null };
