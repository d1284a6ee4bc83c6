import { KeyholeError } from "../../errors.ts";
import { MessageAssembler } from "../message.ts";
import { HID_COMMAND, parsePacket, type Packet } from "../packet.ts";
import type { Direction } from "./report.ts";

/** A message as seen from beside the conversation. */
export interface ObservedMessage {
  /** Of CTAPHID. */
  readonly command: number;
  readonly data: Uint8Array;
  /** What it answers, for an answer to a request that was seen whole. */
  readonly request?: Request;
}

export interface Request {
  readonly command: number;
  readonly data: Uint8Array;
}

/** What one report is. */
export interface Observation {
  /** Missing where the report is not 64 bytes. */
  readonly packet?: Packet;
  /** Of CTAPHID: that of the message it is a part of. */
  readonly command?: number;
  /** Why it, or what came before it, belongs to no whole message. */
  readonly problem?: string;
  /** The message that it ends. */
  readonly message?: ObservedMessage;
}

/** Foreign channels are endless; one that was silent the longest is forgotten. */
const MAX_STREAMS = 256;

/** The packets of one channel in one direction. */
interface Stream {
  readonly assembler: MessageAssembler;
  /** Of the message that has begun. */
  command: number | undefined;
  /** The last one that has no answer yet; kept with the packets to the card. */
  request: Request | undefined;
}

/** Follows a conversation from beside: all channels, both directions, whatever comes. */
export class Conversation {
  readonly #streams = new Map<string, Stream>();

  /** @param report - the next one, in order of time */
  observe(direction: Direction, report: Uint8Array): Observation {
    let packet;
    try {
      packet = parsePacket(report);
    } catch (error) {
      return { problem: messageOf(error) };
    }
    const stream = this.#stream(direction, packet.channel);
    const broken = packet.type === "init" && stream.assembler.isWithin ? "the message before was not ended" : undefined;
    if (packet.type === "init") {
      stream.assembler.reset();
      stream.command = packet.command;
    }
    try {
      const data = stream.assembler.receive(packet)?.data;
      const { command } = stream;
      const message = data === undefined || command === undefined ? undefined : this.#pair(direction, packet.channel, { command, data });
      return { packet, ...(command === undefined ? {} : { command }), ...(broken === undefined ? {} : { problem: broken }), ...(message === undefined ? {} : { message }) };
    } catch (error) {
      stream.command = undefined;
      return { packet, problem: messageOf(error) };
    }
  }

  /** Finds what an answer answers, and keeps a request for its answer. */
  #pair(direction: Direction, channel: number, message: Request): ObservedMessage {
    const { command } = message;
    const stream = this.#stream("to-card", channel);
    if (direction === "to-card") {
      if (command !== HID_COMMAND.cancel) stream.request = message;
      return message;
    }
    const { request } = stream;
    if (request === undefined || command === HID_COMMAND.keepalive) return message;
    stream.request = undefined;
    return { ...message, request };
  }

  #stream(direction: Direction, channel: number): Stream {
    const name = `${direction} ${channel}`;
    const stream = this.#streams.get(name) ?? { assembler: new MessageAssembler(channel), command: undefined, request: undefined };
    // Last in the order, so that the first one is the one to forget.
    this.#streams.delete(name);
    this.#streams.set(name, stream);
    const [oldest] = this.#streams.keys();
    if (this.#streams.size > MAX_STREAMS && oldest !== undefined) this.#streams.delete(oldest);
    return stream;
  }
}

function messageOf(error: unknown): string {
  if (error instanceof KeyholeError) return error.message;
  throw error;
}
