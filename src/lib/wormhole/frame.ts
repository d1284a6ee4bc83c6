import { isUtf8 } from "node:buffer";
import { WormholeError } from "../errors.ts";

// Frames of a WebSocket, as a client writes and reads them, without extensions.
// Source: RFC 6455 §5.

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FINAL = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MAX_CONTROL_LENGTH = 125;
/** Each part costs far more than its bytes. */
const MAX_PARTS = 10_000;

export type Outgoing = "text" | "close" | "ping" | "pong";

/** What a server sent, put together where it came in parts. */
export type Incoming =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "binary" }
  | { readonly type: "ping"; readonly payload: Uint8Array }
  | { readonly type: "pong" }
  | { readonly type: "close"; readonly code: number | undefined };

/**
 * @param mask - 4 random bytes, new for each frame, so that nobody can choose what
 *   a proxy that knows no WebSocket believes to see
 */
export function encodeFrame(type: Outgoing, payload: Uint8Array, mask: Uint8Array): Uint8Array {
  // opcode(1) | length(1) | longer length(0, 2 or 8) | mask(4) | payload
  const { length } = payload;
  const extra = length > 0xffff ? 8 : length > MAX_CONTROL_LENGTH ? 2 : 0;
  const frame = Buffer.allocUnsafe(2 + extra + 4 + length);
  frame[0] = FINAL | OPCODE[type];
  frame[1] = MASKED | (extra === 8 ? 127 : extra === 2 ? 126 : length);
  if (extra === 2) frame.writeUInt16BE(length, 2);
  if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  frame.set(mask, 2 + extra);
  const start = 2 + extra + 4;
  for (let i = 0; i < length; i++) frame[start + i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return frame;
}

interface Head {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly length: number;
  /** Of the head itself. */
  readonly size: number;
}

/** Cuts what comes from a server into messages. */
export class FrameReader {
  readonly #maxLength: number;
  #chunks: Uint8Array[] = [];
  #available = 0;
  /** Parts of a message that has not ended. */
  #parts: Buffer[] = [];
  #partsLength = 0;
  #isText: boolean | undefined;

  /** @param maxLength - of a message, in bytes */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /**
   * @returns the messages that these bytes end
   * @throws {WormholeError} WORMHOLE_FRAME
   */
  push(bytes: Uint8Array): readonly Incoming[] {
    this.#chunks.push(bytes);
    this.#available += bytes.length;
    const messages: Incoming[] = [];
    for (;;) {
      const head = this.#readHead();
      if (head === undefined || this.#available < head.size + head.length) return messages;
      this.#take(head.size);
      const message = this.#receive(head, this.#take(head.length));
      if (message !== undefined) messages.push(message);
    }
  }

  #readHead(): Head | undefined {
    if (this.#available < 2) return undefined;
    const start = this.#peek(10);
    const first = start[0] ?? 0;
    const second = start[1] ?? 0;
    if ((first & RESERVED) !== 0) throw frameError("a frame of an extension that was not asked for");
    if ((second & MASKED) !== 0) throw frameError("a masked frame");
    const opcode = first & 15;
    const isFinal = (first & FINAL) !== 0;
    const short = second & 127;
    if (opcode >= OPCODE.close && (!isFinal || short > MAX_CONTROL_LENGTH)) throw frameError("a control frame that is too long or in parts");
    const size = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (start.length < size) return undefined;
    const length = short === 127 ? Number(start.readBigUInt64BE(2)) : short === 126 ? start.readUInt16BE(2) : short;
    if (this.#partsLength + length > this.#maxLength) throw frameError("a longer frame than is taken");
    return { opcode, isFinal, length, size };
  }

  #receive({ opcode, isFinal }: Head, payload: Buffer): Incoming | undefined {
    switch (opcode) {
      case OPCODE.ping:
        return { type: "ping", payload };
      case OPCODE.pong:
        return { type: "pong" };
      case OPCODE.close:
        return { type: "close", code: payload.length < 2 ? undefined : payload.readUInt16BE(0) };
      case OPCODE.continuation:
        if (this.#isText === undefined) throw frameError("the continuation of nothing");
        return this.#append(payload, isFinal);
      case OPCODE.text:
      case OPCODE.binary:
        if (this.#isText !== undefined) throw frameError("a message within another");
        this.#isText = opcode === OPCODE.text;
        return this.#append(payload, isFinal);
      default:
        throw frameError(`a frame of the unknown kind ${opcode}`);
    }
  }

  #append(payload: Buffer, isFinal: boolean): Incoming | undefined {
    // Empty parts count too: there may be no end to them.
    if (this.#parts.length === MAX_PARTS) throw frameError("a message in too many parts");
    this.#parts.push(payload);
    this.#partsLength += payload.length;
    if (!isFinal) return undefined;
    const whole = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
    const isText = this.#isText === true;
    this.#parts = [];
    this.#partsLength = 0;
    this.#isText = undefined;
    if (!isText) return { type: "binary" };
    if (!isUtf8(whole)) throw frameError("text that is not UTF-8");
    return { type: "text", text: whole.toString("utf8") };
  }

  /** The first bytes of what is there, without taking them. */
  #peek(length: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= Math.min(length, this.#available)) return Buffer.from(first.buffer, first.byteOffset, Math.min(length, first.length));
    this.#join();
    return this.#peek(length);
  }

  #take(length: number): Buffer {
    const [first] = this.#chunks;
    if (first === undefined || first.length < length) this.#join();
    const [all = new Uint8Array()] = this.#chunks;
    this.#chunks[0] = all.subarray(length);
    this.#available -= length;
    return Buffer.from(all.buffer, all.byteOffset, length);
  }

  #join(): void {
    this.#chunks = [Buffer.concat(this.#chunks)];
  }
}

function frameError(found: string): WormholeError {
  return new WormholeError("WORMHOLE_FRAME", `the server sent ${found}`, { kind: "outside", hint: "it, or a proxy before it, does not speak WebSocket as it should" });
}
