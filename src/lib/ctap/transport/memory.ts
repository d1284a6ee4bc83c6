import { copyBytes } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { ReportQueue } from "./report-queue.ts";
import type { Transport } from "./transport.ts";

/** The card's end of a pair in memory. */
export interface MemoryCard {
  /** Called with each report that the host sends, in order. */
  onReport: (report: Uint8Array) => void;
  /** Sends a report to the host. */
  readonly send: (report: Uint8Array) => void;
  /** As if it were unplugged. */
  readonly unplug: () => void;
}

/** Two ends that talk to each other in one process. */
export function memoryPair(name = "memory:"): { readonly transport: Transport; readonly card: MemoryCard } {
  const queue = new ReportQueue();
  let isGone = false;
  const card: MemoryCard = {
    onReport: () => undefined,
    send: (report) => queue.push(copyBytes(report)),
    unplug: () => {
      isGone = true;
      queue.fail(lost(name));
    },
  };
  const transport: Transport = {
    name,
    send: (report) => {
      if (isGone) return Promise.reject(lost(name));
      const copy = copyBytes(report);
      queueMicrotask(() => card.onReport(copy));
      return Promise.resolve();
    },
    receive: (signal) => queue.take(signal),
    close: () => {
      card.unplug();
      return Promise.resolve();
    },
  };
  return { transport, card };
}

function lost(name: string): CtapError {
  return new CtapError("CTAP_DEVICE_LOST", `${name} is gone`, { kind: "outside", hint: "plug the card in again" });
}
