import { escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";

/** Shorter gaps are mended before anybody could do anything about them. */
const GAP_MS = 5000;

/** What one invite tells of its server. */
export interface ServerWatch {
  readonly onMotd: (motd: string) => void;
  readonly onConnection: (isConnected: boolean) => void;
  /** The invite is over, whatever its connection. */
  readonly end: () => void;
}

/**
 * Says what the mailbox server has to say to everybody, and that it is away or
 * back: with `--verbose` each time and at once, else when it has been away for
 * some seconds. Once, however many invites wait.
 */
export class ServerNews {
  readonly #args: Arguments;
  readonly #lost = new Set<object>();
  #timer: NodeJS.Timeout | undefined;
  #wasSaid = false;
  #motd: string | undefined;

  constructor(args: Arguments) {
    this.#args = args;
  }

  watch(): ServerWatch {
    const key = {};
    return {
      onMotd: (motd) => this.#sayMotd(motd),
      onConnection: (isConnected) => {
        if (this.#args.flag("quiet")) return;
        if (this.#args.flag("verbose")) return say(isConnected ? "connected" : "the connection is lost; trying again");
        if (isConnected) this.#find(key);
        else this.#lose(key);
      },
      end: () => this.#forget(key),
    };
  }

  #lose(key: object): void {
    this.#lost.add(key);
    this.#timer ??= setTimeout(() => {
      this.#wasSaid = true;
      say("the connection to the mailbox server is lost; trying again");
    }, GAP_MS).unref();
  }

  #find(key: object): void {
    const wasLost = this.#lost.has(key);
    const wasSaid = this.#wasSaid;
    this.#forget(key);
    if (wasLost && wasSaid && this.#lost.size === 0) say("the connection to the mailbox server is back");
  }

  #forget(key: object): void {
    this.#lost.delete(key);
    if (this.#lost.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wasSaid = false;
  }

  /** Each line of it is led by who says it. */
  #sayMotd(motd: string): void {
    if (this.#args.flag("quiet") || motd === this.#motd) return;
    this.#motd = motd;
    for (const line of motd.replace(/[\r\n]+$/, "").split(/\r\n|\r|\n/)) say(`mailbox server: ${escapeUnsafe(line)}`);
  }
}
