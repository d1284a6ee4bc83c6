import { randomBytes } from "node:crypto";
import { backoffMs } from "./backoff.ts";
import { encodeClientMessage, type Mood } from "./client-message.ts";
import { unreachable } from "./connect-error.ts";
import { Conversation } from "./conversation.ts";
import { hasChanged, Journal } from "./journal.ts";
import { step, type MachineEvent } from "./machine.ts";
import { isAnswerDue } from "./progress.ts";
import { eventOf, type WormholeEvent } from "./event.ts";
import type { WormholeState } from "./state.ts";
import { parseMailboxUrl } from "./websocket.ts";

export type { WormholeEvent } from "./event.ts";

// All the waiting of a wormhole: connections, time, and who is told what when.
// Every rule stands in machine.ts.

const CONNECT_MS = 15_000;
/** After so long without a connection, servers have removed the mailbox. */
const RECONNECT_MS = 11 * 60_000;
const MAX_MESSAGE = 32 * 1024 * 1024;
/** For letting go of everything, after Ctrl-C. */
const HURRIED_CLOSE_MS = 1000;
/** The longest that Node can count. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface WormholeOptions {
  /** `ws:` or `wss:`, with its path. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
  /** Writes a state down; awaited before what it speaks of is sent or told. */
  readonly save?: ((state: WormholeState) => void | Promise<void>) | undefined;
  /** For the first connection, up to the first answer of the server. */
  readonly connectTimeoutMs?: number | undefined;
  /** Without an answer for so long, the wormhole is lost. */
  readonly reconnectMs?: number | undefined;
  /** Asks Keyhole's server for notices about third sides. */
  readonly watch?: boolean | undefined;
  /** The longest frame to take, in bytes. */
  readonly maxMessage?: number | undefined;
  readonly onConnection?: ((isConnected: boolean) => void) | undefined;
  /** For nonces. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
  /** Bounds that tests shorten. */
  readonly bounds?: Partial<Bounds> | undefined;
}

export interface Bounds {
  /** Answers come in milliseconds; a server that owes one for so long will not give it. */
  readonly answerMs: number;
  /** For letting go of everything. */
  readonly closeMs: number;
  /** Between two WebSocket pings. */
  readonly pingMs: number;
  /** A connection on which nothing came for so long is dead. */
  readonly silenceMs: number;
  /** Pause before the next try to connect. */
  readonly backoffMs: (failures: number) => number;
}

const BOUNDS: Bounds = { answerMs: 15_000, closeMs: 5000, pingMs: 30_000, silenceMs: 60_000, backoffMs: (failures) => backoffMs(failures, Math.random()) };

/**
 * A wormhole over a mailbox server. It connects at once, comes back with the
 * same side and identical messages when the connection fails, and never waits
 * without a bound, but for the other side.
 *
 * What `save` was given, or `state`, is enough for another process to go on. An
 * event counts as taken when the next one is asked for; those that were not
 * taken come again.
 */
export class Wormhole {
  readonly #url: URL;
  readonly #options: WormholeOptions;
  readonly #bounds: Bounds;
  readonly #journal: Journal;
  #state: WormholeState;
  #conversation: Conversation | undefined;
  /** Events taken, and those that may be told, since the beginning. */
  #taken = 0;
  #tellable = 0;
  #isTaking = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #waiters = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  /** When the answer must have come that the server owes. */
  #answerDeadline: number | undefined;
  /** When everything must have been let go of. */
  #endDeadline: number | undefined;
  #hasEverAnswered = false;

  /** @throws {UsageError} USAGE_MAILBOX */
  constructor(state: WormholeState, options: WormholeOptions) {
    this.#url = parseMailboxUrl(options.url);
    this.#options = options;
    this.#bounds = { ...BOUNDS, ...options.bounds };
    this.#journal = new Journal(options.save, (error) => this.#fail(error));
    this.#state = state;
    options.signal?.addEventListener("abort", this.#wake);
    this.#step({ type: "disconnected" });
    void this.#run().catch((error: unknown) => this.#fail(error));
  }

  /** As it is now; `save` is given what has been made sure of. */
  get state(): WormholeState {
    return this.#state;
  }

  /**
   * The next event, in order; after `ended` always that.
   *
   * @param deadline - in ms since 1970
   * @throws {WormholeError} WORMHOLE_CONNECT, WORMHOLE_TLS, WORMHOLE_NOT_A_MAILBOX, WORMHOLE_UNWELCOME,
   *   WORMHOLE_PERMISSION, WORMHOLE_HASHCASH; what `save` throws; the reason of the signal
   */
  async next(deadline = Infinity): Promise<WormholeEvent | "timeout"> {
    if (this.#isTaking && this.#state.events[0]?.type !== "ended") {
      this.#taken += 1;
      this.#step({ type: "taken" });
    }
    this.#isTaking = false;
    for (;;) {
      this.#options.signal?.throwIfAborted();
      const [event] = this.#state.events;
      if (event !== undefined && this.#taken < this.#tellable) {
        this.#isTaking = true;
        return eventOf(event);
      }
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isOver) throw new RangeError("the wormhole is disconnected");
      if (Date.now() >= deadline) return "timeout";
      await this.#change(deadline);
    }
  }

  /**
   * Sends a message to the other side, once that is verified; after an end,
   * nothing is sent.
   *
   * @returns its index, which the event `stored` will name
   */
  send(plaintext: Uint8Array): number {
    const { isVerified, nextSend } = this.#state;
    if (!isVerified) throw new RangeError("nothing is sent before the other side is verified");
    this.#step({ type: "send", plaintext });
    return nextSend;
  }

  /**
   * Lets go of nameplate and mailbox, waits for the server to say so, and ends
   * the connection. What has ended already keeps its mood. What was sent just
   * before gets there first, as far as the server can be reached.
   *
   * @param sendMs - for what was sent to get there; letting go takes a few seconds at most, less once the signal is aborted
   * @returns whether the server has all that was sent
   */
  async close(mood: Mood, sendMs = this.#bounds.closeMs): Promise<boolean> {
    const isAborted = (): boolean => this.#options.signal?.aborted === true;
    const hasSent = (): boolean => this.#state.outbox.every(({ isStored }) => isStored);
    const isHopeless = (): boolean => this.#state.isFinished || this.#isOver || (isAborted() && this.#state.connection.stage !== "bound");
    const begin = Date.now();
    let sentAt = Infinity;
    let abortedAt = Infinity;
    const deadline = (): number => {
      if (hasSent()) sentAt = Math.min(sentAt, Date.now());
      if (isAborted()) abortedAt = Math.min(abortedAt, Date.now());
      return Math.min(begin + sendMs, sentAt + this.#bounds.closeMs, abortedAt + HURRIED_CLOSE_MS);
    };
    this.#endDeadline ??= begin + sendMs;
    this.#step({ type: "close", mood });
    while (!isHopeless() && Date.now() < deadline()) await this.#change(deadline());
    if (!this.#state.isFinished) this.#step({ type: "give-up" });
    await this.#journal.settle();
    this.disconnect();
    return hasSent();
  }

  /** Ends the connection and leaves the rest as it is, for another process to go on with. */
  disconnect(): void {
    this.#isOver = true;
    this.#options.signal?.removeEventListener("abort", this.#wake);
    clearTimeout(this.#timer);
    this.#conversation?.end(unreachable("disconnected"));
    this.#wake();
  }

  /** Connects, again and again, until there is nothing left to do. */
  async #run(): Promise<void> {
    const { connectTimeoutMs = CONNECT_MS, reconnectMs = RECONNECT_MS } = this.#options;
    const begin = Date.now();
    let lastAnswer = begin;
    let failures = 0;
    while (!this.#hasEnded()) {
      const before = this.#state;
      const conversation = this.#converse(connectTimeoutMs);
      const error = await conversation.ended;
      this.#conversation = undefined;
      if (this.#hasEnded()) return;
      this.#step({ type: "disconnected" });
      if (conversation.wasGreeted) this.#options.onConnection?.(false);
      if (conversation.hasAnswered) lastAnswer = Date.now();
      if (!this.#hasEverAnswered && !conversation.wasGreeted) throw error;
      // A server that answers and hangs up each time is left alone more and more.
      if (hasChanged(before, this.#state)) failures = 0;
      const left = (this.#hasEverAnswered ? lastAnswer + reconnectMs : begin + connectTimeoutMs) - Date.now();
      if (left <= 0 && !this.#hasEverAnswered) throw error;
      if (left <= 0) this.#step({ type: "give-up", detail: error.message });
      await this.#pause(Math.min(this.#bounds.backoffMs(failures), left));
      failures += 1;
    }
  }

  #converse(connectMs: number): Conversation {
    const { watch, maxMessage = MAX_MESSAGE, onConnection } = this.#options;
    const { pingMs, silenceMs } = this.#bounds;
    const conversation = new Conversation({
      url: this.#url,
      connectMs,
      pingMs,
      silenceMs,
      maxMessage,
      onOpen: () => this.#step({ type: "connected", watch }),
      onMessage: (message) => {
        if (message.type === "welcome") onConnection?.(true);
        this.#hasEverAnswered ||= conversation.hasAnswered;
        if (message.type !== "other") this.#answerDeadline = undefined;
        this.#step({ type: "received", message });
        // Once what the welcome led to has left, the server takes its time to answer.
        if (message.type === "welcome") setImmediate(() => this.#work());
      },
      onNonsense: (error) => this.#step({ type: "nonsense", detail: error.message }),
    });
    this.#conversation = conversation;
    return conversation;
  }

  #work(): void {
    if (!this.#hasEnded()) this.#step({ type: "idle" });
  }

  #hasEnded(): boolean {
    return this.#isOver || this.#state.isFinished;
  }

  #step(event: MachineEvent): void {
    const { state, effects } = step(this.#state, event, { now: Date.now(), random: this.#options.random ?? randomBytes });
    this.#state = state;
    const frames = effects.flatMap((effect) => (effect.type === "send" ? [encodeClientMessage(effect.message)] : []));
    const conversation = this.#conversation;
    const tellable = this.#taken + state.events.length;
    this.#journal.write(state, () => {
      if (frames.length > 0) conversation?.send(frames);
      this.#tellable = tellable;
      if (state.isFinished) this.#conversation?.end(unreachable("finished"));
      this.#wake();
    });
    for (const effect of effects) {
      if (effect.type === "mint") void this.#mint(effect.bits, effect.resource).catch((error: unknown) => this.#fail(error));
      if (effect.type === "fail") this.#fail(effect.error);
    }
    this.#arm();
  }

  async #mint(bits: number, resource: string): Promise<void> {
    const conversation = this.#conversation;
    const { mintHashcash } = await import("./hashcash.ts");
    const stopping = new AbortController();
    void conversation?.ended.then(() => stopping.abort());
    try {
      const stamp = await mintHashcash(bits, resource, new Date(), { signal: stopping.signal });
      if (conversation === this.#conversation) this.#step({ type: "minted", stamp });
    } catch (error) {
      if (!stopping.signal.aborted) throw error;
    }
  }

  /** Sets the one timer for what is due next. */
  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#hasEnded()) return;
    const { ending, guessDeadline, connection } = this.#state;
    const now = Date.now();
    if (!isAnswerDue(this.#state)) this.#answerDeadline = undefined;
    else this.#answerDeadline ??= now + this.#bounds.answerMs;
    if (ending !== null) this.#endDeadline ??= now + this.#bounds.closeMs;
    const guess = connection.stage === "bound" && connection.missing === null ? guessDeadline : null;
    const due = Math.min(this.#answerDeadline ?? Infinity, this.#endDeadline ?? Infinity, guess ?? Infinity);
    if (due !== Infinity) this.#timer = setTimeout(() => this.#onTime(), Math.max(0, due - now));
  }

  #onTime(): void {
    const now = Date.now();
    if (now >= (this.#endDeadline ?? Infinity)) return this.#step({ type: "give-up" });
    if (now < (this.#answerDeadline ?? Infinity)) return this.#step({ type: "tick" });
    this.#answerDeadline = undefined;
    const error = unreachable(`${this.#url.host} owes an answer for ${this.#bounds.answerMs / 1000} s`, "try again later, or another server with --mailbox");
    if (this.#hasEverAnswered) this.#conversation?.end(error);
    else this.#fail(error);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.disconnect();
  }

  readonly #wake = (): void => {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  };

  /** Until something has changed, or the time has come. */
  async #change(deadline: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiters.add(resolve);
      if (deadline !== Infinity) timer = setTimeout(resolve, Math.min(deadline - Date.now(), MAX_TIMER_MS));
    });
    clearTimeout(timer);
  }

  async #pause(ms: number): Promise<void> {
    const deadline = Date.now() + ms;
    while (!this.#hasEnded() && Date.now() < deadline) await this.#change(deadline);
  }
}
