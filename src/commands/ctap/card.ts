import { wipe } from "../../lib/bytes.ts";
import { CtapDevice, type Keepalive, type TransactOptions } from "../../lib/ctap/device.ts";
import { openTransport } from "../../lib/ctap/open.ts";
import type { Transport } from "../../lib/ctap/transport/transport.ts";
import type { Arguments } from "../arguments.ts";
import { interruptible } from "../interruptible.ts";
import { say } from "../io.ts";
import { optionsOf } from "../table.ts";

/** A person who needs longer than a day has gone home. */
const MAX_TIMEOUT_S = 86_400;

/** A card that a command talks to. */
export interface Card {
  readonly device: CtapDevice;
  /** For every request: Ctrl-C, the person's time, and what is said while it runs. */
  readonly transact: TransactOptions;
  /** From `--pin-file`, fit to be a PIN; wiped at the end. */
  readonly pin: Uint8Array | undefined;
}

/**
 * Runs a command with the card of `--device`, and lets go of it whatever comes.
 * What the command line names is read and checked before anything is sent.
 *
 * @throws {CtapError}; {UsageError}; {Interrupted} on Ctrl-C, once the card has been told
 */
export async function withCard<T>(args: Arguments, run: (card: Card) => Promise<T>): Promise<T> {
  const timeoutMs = args.number("timeout", 1, MAX_TIMEOUT_S) * 1000;
  const pin = await readPin(args);
  try {
    return await interruptible(async (signal) => {
      const device = await CtapDevice.open(await open(args, signal), { signal, lenient: args.flag("lenient") });
      try {
        return await run({ device, transact: { signal, timeoutMs, onKeepalive: tellKeepalives(args, `touch the card now (${waiting(timeoutMs)})`) }, pin });
      } finally {
        await device.close();
      }
    });
  } finally {
    if (pin !== undefined) wipe(pin);
  }
}

/** @throws {FileError} FILE_…; {CtapError} CTAP_PIN */
async function readPin(args: Arguments): Promise<Uint8Array | undefined> {
  if (!optionsOf(args.command).some(({ name }) => name === "pin-file") || args.optional("pin-file") === undefined) return undefined;
  const { readPinFile } = await import("./pin-file.ts");
  return readPinFile(args, "pin-file");
}

async function open(args: Arguments, signal: AbortSignal): Promise<Transport> {
  const transport = await openTransport(args.optional("device"), { signal });
  if (args.optional("trace") === undefined) return transport;
  const { openTrace } = await import("./trace-file.ts");
  return openTrace(args, transport);
}

/**
 * Says once when the card waits for its user, and with `-v` every keepalive.
 *
 * @param request - what the user is to do
 */
export function tellKeepalives(args: Arguments, request: string): (status: Keepalive) => void {
  let hasAsked = false;
  return (status) => {
    if (args.flag("verbose")) say(`keepalive: ${status}`);
    if (status !== "up-needed" || hasAsked || args.flag("quiet")) return;
    hasAsked = true;
    say(request);
  };
}

/** `waiting up to 30 s` */
export function waiting(timeoutMs: number): string {
  return `waiting up to ${timeoutMs / 1000} s`;
}
