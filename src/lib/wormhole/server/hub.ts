import type { Mailbox, Message } from "./mailbox.ts";
import { noticesFor, type Notice } from "./notices.ts";
import { encodeMessage, encodeServerFrame } from "./server-frame.ts";

/** A connection that hears what is added to a mailbox. */
export interface Subscriber {
  /** Takes a frame to be written with others a moment later. */
  send(frame: string | Buffer): void;
  subscription: Subscription | undefined;
}

export interface Subscription {
  readonly key: number;
  /** The message it has not got yet. */
  next: number;
  /** The side that wants notices, and what it was told. */
  readonly watch: { readonly side: string; readonly told: Set<string> } | undefined;
}

/** Who hears of which mailbox, on this server. */
export class Hub {
  readonly #subscribers = new Map<number, Set<Subscriber>>();
  readonly #timers = new Map<number, NodeJS.Timeout>();
  readonly #look: (key: number) => void;
  readonly #onNotice: (notice: Notice) => void;

  /**
   * @param look - is called when a mailbox may have become worth a notice by time alone
   * @param onNotice - for each that is sent
   */
  constructor(look: (key: number) => void, onNotice: (notice: Notice) => void) {
    this.#look = look;
    this.#onNotice = onNotice;
  }

  get keys(): readonly number[] {
    return [...this.#subscribers.keys()];
  }

  /** The first message that some subscriber has not got; nothing where there is none. */
  nextIndex(key: number): number | undefined {
    let next: number | undefined;
    for (const { subscription } of this.#subscribers.get(key) ?? []) next = Math.min(next ?? Infinity, subscription?.next ?? Infinity);
    return next;
  }

  subscribe(subscriber: Subscriber, subscription: Subscription): void {
    this.unsubscribe(subscriber);
    subscriber.subscription = subscription;
    const others = this.#subscribers.get(subscription.key);
    if (others === undefined) this.#subscribers.set(subscription.key, new Set([subscriber]));
    else others.add(subscriber);
  }

  unsubscribe(subscriber: Subscriber): void {
    const key = subscriber.subscription?.key;
    if (key === undefined) return;
    subscriber.subscription = undefined;
    const others = this.#subscribers.get(key);
    others?.delete(subscriber);
    if (others?.size === 0) this.#forget(key);
  }

  /** The mailbox is gone. */
  remove(key: number): void {
    for (const subscriber of this.#subscribers.get(key) ?? []) subscriber.subscription = undefined;
    this.#forget(key);
  }

  /** Gives a message to all who have not got it. */
  publish(message: Message, now: number): void {
    let frame: Buffer | undefined;
    for (const subscriber of this.#subscribers.get(message.mailbox) ?? []) {
      const { subscription } = subscriber;
      if (subscription?.next !== message.index) continue;
      subscription.next += 1;
      frame ??= Buffer.from(encodeMessage(message, now));
      subscriber.send(frame);
    }
  }

  /** Tells those who want to know what there is about a mailbox, each thing once to each connection. */
  inspect(mailbox: Mailbox, now: number): void {
    let at: number | undefined;
    for (const subscriber of this.#subscribers.get(mailbox.key) ?? []) {
      const watch = subscriber.subscription?.watch;
      if (watch === undefined) continue;
      const { notices, nextAt } = noticesFor(mailbox, watch.side, now);
      for (const notice of notices) {
        const name = `${notice.notice} ${notice.side}`;
        if (watch.told.has(name)) continue;
        watch.told.add(name);
        subscriber.send(encodeServerFrame(notice, now));
        this.#onNotice(notice);
      }
      if (nextAt !== undefined) at = Math.min(nextAt, at ?? Infinity);
    }
    this.#lookAt(mailbox.key, at, now);
  }

  close(): void {
    for (const key of this.keys) this.remove(key);
  }

  #lookAt(key: number, at: number | undefined, now: number): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (at === undefined) return;
    const timer = setTimeout(() => {
      this.#timers.delete(key);
      this.#look(key);
    }, Math.max(0, at - now));
    this.#timers.set(key, timer);
  }

  #forget(key: number): void {
    this.#subscribers.delete(key);
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
