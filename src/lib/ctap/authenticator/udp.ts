import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { equalBytes, parseHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { describeSystemError } from "../../files.ts";
import { parseInitResponse } from "../init.ts";
import { HID_COMMAND, parsePacket, REPORT_LENGTH } from "../packet.ts";
import type { Door } from "./door.ts";

// One datagram is one report, as PC builds of key firmware do it.

const LOOPBACK = "127.0.0.1";

/** Takes the power away and gives it back. */
export const REBOOT_DATAGRAM: Uint8Array =
  parseHex("ac1052ca95e569de69e02ebff333485f13f9b2da34c5a8a340526697a9ab2e0b394d8d04973c134005be1a0140bff6045bb26eb77a73eaa47813f6b49a7250dc") ?? new Uint8Array();

/** Channels whose hosts are remembered. */
const MAX_HOSTS = 4096;

export interface UdpOptions {
  /** To listen on; 0 takes any that is free. */
  readonly port: number;
  /** To answer to, on the same host; without it the sender gets the answer. */
  readonly replyPort?: number | undefined;
}

/**
 * Listens on the loopback, where no other machine can reach it.
 *
 * @throws {CtapError} CTAP_UDP
 */
export async function openUdp({ port, replyPort }: UdpOptions): Promise<Door> {
  // Node would otherwise look up the address of each datagram in a further turn.
  const socket = createSocket({ type: "udp4", lookup: (host, _options, found) => found(null, host, 4) });
  await bind(socket, port);
  return new UdpDoor(socket, replyPort);
}

function bind(socket: Socket, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (cause) => {
      const hint = "another program may have it; name another port with --udp";
      reject(new CtapError("CTAP_UDP", `UDP port ${port} of ${LOOPBACK} cannot be had: ${describeSystemError(cause)}`, { kind: "outside", hint, cause }));
    });
    socket.bind(port, LOOPBACK, resolve);
  });
}

class UdpDoor implements Door {
  readonly name: string;
  onReport: (report: Uint8Array) => void = () => undefined;
  onPowerCycle: () => void = () => undefined;
  readonly #socket: Socket;
  readonly #replyPort: number | undefined;
  /** By channel, whom it was given to; the one that was used last is the last. */
  readonly #hosts = new Map<number, Host>();
  /** Of the datagram that is being handled. */
  #sender: Host | undefined;
  #closing: Promise<void> | undefined;

  constructor(socket: Socket, replyPort: number | undefined) {
    this.name = `udp:${LOOPBACK}:${socket.address().port}${replyPort === undefined ? "" : `,${replyPort}`}`;
    this.#socket = socket;
    this.#replyPort = replyPort;
    // A host that has gone; what else can happen to a bound socket is as good as a lost datagram.
    socket.on("error", () => undefined);
    socket.on("message", (datagram, sender) => this.#receive(datagram, sender));
  }

  /** To whom the channel was given; on one that was given to nobody, only at once and to the sender. */
  send(report: Uint8Array): void {
    const packet = parsePacket(report);
    const host = this.#hosts.get(packet.channel) ?? this.#sender;
    if (host === undefined || this.#closing !== undefined) return;
    const isGift = packet.type === "init" && packet.command === HID_COMMAND.init;
    if (isGift) this.#remember(parseInitResponse(packet.data).channel, host);
    else if (this.#hosts.has(packet.channel)) this.#remember(packet.channel, host);
    this.#socket.send(report, host.port, host.address);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => void this.#socket.close(resolve));
    return this.#closing;
  }

  #receive(datagram: Uint8Array, { address, port }: RemoteInfo): void {
    // Nobody can be answered at port 0.
    if (datagram.length !== REPORT_LENGTH || port === 0) return;
    if (equalBytes(datagram, REBOOT_DATAGRAM)) {
      this.#hosts.clear();
      this.onPowerCycle();
      return;
    }
    const sender = { address, port: this.#replyPort ?? port };
    const { channel } = parsePacket(datagram);
    const host = this.#hosts.get(channel);
    if (host !== undefined && (host.address !== sender.address || host.port !== sender.port)) return;
    if (host !== undefined) this.#remember(channel, host);
    this.#sender = sender;
    try {
      this.onReport(datagram);
    } finally {
      this.#sender = undefined;
    }
  }

  #remember(channel: number, host: Host): void {
    this.#hosts.delete(channel);
    this.#hosts.set(channel, host);
    for (const oldest of this.#hosts.keys()) {
      if (this.#hosts.size <= MAX_HOSTS) return;
      this.#hosts.delete(oldest);
    }
  }
}

/** Where answers go. */
interface Host {
  readonly address: string;
  readonly port: number;
}
