import { CtapError } from "../../errors.ts";
import { encodeInitResponse, NONCE_LENGTH, type Capabilities } from "../init.ts";
import { MessageAssembler, type Message } from "../message.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, MAX_MESSAGE_LENGTH, parsePacket, REPORT_LENGTH, type InitPacket, type Packet } from "../packet.ts";

/** Without the next packet of a message for so long, the message is given up. Source: CTAP 2.1 §11.2.5.2. */
export const PACKET_TIMEOUT_MS = 500;

/** Between two keepalives. Source: CTAP 2.1 §11.2.9.2.1. */
export const KEEPALIVE_MS = 100;

const MAX_LOCK_S = 10;
const PROTOCOL_VERSION = 2;

/** What CTAPHID_ERROR says. Source: CTAP 2.1 §11.2.9.1.6. */
export const HID_ERROR = {
  invalidCommand: 0x01,
  invalidParameter: 0x02,
  invalidLength: 0x03,
  invalidSequence: 0x04,
  messageTimeout: 0x05,
  channelBusy: 0x06,
  invalidChannel: 0x0b,
} as const;

/** What CTAPHID_KEEPALIVE says. */
export const KEEPALIVE = { processing: 1, upNeeded: 2 } as const;

const KEEPALIVE_CANCEL = Uint8Array.of(0x2d);

/** What is to be done after an event, in order. */
export type Effect =
  | { readonly kind: "send"; readonly reports: readonly Uint8Array[] }
  /** A message for the authenticator, to which `answer` gives the answer. One at a time. */
  | { readonly kind: "request"; readonly command: "msg" | "cbor"; readonly channel: number; readonly data: Uint8Array }
  /** The request wants no answer any more. */
  | { readonly kind: "abandon" }
  /** Be seen. */
  | { readonly kind: "wink" };

export interface CardMachineOptions {
  /** The first channel that is given; those after it count up. */
  readonly firstChannel: number;
  readonly capabilities: Capabilities;
  readonly deviceVersion: readonly [number, number, number];
}

type Activity =
  | { readonly kind: "idle" }
  | { readonly kind: "receiving"; readonly channel: number; readonly assembler: MessageAssembler; readonly deadlineMs: number }
  | { readonly kind: "working"; readonly channel: number; readonly command: "msg" | "cbor"; readonly keepalive: number; readonly keepaliveMs: number };

const IDLE: Activity = { kind: "idle" };

/**
 * The card's side of CTAPHID: channels, messages, busy, keepalives, lock.
 * Source: CTAP 2.1 §11.2. Time comes with each event, in milliseconds from
 * any beginning.
 */
export class CardMachine {
  readonly #options: CardMachineOptions;
  #channelCount = 0;
  #activity: Activity = IDLE;
  #lock: { readonly channel: number; readonly untilMs: number } | undefined;

  constructor(options: CardMachineOptions) {
    this.#options = options;
  }

  /** When `tick` is due next, or nothing. */
  get wakeMs(): number | undefined {
    const activity = this.#activity;
    if (activity.kind === "receiving") return activity.deadlineMs;
    return activity.kind === "working" && activity.command === "cbor" ? activity.keepaliveMs : undefined;
  }

  /** @param report - what is not 64 bytes is no report and is ignored */
  receive(report: Uint8Array, nowMs: number): readonly Effect[] {
    if (report.length !== REPORT_LENGTH) return [];
    return [...this.tick(nowMs), ...this.#receive(parsePacket(report), nowMs)];
  }

  /** Time has passed. */
  tick(nowMs: number): readonly Effect[] {
    const activity = this.#activity;
    if (this.wakeMs === undefined || nowMs < this.wakeMs) return [];
    if (activity.kind === "receiving") {
      this.#activity = IDLE;
      return [error(activity.channel, HID_ERROR.messageTimeout)];
    }
    return activity.kind === "working" ? [this.#keepalive(activity, activity.keepalive, nowMs)] : [];
  }

  /**
   * The request under way goes on, and this is what it does from now on: a
   * keepalive says so at once, and every 100 ms.
   *
   * @param status - of `KEEPALIVE`
   */
  keepAlive(status: number, nowMs: number): readonly Effect[] {
    const activity = this.#activity;
    return activity.kind === "working" && activity.command === "cbor" ? [this.#keepalive(activity, status, nowMs)] : [];
  }

  /** Ends the request under way. */
  answer(data: Uint8Array): readonly Effect[] {
    const activity = this.#activity;
    if (activity.kind !== "working") return [];
    this.#activity = IDLE;
    return [send(activity.channel, HID_COMMAND[activity.command], data)];
  }

  #receive(packet: Packet, nowMs: number): readonly Effect[] {
    const { channel } = packet;
    if (packet.type === "init" && packet.command === HID_COMMAND.init) return this.#init(packet);
    if (!this.#isAllocated(channel)) return packet.type === "init" ? [error(channel, HID_ERROR.invalidChannel)] : [];
    if (packet.type === "init" && packet.command === HID_COMMAND.cancel) return this.#cancel(channel);

    const activity = this.#activity;
    if (activity.kind === "receiving" && activity.channel === channel) return this.#append(activity.assembler, packet, nowMs);
    // A packet that continues nothing belongs to a message that was given up.
    if (packet.type === "continuation") return [];
    if (activity.kind !== "idle" || this.#isLockedFor(channel, nowMs)) return [error(channel, HID_ERROR.channelBusy)];
    const failure = checkMessage(packet);
    return failure === undefined ? this.#append(new MessageAssembler(channel), packet, nowMs) : [error(channel, failure)];
  }

  /** Gives a channel; on one that was given, drops what is under way there. It never waits for another channel. */
  #init({ channel, length, data }: InitPacket): readonly Effect[] {
    const isNew = channel === BROADCAST_CHANNEL;
    if (!isNew && !this.#isAllocated(channel)) return [error(channel, HID_ERROR.invalidChannel)];
    if (length !== NONCE_LENGTH) return [error(channel, HID_ERROR.invalidLength)];
    const given = isNew ? this.#options.firstChannel + this.#channelCount++ : channel;
    const { capabilities, deviceVersion } = this.#options;
    const answer = encodeInitResponse({ nonce: data.subarray(0, NONCE_LENGTH), channel: given, protocolVersion: PROTOCOL_VERSION, deviceVersion, capabilities });
    return [...(isNew ? [] : this.#abandon(channel)), send(channel, HID_COMMAND.init, answer)];
  }

  #abandon(channel: number): readonly Effect[] {
    const activity = this.#activity;
    if (activity.kind === "idle" || activity.channel !== channel) return [];
    this.#activity = IDLE;
    return activity.kind === "working" ? [{ kind: "abandon" }] : [];
  }

  /** Outside a CBOR request it means nothing. Source: CTAP 2.1 §11.2.9.1.5. */
  #cancel(channel: number): readonly Effect[] {
    const activity = this.#activity;
    if (activity.kind !== "working" || activity.channel !== channel || activity.command !== "cbor") return [];
    return [{ kind: "abandon" }, ...this.answer(KEEPALIVE_CANCEL)];
  }

  #append(assembler: MessageAssembler, packet: Packet, nowMs: number): readonly Effect[] {
    const { channel } = packet;
    this.#activity = IDLE;
    let message;
    try {
      message = assembler.receive(packet);
    } catch (failure) {
      if (failure instanceof CtapError) return [error(channel, HID_ERROR.invalidSequence)];
      throw failure;
    }
    if (message !== undefined) return this.#execute(channel, message, nowMs);
    this.#activity = { kind: "receiving", channel, assembler, deadlineMs: nowMs + PACKET_TIMEOUT_MS };
    return [];
  }

  #execute(channel: number, { command, data }: Message, nowMs: number): readonly Effect[] {
    switch (command) {
      case HID_COMMAND.msg:
        return this.#request("msg", channel, data, nowMs);
      case HID_COMMAND.cbor:
        return this.#request("cbor", channel, data, nowMs);
      case HID_COMMAND.lock:
        return this.#setLock(channel, data[0] ?? 0, nowMs);
      case HID_COMMAND.wink:
        return [{ kind: "wink" }, send(channel, command, data)];
      default:
        return [send(channel, command, data)];
    }
  }

  #request(command: "msg" | "cbor", channel: number, data: Uint8Array, nowMs: number): readonly Effect[] {
    this.#activity = { kind: "working", channel, command, keepalive: KEEPALIVE.processing, keepaliveMs: nowMs + KEEPALIVE_MS };
    return [{ kind: "request", command, channel, data }];
  }

  #keepalive(activity: Activity & { kind: "working" }, status: number, nowMs: number): Effect {
    this.#activity = { ...activity, keepalive: status, keepaliveMs: nowMs + KEEPALIVE_MS };
    return send(activity.channel, HID_COMMAND.keepalive, Uint8Array.of(status));
  }

  /** @param seconds - 0 lets others in again */
  #setLock(channel: number, seconds: number, nowMs: number): readonly Effect[] {
    if (seconds > MAX_LOCK_S) return [error(channel, HID_ERROR.invalidParameter)];
    this.#lock = { channel, untilMs: nowMs + seconds * 1000 };
    return [send(channel, HID_COMMAND.lock, new Uint8Array())];
  }

  #isLockedFor(channel: number, nowMs: number): boolean {
    return this.#lock !== undefined && this.#lock.channel !== channel && nowMs < this.#lock.untilMs;
  }

  #isAllocated(channel: number): boolean {
    const index = channel - this.#options.firstChannel;
    return index >= 0 && index < this.#channelCount;
  }
}

/** @returns the error, where a message cannot even begin so */
function checkMessage({ command, length }: InitPacket): number | undefined {
  if (length > MAX_MESSAGE_LENGTH) return HID_ERROR.invalidLength;
  switch (command) {
    case HID_COMMAND.ping:
    case HID_COMMAND.msg:
      return undefined;
    case HID_COMMAND.cbor:
      return length === 0 ? HID_ERROR.invalidLength : undefined;
    case HID_COMMAND.wink:
      return length === 0 ? undefined : HID_ERROR.invalidLength;
    case HID_COMMAND.lock:
      return length === 1 ? undefined : HID_ERROR.invalidLength;
    default:
      return HID_ERROR.invalidCommand;
  }
}

function send(channel: number, command: number, data: Uint8Array): Effect {
  return { kind: "send", reports: encodeMessage(channel, command, data) };
}

function error(channel: number, code: number): Effect {
  return send(channel, HID_COMMAND.error, Uint8Array.of(code));
}
