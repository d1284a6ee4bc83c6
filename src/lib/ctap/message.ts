import { CtapError } from "../errors.ts";
import { checkMessageLength, type InitPacket, type Packet } from "./packet.ts";

export interface Message {
  readonly command: number;
  readonly data: Uint8Array;
}

/**
 * Rebuilds the messages of one channel from their packets, for either side.
 * Source: CTAP 2.1 §11.2.4.
 */
export class MessageAssembler {
  readonly #channel: number;
  #partial: Partial | undefined;

  constructor(channel: number) {
    this.#channel = channel;
  }

  /** Whether a message has begun and not ended. */
  get isWithin(): boolean {
    return this.#partial !== undefined;
  }

  /**
   * @param packet - the next one, in order of arrival; those of other channels
   *   are skipped, as a card may be shared
   * @returns the message that it ends
   * @throws {CtapError} CTAP_SEQUENCE, CTAP_MESSAGE_LENGTH; the message is then given up
   */
  receive(packet: Packet): Message | undefined {
    if (packet.channel !== this.#channel) return undefined;
    const partial = this.#partial;
    this.#partial = undefined;
    if (packet.type === "init") {
      if (partial !== undefined) {
        throw new CtapError("CTAP_SEQUENCE", `init packet within a message, expected continuation packet ${partial.sequence}`, { kind: "outside" });
      }
      return this.#append(begin(packet), packet.data);
    }
    if (packet.sequence !== partial?.sequence) {
      const expected = partial === undefined ? "an init packet" : String(partial.sequence);
      throw new CtapError("CTAP_SEQUENCE", `continuation packet ${packet.sequence}, expected ${expected}`, { kind: "outside" });
    }
    partial.sequence += 1;
    return this.#append(partial, packet.data);
  }

  /** Gives up what has begun. */
  reset(): void {
    this.#partial = undefined;
  }

  #append(partial: Partial, data: Uint8Array): Message | undefined {
    const taken = data.subarray(0, partial.data.length - partial.received);
    partial.data.set(taken, partial.received);
    partial.received += taken.length;
    if (partial.received === partial.data.length) return { command: partial.command, data: partial.data };
    this.#partial = partial;
    return undefined;
  }
}

interface Partial {
  readonly command: number;
  readonly data: Uint8Array;
  received: number;
  /** Of the continuation packet that must come next. */
  sequence: number;
}

function begin({ command, length }: InitPacket): Partial {
  checkMessageLength(length);
  return { command, data: new Uint8Array(length), received: 0, sequence: 0 };
}
