import { randomBytes } from "node:crypto";
import { equalBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
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

/** A cancelled request ends by then, or is given up. */
const CANCEL_MS = 500;

const BUSY_PAUSE_MS = 100;

export type Keepalive = "processing" | "up-needed" | "unknown";

/** A packet that belongs to somebody else, or to nobody. */
export interface Stray {
  /** `nonce`: an answer to an INIT that is not ours; `channel`: any packet of a channel that is not ours. */
  readonly kind: "nonce" | "channel";
  readonly packet: Packet;
}

export interface DeviceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Takes an answer to CBOR that says it is one to MSG, as Qubes' CTAP proxy sends (QubesOS issue 10981). */
  readonly lenient?: boolean | undefined;
  readonly onStray?: ((stray: Stray) => void) | undefined;
  /** Attempts of INIT, each of `INIT_TIMEOUT_MS`. */
  readonly initAttempts?: number | undefined;
  /** For the nonce. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
}

export interface TransactOptions {
  /** Cancels the request on the card; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** For the person; the request is cancelled then. */
  readonly timeoutMs?: number | undefined;
  readonly onKeepalive?: ((status: Keepalive) => void) | undefined;
  /** The longest wait for the first packet and between keepalives. */
  readonly silenceMs?: number | undefined;
}

/** One card behind a transport, with a channel of its own. One request at a time. */
export class CtapDevice {
  readonly transport: Transport;
  /** What the card said of itself. */
  readonly init: InitResponse;
  readonly #connection: Connection;
  readonly #lenient: boolean;

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
   * @throws {CtapError} CTAP_NO_ANSWER, CTAP_INIT, CTAP_DEVICE_LOST, CTAP_REPORT_LENGTH, a status of CTAPHID_ERROR
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
   * another channel, it is sent again for up to `SILENCE_MS`.
   *
   * @param command - of CTAPHID
   * @returns the answer's data
   * @throws {CtapError} CTAP_NO_ANSWER, CTAP_USER_TIMEOUT, CTAP_KEEPALIVE_FOREVER, CTAP_COMMAND,
   *   CTAP_SEQUENCE, CTAP_MESSAGE_LENGTH, CTAP_DEVICE_LOST, a status of CTAPHID_ERROR;
   *   the reason of the signal
   */
  async transact(command: number, payload: Uint8Array, options: TransactOptions = {}): Promise<Uint8Array> {
    const begin = performance.now();
    for (;;) {
      try {
        return this.#checkCommand(command, await this.#connection.exchange(command, payload, options));
      } catch (error) {
        if (!isStatus(error, 0x06) || performance.now() - begin > SILENCE_MS) throw error;
        await pause(BUSY_PAUSE_MS, options.signal);
      }
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #checkCommand(command: number, message: Message): Uint8Array {
    if (message.command === command) return message.data;
    if (this.#lenient && command === HID_COMMAND.cbor && message.command === HID_COMMAND.msg) return message.data;
    throw new CtapError("CTAP_COMMAND", `answer has the command 0x${hex(message.command)}, expected 0x${hex(command)}`, {
      kind: "outside",
      hint: command === HID_COMMAND.cbor && message.command === HID_COMMAND.msg ? "Qubes' CTAP proxy does this; --lenient takes it" : "keyhole ctap probe says more",
    });
  }
}

/** Reads all the time, so that what came before a request is never taken for its answer. */
class Connection {
  readonly transport: Transport;
  channel = BROADCAST_CHANNEL;
  readonly #queue = new ReportQueue();
  readonly #closing = new AbortController();
  readonly #onStray: (stray: Stray) => void;

  constructor(transport: Transport, onStray: (stray: Stray) => void) {
    this.transport = transport;
    this.#onStray = onStray;
    void this.#pump();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.transport.close();
  }

  /** One try of INIT. @returns nothing where the time is up */
  async init(nonce: Uint8Array, signal: AbortSignal): Promise<InitResponse | undefined> {
    const deadline = performance.now() + INIT_TIMEOUT_MS;
    const assembler = new MessageAssembler(BROADCAST_CHANNEL);
    await this.#send(BROADCAST_CHANNEL, HID_COMMAND.init, nonce);
    for (;;) {
      const packet = await this.#take(signal, deadline - performance.now());
      if (packet === undefined) return undefined;
      if (packet.channel !== BROADCAST_CHANNEL) this.#onStray({ kind: "channel", packet });
      const message = assembler.receive(packet);
      if (message?.command === HID_COMMAND.error) throw statusError(message.data[0] ?? 0x7f);
      if (message?.command !== HID_COMMAND.init) continue;
      if (equalBytes(message.data.subarray(0, NONCE_LENGTH), nonce)) return parseInitResponse(message.data);
      this.#onStray({ kind: "nonce", packet });
    }
  }

  /** Sends one request and reads to the end of its answer. */
  async exchange(command: number, payload: Uint8Array, options: TransactOptions): Promise<Message> {
    const { signal = new AbortController().signal, timeoutMs = USER_TIMEOUT_MS, silenceMs = SILENCE_MS } = options;
    signal.throwIfAborted();
    this.#queue.clear();
    await this.#send(this.channel, command, payload);

    const assembler = new MessageAssembler(this.channel);
    const userDeadline = performance.now() + timeoutMs;
    let deadline = performance.now() + silenceMs;
    let keepalive: Keepalive | undefined;
    try {
      for (;;) {
        const now = performance.now();
        if (now >= userDeadline) throw overdue(keepalive, timeoutMs);
        const packet = await this.#take(signal, Math.min(deadline, userDeadline) - now);
        if (packet === undefined) {
          if (performance.now() < deadline) continue;
          throw noAnswer(assembler.isWithin ? "the rest of its answer" : "an answer", assembler.isWithin ? PACKET_GAP_MS : silenceMs);
        }
        if (packet.channel !== this.channel) {
          this.#onStray({ kind: "channel", packet });
          continue;
        }
        const message = assembler.receive(packet);
        deadline = performance.now() + (assembler.isWithin ? PACKET_GAP_MS : silenceMs);
        if (message?.command === HID_COMMAND.error) throw statusError(message.data[0] ?? 0x7f);
        if (message !== undefined && message.command !== HID_COMMAND.keepalive) return message;
        if (message === undefined) continue;
        keepalive = parseKeepalive(message.data);
        options.onKeepalive?.(keepalive);
      }
    } catch (error) {
      if (command === HID_COMMAND.cbor && (signal.aborted || isOverdue(error))) {
        const answer = await this.#cancel();
        // The card was quicker than the cancel: what it did must not be lost.
        if (!signal.aborted && answer !== undefined) return answer;
      }
      throw error;
    }
  }

  /** @returns the answer, where the request had ended before it could be cancelled */
  async #cancel(): Promise<Message | undefined> {
    const { signal } = this.#closing;
    const deadline = performance.now() + CANCEL_MS;
    const assembler = new MessageAssembler(this.channel);
    try {
      await this.#send(this.channel, HID_COMMAND.cancel, new Uint8Array());
      for (;;) {
        const packet = await this.#take(signal, deadline - performance.now());
        if (packet === undefined) return undefined;
        const message = assembler.receive(packet);
        if (message?.command === HID_COMMAND.cbor) return message.data[0] === 0 ? message : undefined;
      }
    } catch {
      return undefined;
    }
  }

  async #send(channel: number, command: number, payload: Uint8Array): Promise<void> {
    for (const report of encodeMessage(channel, command, payload)) await this.transport.send(report);
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
  const { signal = new AbortController().signal, initAttempts = INIT_ATTEMPTS, random = randomBytes } = options;
  for (let attempt = 0; attempt < initAttempts; attempt++) {
    const response = await connection.init(random(NONCE_LENGTH), signal);
    if (response === undefined) continue;
    if (response.channel === 0 || response.channel === BROADCAST_CHANNEL) {
      throw new CtapError("CTAP_INIT", `INIT gave the channel 0x${hex(response.channel, 8)}, which is reserved`, { kind: "outside", hint: "the card's firmware is faulty" });
    }
    return response;
  }
  throw noAnswer("an answer to INIT", INIT_TIMEOUT_MS * initAttempts);
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
  return new CtapError("CTAP_NO_ANSWER", `card did not send ${what} within ${timeoutMs / 1000} s`, {
    kind: "outside",
    hint: "unplug it and plug it in again; keyhole ctap probe says more",
  });
}

const USER_TIMEOUT = "CTAP_USER_TIMEOUT";
const KEEPALIVE_FOREVER = "CTAP_KEEPALIVE_FOREVER";

function overdue(keepalive: Keepalive | undefined, timeoutMs: number): CtapError {
  const seconds = timeoutMs / 1000;
  if (keepalive === "processing") {
    return new CtapError(KEEPALIVE_FOREVER, `card was still at work after ${seconds} s`, { kind: "outside", hint: "unplug it and plug it in again, or give it longer with --timeout" });
  }
  return new CtapError(USER_TIMEOUT, `card was not touched within ${seconds} s`, { kind: "no", hint: "run it again and touch the card when it blinks, or give more time with --timeout" });
}

function isOverdue(error: unknown): boolean {
  return error instanceof CtapError && (error.code === USER_TIMEOUT || error.code === KEEPALIVE_FOREVER);
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
