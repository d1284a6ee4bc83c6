import { connect, isIPv6, type Socket } from "node:net";
import { concatBytes, copyBytes } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { describeSystemError, systemErrorCode } from "../../files.ts";
import { REPORT_LENGTH } from "../packet.ts";
import { resolveHost } from "./host.ts";
import { ReportQueue } from "./report-queue.ts";
import type { Transport } from "./transport.ts";
import { within } from "./within.ts";

const CONNECT_TIMEOUT_MS = 2000;
const SEND_TIMEOUT_MS = 1000;
const HEAD_LENGTH = 2;

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * A card behind TCP: before each report stands its length, 64, as 2 bytes
 * big-endian. Source: the PC build of a key firmware, which listens on 35962.
 *
 * @throws {CtapError} CTAP_UNREACHABLE; the reason of the signal
 */
export async function openTcp({ host, port }: TcpAddress, signal?: AbortSignal): Promise<Transport> {
  const name = `tcp:${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const address = await resolveHost(host, signal);
  const socket = connect({ host: address, port, noDelay: true });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("connect", resolve);
  });
  try {
    await within(connected, CONNECT_TIMEOUT_MS, () => unreachable(name, `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`), signal);
  } catch (error) {
    socket.destroy();
    throw systemErrorCode(error) === undefined || error instanceof CtapError || signal?.aborted === true ? error : unreachable(name, reason(error), error);
  }
  return new TcpTransport(name, socket);
}

class TcpTransport implements Transport {
  readonly name: string;
  readonly #socket: Socket;
  readonly #queue = new ReportQueue();
  #partial: Uint8Array = new Uint8Array();

  constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
    socket.on("data", (bytes) => this.#collect(bytes));
    socket.on("error", (error) => this.#queue.fail(this.#lost(reason(error), error)));
    socket.on("close", () => this.#queue.fail(this.#lost("it ended the connection")));
  }

  async send(report: Uint8Array): Promise<void> {
    const head = Uint8Array.of(report.length >> 8, report.length & 0xff);
    const written = new Promise<void>((resolve, reject) => {
      this.#socket.write(concatBytes(head, report), (error) => (error == null ? resolve() : reject(this.#lost(reason(error), error))));
    });
    await within(written, SEND_TIMEOUT_MS, () => this.#lost("it takes no more reports"));
  }

  receive(signal: AbortSignal): Promise<Uint8Array> {
    return this.#queue.take(signal);
  }

  close(): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }

  #collect(bytes: Uint8Array): void {
    let rest = concatBytes(this.#partial, bytes);
    while (rest.length >= HEAD_LENGTH) {
      const length = ((rest[0] ?? 0) << 8) | (rest[1] ?? 0);
      if (length !== REPORT_LENGTH) {
        // Where the next report begins cannot be known any more.
        this.#queue.fail(new CtapError("CTAP_REPORT_LENGTH", `report is ${length} bytes, expected ${REPORT_LENGTH}`, { kind: "outside", hint: "check that a card's program listens there" }));
        this.#socket.destroy();
        return;
      }
      if (rest.length < HEAD_LENGTH + length) break;
      this.#queue.push(copyBytes(rest.subarray(HEAD_LENGTH, HEAD_LENGTH + length)));
      rest = rest.subarray(HEAD_LENGTH + length);
    }
    this.#partial = rest;
  }

  #lost(why: string, cause?: unknown): CtapError {
    return new CtapError("CTAP_DEVICE_LOST", `${this.name} is gone: ${why}`, { kind: "outside", hint: "start it again", cause });
  }
}

function unreachable(name: string, why: string, cause?: unknown): CtapError {
  return new CtapError("CTAP_UNREACHABLE", `${name} cannot be reached: ${why}`, { kind: "outside", hint: "check address and port, and that the card's program runs", cause });
}

function reason(error: unknown): string {
  return describeSystemError(error);
}
