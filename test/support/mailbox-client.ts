import { once } from "node:events";
import WebSocket, { type ClientOptions } from "ws";

/** Longer than any answer takes on a busy machine. */
const TIMEOUT_MS = 30_000;

export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Teardown {
  readonly teardown: (stop: () => void) => unknown;
}

/** One client of a mailbox server that sends what a test says, right or wrong, and nothing else. */
export class MailboxClient {
  readonly socket: WebSocket;
  readonly #frames: Frame[] = [];
  #wake: () => void = () => undefined;
  #pings = 0;
  /** With which code, once it is. */
  closed: number | undefined;

  private constructor(t: Teardown, socket: WebSocket) {
    this.socket = socket;
    t.teardown(() => {
      socket.terminate();
    });
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer) => {
      this.#frames.push(JSON.parse(data.toString()) as Frame);
      this.#wake();
    });
    socket.on("close", (code) => {
      this.closed = code;
      this.#wake();
    });
  }

  /** Connects, and leaves the welcome to be read. */
  static async connect(t: Teardown, url: string, options: ClientOptions = {}): Promise<MailboxClient> {
    const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
    const client = new MailboxClient(t, socket);
    await once(socket, "open");
    return client;
  }

  /** Connects, skips the welcome, and binds. */
  static async bind(t: Teardown, url: string, side: string, { appid = "test", ...more }: { readonly appid?: string; readonly [field: string]: unknown } = {}): Promise<MailboxClient> {
    const client = await MailboxClient.connect(t, url);
    await client.receive("welcome");
    client.send({ type: "bind", appid, side, ...more });
    return client;
  }

  send(...messages: readonly unknown[]): void {
    for (const message of messages) this.sendRaw(JSON.stringify(message));
  }

  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** The next frame that is no `ack`. */
  async next(): Promise<Frame> {
    for (;;) {
      const frame = await this.nextOfAll();
      if (frame.type !== "ack") return frame;
    }
  }

  async nextOfAll(): Promise<Frame> {
    const deadline = Date.now() + TIMEOUT_MS;
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.closed !== undefined) throw new Error(`connection closed with ${this.closed}`);
      await this.#changed(deadline);
    }
  }

  /** The next frame of this type; others before it are dropped. */
  async receive(type: string): Promise<Frame> {
    for (;;) {
      const frame = await this.nextOfAll();
      if (frame.type === type) return frame;
    }
  }

  /** Sends something, and waits for what comes up to the answer of a ping after it. */
  async say(...messages: readonly unknown[]): Promise<readonly Frame[]> {
    const ping = `sync ${this.#pings++}`;
    this.send(...messages, { type: "ping", ping });
    return this.#upTo(ping);
  }

  /** The same, for a frame that need not be JSON. */
  async sayRaw(data: string | Uint8Array): Promise<readonly Frame[]> {
    this.sendRaw(data);
    return this.say();
  }

  async ended(): Promise<number> {
    const deadline = Date.now() + TIMEOUT_MS;
    while (this.closed === undefined) await this.#changed(deadline);
    return this.closed;
  }

  /** Claims a nameplate and opens its mailbox. */
  async join(nameplate: string): Promise<string> {
    this.send({ type: "claim", nameplate });
    const { mailbox } = await this.receive("claimed");
    this.send({ type: "open", mailbox });
    return mailbox as string;
  }

  async #upTo(ping: string): Promise<readonly Frame[]> {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.type === "pong" && frame.pong === ping) return frames;
      frames.push(frame);
    }
  }

  async #changed(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      timer = setTimeout(() => reject(new Error("the mailbox server does not answer")), deadline - Date.now());
    });
    clearTimeout(timer);
  }
}
