import { capabilities, encodeInitResponse } from "../../../src/lib/ctap/init.ts";
import { MessageAssembler, type Message } from "../../../src/lib/ctap/message.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, parsePacket } from "../../../src/lib/ctap/packet.ts";
import { memoryPair } from "../../../src/lib/ctap/transport/memory.ts";
import type { Transport } from "../../../src/lib/ctap/transport/transport.ts";

const CHANNEL = 0x01020304;

/** A card that answers INIT, and everything else as a test says: with each message of the list, in order. */
export function scriptedCard(answer: (message: Message) => readonly Message[]): Transport {
  const { transport, card } = memoryPair();
  const broadcast = new MessageAssembler(BROADCAST_CHANNEL);
  const own = new MessageAssembler(CHANNEL);
  const send = (channel: number, { command, data }: Message): void => {
    for (const report of encodeMessage(channel, command, data)) card.send(report);
  };
  card.onReport = (report) => {
    const packet = parsePacket(report);
    const init = broadcast.receive(packet);
    if (init !== undefined) {
      const all = capabilities({ wink: true, cbor: true, msg: true });
      send(BROADCAST_CHANNEL, { command: HID_COMMAND.init, data: encodeInitResponse({ nonce: init.data, channel: CHANNEL, protocolVersion: 2, deviceVersion: [1, 0, 0], capabilities: all }) });
    }
    const message = own.receive(packet);
    if (message !== undefined) for (const each of answer(message)) send(CHANNEL, each);
  };
  return transport;
}

/** An answer to CBOR: a status, and CBOR where there is any. */
export function cbor(status: number, data: Uint8Array = new Uint8Array()): Message {
  return { command: HID_COMMAND.cbor, data: Uint8Array.of(status, ...data) };
}

/** An answer to MSG: data and a status word. */
export function msg(status: number, data: Uint8Array = new Uint8Array()): Message {
  return { command: HID_COMMAND.msg, data: Uint8Array.of(...data, status >> 8, status & 0xff) };
}

export function keepalive(status: number): Message {
  return { command: HID_COMMAND.keepalive, data: Uint8Array.of(status) };
}
