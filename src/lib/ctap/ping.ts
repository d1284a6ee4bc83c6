import { randomBytes } from "node:crypto";
import { equalBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import type { CtapDevice, TransactOptions } from "./device.ts";
import { HID_COMMAND } from "./packet.ts";
import { statusName } from "./status.ts";

/** How one PING went: its time, or what was wrong. */
export type Ping = { readonly ms: number } | "lost" | "wrong";

/** A part of the message got lost, on the way there or back. */
const LOST: ReadonlySet<string> = new Set(["CTAP_NO_ANSWER", "CTAP_INCOMPLETE", statusName(0x04), statusName(0x05)]);

/**
 * Sends random bytes to a card, which sends them back.
 *
 * @param size - in bytes, up to 7609
 * @throws {CtapError} as `CtapDevice.transact`, but for what `LOST` has
 */
export async function ping(device: CtapDevice, size: number, options: TransactOptions): Promise<Ping> {
  const payload = randomBytes(size);
  const begin = performance.now();
  let echo;
  try {
    echo = await device.transact(HID_COMMAND.ping, payload, options);
  } catch (error) {
    if (error instanceof CtapError && LOST.has(error.code)) return "lost";
    throw error;
  }
  const ms = performance.now() - begin;
  return equalBytes(echo, payload) ? { ms } : "wrong";
}

const MAX_LOST = 3;

/** Whether so many in a row were lost that the next would be too. */
export function isSilent(pings: readonly Ping[]): boolean {
  return pings.length >= MAX_LOST && pings.slice(-MAX_LOST).every((one) => one === "lost");
}

export interface PingStatistics {
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
  /** Something else came back. */
  readonly wrong: number;
  /** Of those answered rightly, if any was. */
  readonly times: Times | undefined;
}

export interface Times {
  readonly minMs: number;
  readonly avgMs: number;
  readonly maxMs: number;
  /** Standard deviation. */
  readonly stddevMs: number;
}

export function pingStatistics(pings: readonly Ping[]): PingStatistics {
  const times = pings.flatMap((one) => (typeof one === "string" ? [] : [one.ms]));
  const count = (what: Ping): number => pings.filter((one) => one === what).length;
  return { sent: pings.length, answered: times.length, lost: count("lost"), wrong: count("wrong"), times: times.length === 0 ? undefined : statistics(times) };
}

function statistics(times: readonly number[]): Times {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const avgMs = mean(times);
  return {
    minMs: times.reduce((a, b) => Math.min(a, b)),
    avgMs,
    maxMs: times.reduce((a, b) => Math.max(a, b)),
    stddevMs: Math.sqrt(mean(times.map((ms) => (ms - avgMs) ** 2))),
  };
}
