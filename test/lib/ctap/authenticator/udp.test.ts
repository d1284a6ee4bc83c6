import builtinDgram, { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { syncBuiltinESMExports } from "node:module";
import t, { type Test } from "tap";
import { Authenticator } from "../../../../src/lib/ctap/authenticator/authenticator.ts";
import type { Approval } from "../../../../src/lib/ctap/authenticator/approval.ts";
import { runCard, type CardEvent } from "../../../../src/lib/ctap/authenticator/run-card.ts";
import { openUdp, REBOOT_DATAGRAM, type UdpOptions } from "../../../../src/lib/ctap/authenticator/udp.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, parsePacket, type InitPacket } from "../../../../src/lib/ctap/packet.ts";

interface Card {
  readonly port: number;
  readonly name: string;
  readonly events: readonly CardEvent[];
}

async function startCard(t: Test, options: UdpOptions, approve?: Approval): Promise<Card> {
  const door = await openUdp(options);
  const events: CardEvent[] = [];
  const card = runCard(door, new Authenticator(), { approve, onEvent: (event) => events.push(event) });
  t.teardown(() => card.close());
  return { port: Number(/:(\d+)(,|$)/.exec(door.name)![1]), name: door.name, events };
}

/** A host with a socket of its own. */
class Host {
  readonly socket: Socket = createSocket("udp4");
  readonly #heard: InitPacket[] = [];
  readonly #cardPort: number;
  #wake: () => void = () => undefined;

  private constructor(cardPort: number) {
    this.#cardPort = cardPort;
    this.socket.on("message", (report) => {
      const packet = parsePacket(report);
      if (packet.type === "init") this.#heard.push(packet);
      this.#wake();
    });
  }

  static async open(t: Test, { port }: Card): Promise<Host> {
    const host = new Host(port);
    t.teardown(() => host.socket.close());
    host.socket.bind(0, "127.0.0.1");
    await once(host.socket, "listening");
    return host;
  }

  raw(datagram: Uint8Array): void {
    this.socket.send(datagram, this.#cardPort, "127.0.0.1");
  }

  send(channel: number, command: number, data: Uint8Array = new Uint8Array()): void {
    for (const report of encodeMessage(channel, command, data)) this.raw(report);
  }

  async hear(): Promise<InitPacket> {
    for (;;) {
      const packet = this.#heard.shift();
      if (packet !== undefined) return packet;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async init(): Promise<number> {
    this.send(BROADCAST_CHANNEL, HID_COMMAND.init, new Uint8Array(8));
    const { data } = await this.hear();
    return new DataView(data.buffer, data.byteOffset).getUint32(8);
  }
}

t.test("answers the sender", async (t) => {
  const card = await startCard(t, { port: 0 });
  t.equal(card.name, `udp:127.0.0.1:${card.port}`);
  const host = await Host.open(t, card);
  const channel = await host.init();
  host.send(channel, HID_COMMAND.ping, Uint8Array.of(1, 2));
  t.match(await host.hear(), { channel, command: HID_COMMAND.ping, length: 2 });
});

t.test("answers each host where it speaks from", async (t) => {
  let touch: (isApproved: boolean) => void = () => undefined;
  const card = await startCard(t, { port: 0 }, () => new Promise((resolve) => (touch = resolve)));
  const [a, b] = [await Host.open(t, card), await Host.open(t, card)];
  const [ofA, ofB] = [await a.init(), await b.init()];
  a.send(ofA, HID_COMMAND.cbor, Uint8Array.of(0x0b));
  t.match(await a.hear(), { channel: ofA, command: HID_COMMAND.keepalive });
  b.send(ofB, HID_COMMAND.ping);
  t.match(await b.hear(), { channel: ofB, command: HID_COMMAND.error });
  touch(true);
  let answer = await a.hear();
  while (answer.command === HID_COMMAND.keepalive) answer = await a.hear();
  t.match(answer, { channel: ofA, command: HID_COMMAND.cbor, length: 1 });
});

t.test("answers a port that was named", async (t) => {
  const reply = createSocket("udp4");
  t.teardown(() => reply.close());
  reply.bind(0, "127.0.0.1");
  await once(reply, "listening");
  const replyPort = reply.address().port;
  const card = await startCard(t, { port: 0, replyPort });
  t.equal(card.name, `udp:127.0.0.1:${card.port},${replyPort}`);
  const host = await Host.open(t, card);
  const answer = once(reply, "message") as Promise<[Uint8Array]>;
  host.send(BROADCAST_CHANNEL, HID_COMMAND.init, new Uint8Array(8));
  t.match(parsePacket((await answer)[0]), { command: HID_COMMAND.init, length: 17 });
});

t.test("a channel that was given to another", async (t) => {
  const card = await startCard(t, { port: 0 }, () => new Promise(() => undefined));
  const [a, b] = [await Host.open(t, card), await Host.open(t, card)];
  const channel = await a.init();
  a.send(channel, HID_COMMAND.cbor, Uint8Array.of(0x0b));
  t.match(await a.hear(), { channel, command: HID_COMMAND.keepalive });
  b.send(channel, HID_COMMAND.cancel);
  b.send(channel, HID_COMMAND.init, new Uint8Array(8));
  const ofB = await b.init();
  t.not(ofB, channel, "what is sent on it is as if it had not come");
  t.match(await a.hear(), { channel, command: HID_COMMAND.keepalive }, "and its answers go on");
  a.send(channel, HID_COMMAND.cancel);
  let answer = await a.hear();
  while (answer.command === HID_COMMAND.keepalive) answer = await a.hear();
  t.match(answer, { channel, command: HID_COMMAND.cbor });
});

t.test("channels that were never given", async (t) => {
  const card = await startCard(t, { port: 0 });
  const [a, b] = [await Host.open(t, card), await Host.open(t, card)];
  const channel = await a.init();
  for (let i = 1; i <= 5000; i++) {
    b.send(0x8000_0000 + i, HID_COMMAND.ping);
    const { command, channel: other } = await b.hear();
    if (command !== HID_COMMAND.error || other !== 0x8000_0000 + i) t.fail("the sender hears of the error");
  }
  b.send(channel, HID_COMMAND.ping);
  a.send(channel, HID_COMMAND.ping);
  t.match(await a.hear(), { channel, command: HID_COMMAND.ping }, "push nobody out");
});

t.test("a datagram from port 0", async (t) => {
  const sockets: Socket[] = [];
  const replace = (create: typeof createSocket): void => {
    builtinDgram.createSocket = create;
    syncBuiltinESMExports();
  };
  const original = createSocket;
  t.teardown(() => void replace(original));
  replace(((options: "udp4") => sockets[sockets.push(original(options)) - 1]) as typeof createSocket);
  const card = await startCard(t, { port: 0 });
  replace(original);
  const init = encodeMessage(BROADCAST_CHANNEL, HID_COMMAND.init, new Uint8Array(8))[0]!;
  t.equal(sockets.length, 1);
  t.doesNotThrow(() => sockets[0]!.emit("message", Buffer.from(init), { address: "127.0.0.1", family: "IPv4", port: 0, size: 64 }));
  const host = await Host.open(t, card);
  const channel = await host.init();
  host.send(channel, HID_COMMAND.ping);
  t.match(await host.hear(), { channel, command: HID_COMMAND.ping }, "is as if it had not come");
});

t.test("the reboot datagram", async (t) => {
  const card = await startCard(t, { port: 0 });
  const host = await Host.open(t, card);
  const channel = await host.init();
  t.equal(REBOOT_DATAGRAM.length, 64);
  host.raw(REBOOT_DATAGRAM);
  host.send(channel, HID_COMMAND.ping);
  t.match(await host.hear(), { channel, command: HID_COMMAND.error });
  t.same(card.events, [{ kind: "power-cycle" }]);
});

t.test("datagrams that are no reports", async (t) => {
  const card = await startCard(t, { port: 0 });
  const host = await Host.open(t, card);
  const init = encodeMessage(BROADCAST_CHANNEL, HID_COMMAND.init, new Uint8Array(8))[0]!;
  for (const length of [0, 1, 63, 65, 1400]) {
    const datagram = new Uint8Array(length);
    datagram.set(init.subarray(0, length));
    host.raw(datagram);
  }
  const channel = await host.init();
  host.send(channel, HID_COMMAND.ping);
  t.match(await host.hear(), { command: HID_COMMAND.ping }, "are as if they had not come");
});

t.test("is on the loopback alone", async (t) => {
  const door = await openUdp({ port: 0 });
  t.match(door.name, /^udp:127\.0\.0\.1:\d+$/);
  await door.close();
  await door.close();
  door.send(new Uint8Array(64));
});

t.test("a port that another program has", async (t) => {
  const { port } = await startCard(t, { port: 0 });
  await t.rejects(openUdp({ port }), { code: "CTAP_UDP", kind: "outside" });
});
