import { equalBytes } from "../bytes.ts";
import type { Stray } from "./device.ts";
import { BROADCAST_CHANNEL, HID_COMMAND, type InitPacket, type Packet } from "./packet.ts";

/** More channels than programs share one card; a card that babbles is not worth more memory. */
const MAX_CHANNELS = 16;

/** What comes from a card besides the answers to us, and whose it is. */
export class Traffic {
  /** Requests of ours, to know their answers by, wherever they come. */
  readonly #nonces: Uint8Array[] = [];
  readonly #pings: Uint8Array[] = [];
  /** Other channels, and the commands seen there. */
  readonly #others = new Map<number, Set<number>>();
  #wrongChannel: number | undefined;
  #hasWrongNonce = false;
  #hasLateInit = false;
  #hasDuplicates = false;

  sentNonce(nonce: Uint8Array): void {
    this.#nonces.push(nonce);
  }

  sentPing(payload: Uint8Array): void {
    this.#pings.push(payload);
  }

  hear({ kind, packet }: Stray): void {
    const isAnswerToInit = packet.type === "init" && packet.command === HID_COMMAND.init;
    if (kind === "late") this.#hasDuplicates = true;
    else if (isAnswerToInit && this.#hasNonce(packet)) {
      if (packet.channel !== BROADCAST_CHANNEL) this.#wrongChannel = packet.channel;
      else if (startsWith(packet.data, this.#nonces.at(-1))) this.#hasDuplicates = true;
      else this.#hasLateInit = true;
    } else if (isAnswerToInit && packet.channel === BROADCAST_CHANNEL) this.#hasWrongNonce = true;
    else if (this.#isEcho(packet)) this.#wrongChannel = packet.channel;
    else this.#note(packet);
  }

  /** Our channel, which may have been heard before we knew it for ours. */
  forget(channel: number): void {
    this.#others.delete(channel);
  }

  /** Where an answer to us came that should have come elsewhere. */
  get wrongChannel(): number | undefined {
    return this.#wrongChannel;
  }

  /** Whether an INIT was answered that we did not send. */
  get hasWrongNonce(): boolean {
    return this.#hasWrongNonce;
  }

  /** Whether an earlier INIT of ours was answered after its time. */
  get hasLateInit(): boolean {
    return this.#hasLateInit;
  }

  get hasDuplicates(): boolean {
    return this.#hasDuplicates;
  }

  /** `CBOR, KEEPALIVE on channel 0x00000007`, or nothing where nobody else was heard. */
  describeOthers(): string | undefined {
    const others = [...this.#others].filter(([channel]) => channel !== this.#wrongChannel);
    if (others.length === 0) return undefined;
    return others.map(([channel, commands]) => `${[...commands].map(commandName).join(", ") || "packets"} on channel ${formatChannel(channel)}`).join("; ");
  }

  #hasNonce({ data }: InitPacket): boolean {
    return this.#nonces.some((nonce) => startsWith(data, nonce));
  }

  #isEcho(packet: Packet): boolean {
    if (packet.type !== "init" || packet.command !== HID_COMMAND.ping) return false;
    return this.#pings.some((ping) => startsWith(packet.data, ping.subarray(0, packet.data.length)));
  }

  #note(packet: Packet): void {
    const commands = this.#others.get(packet.channel) ?? new Set();
    if (packet.type === "init") commands.add(packet.command);
    if (this.#others.size < MAX_CHANNELS) this.#others.set(packet.channel, commands);
  }
}

function startsWith(data: Uint8Array, beginning: Uint8Array | undefined): boolean {
  return beginning !== undefined && equalBytes(data.subarray(0, beginning.length), beginning);
}

/** `CBOR`; of a command without a name, its byte. */
export function commandName(command: number): string {
  const name = Object.entries(HID_COMMAND).find(([, value]) => value === command)?.[0];
  return name?.toUpperCase() ?? `0x${command.toString(16).padStart(2, "0")}`;
}

export function formatChannel(channel: number): string {
  return `0x${channel.toString(16).padStart(8, "0")}`;
}
