import { randomBytes } from "node:crypto";
import { equalBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { monotonicMs } from "../monotonic.ts";
import { NONCE_LENGTH, parseInitResponse, type InitResponse } from "./init.ts";
import { MessageAssembler, type Message } from "./message.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, parsePacket, type Packet } from "./packet.ts";
import { isStatus, statusError } from "./status.ts";
import { ReportQueue } from "./transport/report-queue.ts";
import type { Transport } from "./transport/transport.ts";

// All the waiting of the host's side. Source for the times: CTAP 2.1 §11.2.5.

export const INIT_TIMEOUT_MS = 3000;
export const INIT_ATTEMPTS = 2;

/** Without a packet for so long, a card that owes one is mute. */
export const SILENCE_MS = 3000;

/** Between two packets of one message. */
export const PACKET_GAP_MS = 1000;

/** How long a person may take, where the caller does not say. */
export const USER_TIMEOUT_MS = 30_000;

/** For all the packets of a request; a card takes the longest one in less than two seconds. */
const SEND_MS = 5000;

/** A cancelled request ends by then, or is given up. */
const CANCEL_MS = 500;

const BUSY_PAUSE_MS = 100;

export type Keepalive = "processing" | "up-needed" | "unknown";

/** A packet that belongs to somebody else, or to nobody. */
export interface Stray {
  /**
   * `nonce`: an answer to an INIT that is not ours; `channel`: any packet of a
   * channel that is not ours; `late`: one of our channel for which nobody waits,
   * or that came before.
   */
  readonly kind: "nonce" | "channel" | "late";
  readonly packet: Packet;
}

export interface DeviceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Takes an answer to CBOR that says it is one to MSG, as Qubes' CTAP proxy sends (QubesOS issue 10981). */
  readonly lenient?: boolean | undefined;
  readonly onStray?: ((stray: Stray) => void) | undefined;
  /** Attempts of INIT, each of `initTimeoutMs`. */
  readonly initAttempts?: number | undefined;
  readonly initTimeoutMs?: number | undefined;
  /** For the nonce. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
}

export interface TransactOptions {
  /** Cancels the request on the card; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** For the person; the request is cancelled then. */
  readonly timeoutMs?: number | undefined;
  readonly onKeepalive?: ((status: Keepalive) => void) | undefined;
  /** The longest wait for the first packet and between keepalives, and for a card that is busy with another channel. */
  readonly silenceMs?: number | undefined;
}

/** One card behind a transport, with a channel of its own. A request waits until the one before has ended. */
export class CtapDevice {
  readonly transport: Transport;
  /** What the card said of itself. */
  readonly init: InitResponse;
  readonly #connection: Connection;
  readonly #lenient: boolean;
  #before: Promise<unknown> = Promise.resolve();

  private constructor(connection: Connection, init: InitResponse, lenient: boolean) {
    this.transport = connection.transport;
    this.init = init;
    this.#connection = connection;
    this.#lenient = lenient;
  }

  /**
   * Gets a channel by INIT. The device takes the transport over and closes it,
   * at once where this fails.
   *
   * @throws {CtapError} CTAP_NO_ANSWER, CTAP_INIT, CTAP_SEQUENCE, CTAP_MESSAGE_LENGTH, CTAP_REPORT_LENGTH,
   *   CTAP_DEVICE_LOST, a status of CTAPHID_ERROR; the reason of the signal
   */
  static async open(transport: Transport, options: DeviceOptions = {}): Promise<CtapDevice> {
    const connection = new Connection(transport, options.onStray ?? (() => undefined));
    try {
      const init = await initialise(connection, options);
      connection.channel = init.channel;
      return new CtapDevice(connection, init, options.lenient ?? false);
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /**
   * Sends a message and waits for the answer to it. While the card is busy with
   * another channel, it is sent again for up to `silenceMs`.
   *
   * @param command - of CTAPHID
   * @returns the answer's data
   * @throws {CtapError} CTAP_NO_ANSWER, CTAP_INCOMPLETE, CTAP_USER_TIMEOUT, CTAP_KEEPALIVE_FOREVER, CTAP_COMMAND,
   *   CTAP_QUBES, CTAP_SEQUENCE, CTAP_MESSAGE_LENGTH, CTAP_DEVICE_LOST, a status of CTAPHID_ERROR;
   *   the reason of the signal
   */
  transact(command: number, payload: Uint8Array, options: TransactOptions = {}): Promise<Uint8Array> {
    const answer = this.#before.then(() => this.#transact(command, payload, options));
    this.#before = answer.catch(() => undefined);
    return answer;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #transact(command: number, payload: Uint8Array, options: TransactOptions): Promise<Uint8Array> {
    const { timeoutMs = USER_TIMEOUT_MS, silenceMs = SILENCE_MS } = options;
    const begin = monotonicMs();
    for (;;) {
      try {
        return this.#checkCommand(command, await this.#connection.exchange(command, payload, options, begin));
      } catch (error) {
        if (!isStatus(error, 0x06) || monotonicMs() - begin + BUSY_PAUSE_MS > Math.min(silenceMs, timeoutMs)) throw error;
        await pause(BUSY_PAUSE_MS, options.signal);
      }
    }
  }

  #checkCommand(command: number, message: Message): Uint8Array {
    if (message.command === command) return message.data;
    if (command === HID_COMMAND.cbor && message.command === HID_COMMAND.msg) {
      if (this.#lenient) return message.data;
      throw new CtapError("CTAP_QUBES", "answer to CBOR has the command of MSG, as from Qubes' CTAP proxy", { kind: "outside", hint: "--lenient takes it" });
    }
    throw new CtapError("CTAP_COMMAND", `answer has the command 0x${hex(message.command)}, expected 0x${hex(command)}`, { kind: "outside", hint: "keyhole ctap probe says more" });
  }
}

/** Reads all the time, so that what came before a request is never taken for its answer. */
class Connection {
  readonly transport: Transport;
  channel = BROADCAST_CHANNEL;
  readonly #queue = new ReportQueue();
  readonly #closing = new AbortController();
  readonly #onStray: (stray: Stray) => void;
  #last: Message | undefined;
  #lastPacket: Packet | undefined;

  constructor(transport: Transport, onStray: (stray: Stray) => void) {
    this.transport = transport;
    this.#onStray = onStray;
    void this.#pump();
  }

  async close(): Promise<void> {
    this.#closing.abort(new CtapError("CTAP_DEVICE_LOST", `${this.transport.name} is closed`, { kind: "outside" }));
    await this.transport.close();
  }

  /** One try of INIT. @returns nothing where the time is up */
  async init(nonce: Uint8Array, timeoutMs: number, signal = this.#closing.signal): Promise<InitResponse | undefined> {
    const deadline = monotonicMs() + timeoutMs;
    const assembler = new MessageAssembler(BROADCAST_CHANNEL);
    await this.#send(BROADCAST_CHANNEL, HID_COMMAND.init, nonce, signal, timeoutMs);
    for (;;) {
      const packet = await this.#take(signal, deadline - monotonicMs());
      if (packet === undefined) return undefined;
      if (packet.channel !== BROADCAST_CHANNEL) this.#onStray({ kind: "channel", packet });
      const message = assembler.receive(packet);
      if (message?.command === HID_COMMAND.error) throw statusError(message.data[0] ?? 0x7f);
      if (message?.command !== HID_COMMAND.init) continue;
      if (equalBytes(message.data.subarray(0, NONCE_LENGTH), nonce)) return parseInitResponse(message.data);
      this.#onStray({ kind: "nonce", packet });
    }
  }

  /**
   * Sends one request and reads to the end of its answer.
   *
   * @param begin - from when the person's time counts
   */
  async exchange(command: number, payload: Uint8Array, options: TransactOptions, begin: number): Promise<Message> {
    const { signal = this.#closing.signal, timeoutMs = USER_TIMEOUT_MS, silenceMs = SILENCE_MS } = options;
    const gapMs = Math.min(PACKET_GAP_MS, silenceMs);
    signal.throwIfAborted();
    this.#drain();
    await this.#send(this.channel, command, payload, signal, timeoutMs);

    const assembler = new MessageAssembler(this.channel);
    const userDeadline = begin + timeoutMs;
    let deadline = monotonicMs() + silenceMs;
    let keepalive: Keepalive | undefined;
    const late = (): CtapError => {
      if (assembler.isWithin) return incomplete(gapMs);
      // Without a keepalive, nobody can say that it waits for a touch.
      return keepalive === undefined || monotonicMs() >= deadline ? noAnswer("send an answer", Math.min(silenceMs, timeoutMs)) : overdue(keepalive, timeoutMs);
    };
    try {
      for (;;) {
        const now = monotonicMs();
        if (now >= userDeadline) throw late();
        const packet = await this.#take(signal, Math.min(deadline, userDeadline) - now);
        if (packet === undefined) {
          if (monotonicMs() < deadline) continue;
          throw late();
        }
        if (packet.channel !== this.channel) {
          this.#onStray({ kind: "channel", packet });
          continue;
        }
        if (this.#isRepeated(packet, assembler)) {
          this.#onStray({ kind: "late", packet });
          continue;
        }
        const message = assembler.receive(packet);
        deadline = monotonicMs() + (assembler.isWithin ? gapMs : silenceMs);
        if (message === undefined) continue;
        if (message.command === HID_COMMAND.error) throw statusError(message.data[0] ?? 0x7f);
        if (message.command !== HID_COMMAND.keepalive) {
          const isRepeated = message.command !== command && isSameMessage(message, this.#last);
          if (!isRepeated) return (this.#last = message);
          this.#onStray({ kind: "late", packet });
          continue;
        }
        keepalive = parseKeepalive(message.data);
        options.onKeepalive?.(keepalive);
      }
    } catch (error) {
      if (command === HID_COMMAND.cbor && (signal.aborted || monotonicMs() >= userDeadline)) {
        const answer = await this.#cancel(Math.min(CANCEL_MS, silenceMs, timeoutMs));
        // The card was quicker than the cancel: what it did must not be lost.
        if (!signal.aborted && answer !== undefined) return answer;
      }
      throw error;
    }
  }

  /** @returns the answer, where the request had ended before it could be cancelled */
  async #cancel(timeoutMs: number): Promise<Message | undefined> {
    const { signal } = this.#closing;
    const deadline = monotonicMs() + timeoutMs;
    const assembler = new MessageAssembler(this.channel);
    try {
      await this.#send(this.channel, HID_COMMAND.cancel, new Uint8Array(), signal, timeoutMs);
      for (;;) {
        const packet = await this.#take(signal, deadline - monotonicMs());
        if (packet === undefined) return undefined;
        if (packet.channel === this.channel && this.#isRepeated(packet, assembler)) continue;
        const message = assembler.receive(packet);
        if (message?.command === HID_COMMAND.cbor) return message.data[0] === 0 ? message : undefined;
      }
    } catch {
      return undefined;
    }
  }

  async #send(channel: number, command: number, payload: Uint8Array, signal: AbortSignal, timeoutMs: number): Promise<void> {
    const boundMs = Math.min(SEND_MS, timeoutMs);
    const deadline = monotonicMs() + boundMs;
    for (const report of encodeMessage(channel, command, payload)) {
      signal.throwIfAborted();
      if (monotonicMs() > deadline) throw noAnswer("take the request", boundMs);
      await this.transport.send(report);
    }
  }

  /**
   * Whether a packet of our channel comes a second time, as from a relay that
   * sends each one twice. An init packet may be the same as the one before and
   * yet another message: a keepalive.
   */
  #isRepeated(packet: Packet, assembler: MessageAssembler): boolean {
    const before = this.#lastPacket;
    this.#lastPacket = packet;
    return (assembler.isWithin || packet.type === "continuation") && before !== undefined && isSamePacket(packet, before);
  }

  /** What came while nobody waited is no answer to what is asked next. */
  #drain(): void {
    for (const report of this.#queue.drain()) {
      const packet = parsePacket(report);
      this.#onStray({ kind: packet.channel === this.channel ? "late" : "channel", packet });
    }
  }

  async #take(signal: AbortSignal, timeoutMs: number): Promise<Packet | undefined> {
    if (timeoutMs <= 0) return undefined;
    const report = await this.#queue.take(signal, timeoutMs);
    return report === undefined ? undefined : parsePacket(report);
  }

  async #pump(): Promise<void> {
    try {
      for (;;) this.#queue.push(await this.transport.receive(this.#closing.signal));
    } catch (error) {
      this.#queue.fail(error);
    }
  }
}

async function initialise(connection: Connection, options: DeviceOptions): Promise<InitResponse> {
  const { signal, initAttempts = INIT_ATTEMPTS, initTimeoutMs = INIT_TIMEOUT_MS, random = randomBytes } = options;
  for (let attempt = 0; attempt < initAttempts; attempt++) {
    const response = await connection.init(random(NONCE_LENGTH), initTimeoutMs, signal);
    if (response === undefined) continue;
    if (response.channel === 0 || response.channel === BROADCAST_CHANNEL) {
      throw new CtapError("CTAP_INIT", `INIT gave the channel 0x${hex(response.channel, 8)}, which is reserved`, { kind: "outside", hint: "the card's firmware is faulty" });
    }
    return response;
  }
  throw noAnswer("send an answer to INIT", initTimeoutMs * initAttempts);
}

function parseKeepalive(data: Uint8Array): Keepalive {
  switch (data[0]) {
    case 1:
      return "processing";
    case 2:
      return "up-needed";
    default:
      return "unknown";
  }
}

function noAnswer(what: string, timeoutMs: number): CtapError {
  return new CtapError("CTAP_NO_ANSWER", `card did not ${what} within ${timeoutMs / 1000} s`, {
    kind: "outside",
    hint: "unplug it and plug it in again; keyhole ctap probe says more",
  });
}

function incomplete(timeoutMs: number): CtapError {
  return new CtapError("CTAP_INCOMPLETE", `card began an answer and did not send the rest within ${timeoutMs / 1000} s`, {
    kind: "outside",
    hint: "run it again; keyhole ctap probe says more",
  });
}

function isSamePacket(a: Packet, b: Packet): boolean {
  const isSameKind = a.type === "init" ? b.type === "init" && a.command === b.command && a.length === b.length : b.type === "continuation" && a.sequence === b.sequence;
  return isSameKind && a.channel === b.channel && equalBytes(a.data, b.data);
}

function isSameMessage(a: Message, b: Message | undefined): boolean {
  return a.command === b?.command && equalBytes(a.data, b.data);
}

function overdue(keepalive: Keepalive, timeoutMs: number): CtapError {
  const seconds = timeoutMs / 1000;
  if (keepalive !== "up-needed") {
    return new CtapError("CTAP_KEEPALIVE_FOREVER", `card was still at work after ${seconds} s`, { kind: "outside", hint: "unplug it and plug it in again" });
  }
  return new CtapError("CTAP_USER_TIMEOUT", `card was not touched within ${seconds} s`, { kind: "no", hint: "run it again and touch the card when it blinks, or give more time with --timeout" });
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", abort, { once: true });
  });
}

function hex(value: number, digits = 2): string {
  return value.toString(16).padStart(digits, "0");
}
