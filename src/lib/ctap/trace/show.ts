import { encodeHex } from "../../bytes.ts";
import { escapeUnsafe } from "../../text.ts";
import type { Packet } from "../packet.ts";
import { Conversation, type Observation } from "./conversation.ts";
import { channelName, hidCommandName } from "./interpret.ts";
import { formatTime } from "./line.ts";
import type { Direction, Report } from "./report.ts";
import { indented } from "./show-cbor.ts";
import { showMessage } from "./show-message.ts";
import type { Trace, TraceEvent } from "./trace.ts";

/** As far as the longest time in front of a line. */
const NO_TIME = " ".repeat(12);

/**
 * Renders a trace for reading: each report with its time since the first line,
 * its header and its data, and below the last report of a message what it says.
 *
 * @returns lines that are safe to show in a terminal
 */
export function* showTrace(trace: Trace): Generator<string> {
  const shower = new Shower();
  for (const event of trace.events) yield* shower.show(event);
  if (trace.isCut) yield "the last line is cut short and left out";
}

class Shower {
  readonly #conversation = new Conversation();
  readonly #left = new BytesLeft();
  #beginMs: number | undefined;

  show(event: TraceEvent): readonly string[] {
    switch (event.kind) {
      case "open":
        return [`${this.#time(event.timeMs)}opened ${escapeUnsafe(event.device)}${event.timeMs === undefined ? "" : ` at ${formatTime(event.timeMs)}`}`];
      case "error":
        return [`${this.#time(event.timeMs)}${escapeUnsafe([event.code, ...(event.message === undefined ? [] : [event.message])].join(": "))}`];
      case "close":
        return [`${this.#time(event.timeMs)}closed`];
      case "note":
        return [`${NO_TIME}${escapeUnsafe(event.text)}`];
      case "report":
        return this.#report(event.report, event.redacted);
    }
  }

  #report(report: Report, redacted: readonly string[]): readonly string[] {
    const { direction, bytes } = report;
    const observation = this.#conversation.observe(direction, bytes);
    const { packet, problem, message } = observation;
    const head = `${this.#time(report.timeMs)}${direction === "to-card" ? ">" : "<"} `;
    const below = [
      ...(problem === undefined ? [] : [`problem: ${problem}`]),
      ...(message === undefined ? [] : showMessage(direction, message)),
      ...(redacted.length === 0 ? [] : [`redacted: ${escapeUnsafe(redacted.join(", "))}`]),
    ];
    const line = packet === undefined ? `report of ${bytes.length} bytes: ${encodeHex(bytes)}` : this.#packet(direction, packet, observation);
    return [`${head}${line}`, ...indented(below).map((text) => `${NO_TIME}${text}`)];
  }

  #packet(direction: Direction, packet: Packet, { command }: Observation): string {
    const used = Math.min(this.#left.after(direction, packet), packet.data.length);
    const padding = packet.data.subarray(used);
    const kind = packet.type === "init" ? `${hidCommandName(packet.command)}, ${packet.length} ${packet.length === 1 ? "byte" : "bytes"}` : `${command === undefined ? "" : `${hidCommandName(command)}, `}packet ${packet.sequence}`;
    const data = used === 0 ? "" : `: ${encodeHex(packet.data.subarray(0, used))}`;
    const rest = padding.every((byte) => byte === 0) ? "" : ` | filled up with ${encodeHex(padding)}`;
    return `${channelName(packet.channel)} ${kind}${data}${rest}`;
  }

  /** Since the first event that has a time. */
  #time(timeMs: number | undefined): string {
    if (timeMs === undefined) return NO_TIME;
    this.#beginMs ??= timeMs;
    return `${((timeMs - this.#beginMs) / 1000).toFixed(6)} `.padStart(NO_TIME.length);
  }
}

/** How many bytes of a message are still to come, for each channel and direction. */
class BytesLeft {
  readonly #left = new Map<string, number>();

  /** @returns how many were still to come before this packet */
  after(direction: Direction, packet: Packet): number {
    const stream = `${direction} ${packet.channel}`;
    const left = packet.type === "init" ? packet.length : (this.#left.get(stream) ?? packet.data.length);
    if (left > packet.data.length) this.#left.set(stream, left - packet.data.length);
    else this.#left.delete(stream);
    return left;
  }
}
