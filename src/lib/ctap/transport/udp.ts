import { createSocket, type Socket } from "node:dgram";
import { CtapError } from "../../errors.ts";
import { copyBytes } from "../../bytes.ts";
import { describeSystemError } from "../../files.ts";
import { UDP_PORT, UDP_REPLY_PORT } from "../device-uri.ts";
import { resolveHost } from "./host.ts";
import { ReportQueue } from "./report-queue.ts";
import type { Transport } from "./transport.ts";

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
  /** Of this machine, where the card answers; without it, it answers to where the reports come from. */
  readonly replyPort?: number | undefined;
}

/**
 * A card behind UDP: each datagram is one bare report. Source: the PC builds of
 * the solo1 and canokey-core firmwares, which listen on 8111 and answer to 7112.
 *
 * Reports leave from a port of their own, from which the system also hears that
 * nobody listens there. Answers are taken there from this one peer, and at the
 * reply port, which a relay may stand before, from any port of its host. A card
 * at 8111 is heard at 7112 too, where that port is free.
 *
 * @throws {CtapError} CTAP_UNREACHABLE, CTAP_PORT; the reason of the signal
 */
export async function openUdp({ host, port, replyPort }: UdpAddress, signal?: AbortSignal): Promise<Transport> {
  const address = await resolveHost(host, signal);
  const transport = new UdpTransport(nameOf({ host, port, replyPort }));
  try {
    if (replyPort !== undefined) await transport.listen(address, replyPort);
    else if (port === UDP_PORT) await transport.listen(address, UDP_REPLY_PORT).catch(() => undefined);
    await transport.connect(address, port);
    return transport;
  } catch (error) {
    await transport.close();
    throw error;
  }
}

class UdpTransport implements Transport {
  readonly name: string;
  readonly #queue = new ReportQueue();
  readonly #sockets: Socket[] = [];
  #sender: Socket | undefined;
  #hasHeard = false;

  constructor(name: string) {
    this.name = name;
  }

  async listen(host: string, port: number): Promise<void> {
    const socket = this.#socket(host);
    try {
      await settled(socket, (done) => socket.bind(port, anyAddress(host), done));
    } catch (error) {
      throw new CtapError("CTAP_PORT", `UDP port ${port}, where ${this.name} answers, cannot be had: ${describeSystemError(error)}`, {
        kind: "outside",
        hint: "end it, perhaps another keyhole, or give another REPLYPORT",
        cause: error,
      });
    }
    socket.on("message", (report, { address }) => {
      if (address === host) this.#receive(report);
    });
    socket.on("error", (error) => this.#fail(error));
  }

  async connect(host: string, port: number): Promise<void> {
    const socket = this.#socket(host);
    try {
      await settled(socket, (done) => socket.connect(port, host, done));
    } catch (error) {
      throw this.#lost(error);
    }
    socket.on("message", (report) => this.#receive(report));
    socket.on("error", (error) => this.#fail(error));
    this.#sender = socket;
  }

  send(report: Uint8Array): Promise<void> {
    const sender = this.#sender;
    if (sender === undefined) return Promise.reject(this.#closed());
    return new Promise((resolve, reject) => {
      // What was refused before is told of the next one that is sent.
      sender.send(report, (error) => (error === null ? resolve() : reject(this.#fail(error))));
    });
  }

  receive(signal: AbortSignal): Promise<Uint8Array> {
    return this.#queue.take(signal);
  }

  close(): Promise<void> {
    this.#sender = undefined;
    this.#queue.fail(this.#closed());
    for (const socket of this.#sockets.splice(0)) socket.close();
    return Promise.resolve();
  }

  #socket(host: string): Socket {
    // Addresses alone come here, and Node's own lookup takes a while to load.
    const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4", lookup: (address, _options, found) => found(null, address, isIPv6(host) ? 6 : 4) });
    this.#sockets.push(socket);
    return socket;
  }

  #receive(report: Uint8Array): void {
    this.#hasHeard = true;
    this.#queue.push(copyBytes(report));
  }

  #fail(error: Error): CtapError {
    const lost = this.#lost(error);
    this.#queue.fail(lost);
    return lost;
  }

  #closed(): CtapError {
    return new CtapError("CTAP_DEVICE_LOST", `${this.name} is closed`, { kind: "outside" });
  }

  #lost(error: unknown): CtapError {
    const why = describeSystemError(error);
    if (this.#hasHeard) return new CtapError("CTAP_DEVICE_LOST", `${this.name} is gone: ${why}`, { kind: "outside", hint: "start it again", cause: error });
    return new CtapError("CTAP_UNREACHABLE", `${this.name} cannot be reached: ${why}`, { kind: "outside", hint: "check address and port, and that the card's program runs", cause: error });
  }
}

/** Of an address. That of node:net compiles a regular expression that takes longer than all else here. */
function isIPv6(address: string): boolean {
  return address.includes(":");
}

/** On loopback where the card is there, so that no other machine can answer. */
function anyAddress(host: string): string {
  if (host.startsWith("127.") || host === "::1") return host;
  return isIPv6(host) ? "::" : "0.0.0.0";
}

function nameOf({ host, port, replyPort }: UdpAddress): string {
  return `udp:${isIPv6(host) ? `[${host}]` : host}:${port}${replyPort === undefined ? "" : `,${replyPort}`}`;
}

/** Starts something with a socket, whose errors come as events. */
async function settled(socket: Socket, start: (done: () => void) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    start(() => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
}
