import { WormholeError } from "../errors.ts";
import { hostAndPort, notAMailbox, unreachable } from "./connect-error.ts";
import { parseServerMessage, type ServerMessage } from "./server-message.ts";
import { openSocket, type MailboxSocket } from "./websocket.ts";

export interface ConversationOptions {
  readonly url: URL;
  /** Up to the welcome. */
  readonly connectMs: number;
  readonly pingMs: number;
  readonly silenceMs: number;
  /** The longest frame to take, in bytes. */
  readonly maxMessage: number;
  readonly onOpen: () => void;
  readonly onMessage: (message: ServerMessage) => void;
  /** After the welcome came what no mailbox server sends. */
  readonly onNonsense: (error: WormholeError) => void;
}

/** What is said over one connection, from its first packet to its end. */
export class Conversation {
  /** What ended it. */
  readonly ended: Promise<WormholeError>;
  readonly #options: ConversationOptions;
  #socket: MailboxSocket | undefined;
  #wasGreeted = false;
  #hasAnswered = false;
  #isOver = false;
  #resolve: (error: WormholeError) => void = () => undefined;
  readonly #late: NodeJS.Timeout;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
    const { url, connectMs } = options;
    this.#late = setTimeout(() => this.end(unreachable(`${hostAndPort(url)} did not answer within ${connectMs / 1000} s`)), connectMs);
    void this.#open();
  }

  get wasGreeted(): boolean {
    return this.#wasGreeted;
  }

  /** Whether the server has answered anything since its welcome. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  send(frames: readonly string[]): void {
    if (!this.#isOver) this.#socket?.send(frames);
  }

  /** Ends the connection at once, for the given reason. */
  end(error: WormholeError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#late);
    this.#socket?.drop();
    this.#resolve(error);
  }

  async #open(): Promise<void> {
    const { url, maxMessage, pingMs, silenceMs, onOpen } = this.#options;
    this.#socket = await openSocket(url, { maxMessage, pingMs, silenceMs, onOpen, onText: (text) => this.#hear(text), onEnd: (error) => this.#lose(error) });
    if (this.#isOver) this.#socket.drop();
  }

  /** A server that breaks the rules would do so over the next connection, too. */
  #lose(error: WormholeError): void {
    if (this.#wasGreeted && error.code === "WORMHOLE_NOT_A_MAILBOX" && !this.#isOver) this.#options.onNonsense(error);
    this.end(error);
  }

  #hear(text: string): void {
    if (this.#isOver) return;
    const { url, onMessage, onNonsense } = this.#options;
    const message = parse(text);
    if (message instanceof WormholeError) {
      if (this.#wasGreeted) onNonsense(message);
      else this.end(notAMailbox(url, message.message));
      return;
    }
    if (message.type === "welcome") {
      this.#wasGreeted = true;
      clearTimeout(this.#late);
    } else if (!this.#wasGreeted) {
      return this.end(notAMailbox(url, "it did not begin with a welcome"));
    } else if (message.type !== "other") {
      this.#hasAnswered = true;
    }
    onMessage(message);
  }
}

function parse(text: string): ServerMessage | WormholeError {
  try {
    return parseServerMessage(text);
  } catch (error) {
    if (error instanceof WormholeError) return error;
    throw error;
  }
}
