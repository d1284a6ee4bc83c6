import type { Approval } from "../../../../src/lib/ctap/authenticator/approval.ts";
import { Authenticator } from "../../../../src/lib/ctap/authenticator/authenticator.ts";
import type { Clock } from "../../../../src/lib/ctap/authenticator/clock.ts";
import type { Door } from "../../../../src/lib/ctap/authenticator/door.ts";
import { runCard, type CardEvent, type RunningCard } from "../../../../src/lib/ctap/authenticator/run-card.ts";
import type { Store } from "../../../../src/lib/ctap/authenticator/state.ts";
import { MessageAssembler, type Message } from "../../../../src/lib/ctap/message.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, parsePacket, type Packet } from "../../../../src/lib/ctap/packet.ts";

/** Time that passes where a test says so. */
export class ManualClock implements Clock {
  #nowMs = 1000;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get waiting(): number {
    return this.#timers.length;
  }

  pass(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
    }
    this.#nowMs = endMs;
  }
}

/** What a card says to one channel. */
export interface Heard extends Message {
  readonly channel: number;
}

export interface WiredOptions {
  readonly approve?: Approval;
  readonly store?: Store;
}

/** A host on the wire of a running card, whose time is in the test's hand. */
export class WiredHost {
  readonly clock = new ManualClock();
  readonly events: CardEvent[] = [];
  readonly errors: unknown[] = [];
  readonly card: RunningCard;
  readonly door: Door;
  isClosed = false;
  #heard: Heard[] = [];
  readonly #assemblers = new Map<number, MessageAssembler>();

  constructor({ approve, store }: WiredOptions = {}) {
    this.door = {
      name: "test:",
      onReport: () => undefined,
      send: (report) => this.#hear(parsePacket(report)),
      close: () => {
        this.isClosed = true;
        return Promise.resolve();
      },
    };
    const authenticator = new Authenticator({ now: () => this.clock.now(), ...(store === undefined ? {} : { store }) });
    this.card = runCard(this.door, authenticator, {
      approve,
      onEvent: (event) => this.events.push(event),
      onError: (error) => this.errors.push(error),
      clock: this.clock,
    });
  }

  #hear(packet: Packet): void {
    const assembler = this.#assemblers.get(packet.channel) ?? new MessageAssembler(packet.channel);
    this.#assemblers.set(packet.channel, assembler);
    const message = assembler.receive(packet);
    if (message !== undefined) this.#heard.push({ channel: packet.channel, ...message });
  }

  report(report: Uint8Array): void {
    this.door.onReport(report);
  }

  send(channel: number, command: number, data: Uint8Array = new Uint8Array()): void {
    for (const report of encodeMessage(channel, command, data)) this.report(report);
  }

  /** All that the card has said since the last time. */
  heard(): readonly Heard[] {
    const heard = this.#heard;
    this.#heard = [];
    return heard;
  }

  /** What it answers at once: one message. */
  ask(channel: number, command: number, data?: Uint8Array): Heard {
    this.send(channel, command, data);
    const [answer, ...more] = this.heard();
    if (answer === undefined || more.length > 0) throw new Error(`${more.length + (answer === undefined ? 0 : 1)} messages, expected one`);
    return answer;
  }

  /** @returns a new channel */
  open(): number {
    const { data } = this.ask(BROADCAST_CHANNEL, HID_COMMAND.init, new Uint8Array(8));
    return new DataView(data.buffer, data.byteOffset).getUint32(8);
  }
}

/** Lets promises that are settled have their effect. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
