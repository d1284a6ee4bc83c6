import { Interrupted } from "../../lib/errors.ts";
import { CtapDevice, type Keepalive, type TransactOptions } from "../../lib/ctap/device.ts";
import { openTransport } from "../../lib/ctap/open.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";
import { openTrace } from "./trace-file.ts";

/** A person who needs longer than a day has gone home. */
const MAX_TIMEOUT_S = 86_400;

/** A card that a command talks to. */
export interface Card {
  readonly device: CtapDevice;
  /** For every request: Ctrl-C, the person's time, and what is said while it runs. */
  readonly transact: TransactOptions;
}

/**
 * Runs a command with the card of `--device`, and lets go of it whatever comes.
 *
 * @throws {CtapError}; {UsageError}; {Interrupted} on Ctrl-C, once the card has been told
 */
export async function withCard<T>(args: Arguments, run: (card: Card) => Promise<T>): Promise<T> {
  const timeoutMs = args.number("timeout", 1, MAX_TIMEOUT_S) * 1000;
  return interruptible(async (signal) => {
    const transport = openTrace(args, await openTransport(args.optional("device")));
    const device = await CtapDevice.open(transport, { signal, lenient: args.flag("lenient") });
    try {
      return await run({ device, transact: { signal, timeoutMs, onKeepalive: tellKeepalives(args, timeoutMs) } });
    } finally {
      await device.close();
    }
  });
}

/** Runs something that Ctrl-C aborts by a signal, rather than ending the process at once. */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new Interrupted());
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  try {
    return await run(controller.signal);
  } finally {
    process.removeListener("SIGINT", interrupt);
    process.removeListener("SIGTERM", interrupt);
  }
}

/** Says once when to touch the card, and with `-v` every keepalive. */
function tellKeepalives(args: Arguments, timeoutMs: number): (status: Keepalive) => void {
  let hasAsked = false;
  return (status) => {
    if (args.flag("verbose")) say(`keepalive: ${status}`);
    if (status !== "up-needed" || hasAsked || args.flag("quiet")) return;
    hasAsked = true;
    say(`touch the card now (waiting up to ${timeoutMs / 1000} s)`);
  };
}
