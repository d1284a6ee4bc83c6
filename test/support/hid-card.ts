import { createSocket } from "node:dgram";
import { EventEmitter } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { encodeCbor, type CborMap } from "../../src/lib/ctap/cbor.ts";
import { capabilities, encodeInitResponse } from "../../src/lib/ctap/init.ts";
import { MessageAssembler } from "../../src/lib/ctap/message.ts";
import { encodeMessage, HID_COMMAND, parsePacket } from "../../src/lib/ctap/packet.ts";
import type { HidNode } from "../../src/lib/ctap/transport/hidraw.ts";
import { memoryPair } from "../../src/lib/ctap/transport/memory.ts";
import type { Transport } from "../../src/lib/ctap/transport/transport.ts";

// Cards that do what a test wants of them, good or bad, over memory or UDP.

/** A whole request, as a card got it. */
export interface Request {
  readonly channel: number;
  readonly command: number;
  readonly data: Uint8Array;
}

/** What a card can do on its way to the host. */
export interface Wire {
  readonly send: (report: Uint8Array) => void;
  readonly unplug: () => void;
}

/** What a card does with each request. */
export type Script = (request: Request, wire: Wire) => void;

export const CHANNEL = 0x00c0ffee;

export const ALL = capabilities({ wink: true, cbor: true, msg: true });

export const GET_INFO: CborMap = new Map<number, CborMap | readonly string[] | readonly number[] | Uint8Array>([
  [1, ["U2F_V2", "FIDO_2_0", "FIDO_2_1"]],
  [3, new Uint8Array(16)],
  [4, new Map([["rk", true], ["up", true]])],
]);

export function answer({ channel, command }: Request, wire: Wire, data: Uint8Array, as = command, on = channel): void {
  for (const report of encodeMessage(on, as, data)) wire.send(report);
}

export function initResponse(request: Request, channel = CHANNEL, offers = ALL): Uint8Array {
  return encodeInitResponse({ nonce: request.data.subarray(0, 8), channel, protocolVersion: 2, deviceVersion: [1, 2, 3], capabilities: offers });
}

export function getInfoAnswer(info: CborMap): Uint8Array {
  return Uint8Array.of(0, ...encodeCbor(info));
}

export function keepalive(request: Request, wire: Wire, status: number): void {
  answer(request, wire, Uint8Array.of(status), HID_COMMAND.keepalive);
}

export function hidError(request: Request, wire: Wire, code: number): void {
  answer(request, wire, Uint8Array.of(code), HID_COMMAND.error);
}

/** Answers everything as it should. */
export const good: Script = (request, wire) => {
  switch (request.command) {
    case HID_COMMAND.init:
      return answer(request, wire, initResponse(request));
    case HID_COMMAND.ping:
    case HID_COMMAND.wink:
      return answer(request, wire, request.data);
    case HID_COMMAND.cbor:
      return answer(request, wire, getInfoAnswer(GET_INFO));
    case HID_COMMAND.msg:
      return answer(request, wire, Buffer.from("U2F_V2\x90\x00", "latin1"));
  }
};

/** Answers as it should but for some commands. */
export function goodBut(...exceptions: readonly (readonly [command: number, script: Script])[]): Script {
  const scripts = new Map(exceptions);
  return (request, wire) => void (scripts.get(request.command) ?? good)(request, wire);
}

/** Puts reports together to requests. CANCEL is one too. */
export function receiver(script: Script, wire: Wire): (report: Uint8Array) => void {
  const assemblers = new Map<number, MessageAssembler>();
  return (report) => {
    const packet = parsePacket(report);
    const { channel } = packet;
    const assembler = assemblers.get(channel) ?? new MessageAssembler(channel);
    assemblers.set(channel, assembler);
    const message = assembler.receive(packet);
    if (message !== undefined) script({ channel, ...message }, wire);
  };
}

/** A scripted card in the same process. */
export function scriptedTransport(script: Script): Transport {
  const { transport, card } = memoryPair();
  card.onReport = receiver(script, card);
  return transport;
}

/** A scripted card behind a HID node. */
export function scriptedNode(script: Script): HidNode {
  const node = new ScriptedNode();
  node.receive = receiver(script, {
    send: (report) => setImmediate(() => node.emit("data", report)),
    unplug: () => setImmediate(() => node.emit("error", "could not read from HID device")),
  });
  return node;
}

class ScriptedNode extends EventEmitter implements HidNode {
  receive: (report: Uint8Array) => void = () => undefined;

  write(report: Buffer): Promise<number> {
    this.receive(report.subarray(1));
    return Promise.resolve(report.length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface Teardown {
  readonly teardown: (stop: () => void) => unknown;
}

/** A scripted card at a UDP port of the loopback, which answers to where reports come from. @returns its port */
export async function udpCard(t: Teardown, script: Script): Promise<number> {
  const socket = createSocket("udp4");
  let isOpen = true;
  const close = (): void => {
    if (isOpen) socket.close();
    isOpen = false;
  };
  let peer = 0;
  const wire: Wire = { send: (report) => isOpen && socket.send(report, peer, "127.0.0.1"), unplug: close };
  const receive = receiver(script, wire);
  socket.on("message", (report, { port }) => {
    peer = port;
    receive(report);
  });
  await new Promise<void>((resolve) => void socket.bind(0, "127.0.0.1", resolve));
  t.teardown(close);
  return socket.address().port;
}

/** A scripted card at a TCP port of the loopback. @returns its port */
export async function tcpCard(t: Teardown, script: Script): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    t.teardown(() => void socket.destroy());
    const receive = receiver(script, {
      send: (report) => socket.write(Uint8Array.of(0, report.length, ...report)),
      unplug: () => void socket.destroy(),
    });
    let rest = Buffer.alloc(0);
    socket.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (; rest.length >= 66; rest = rest.subarray(66)) receive(rest.subarray(2, 66));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => void server.close());
  return (server.address() as AddressInfo).port;
}
