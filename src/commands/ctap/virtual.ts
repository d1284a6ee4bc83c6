import { approveAfter, approveAlways, approveNever, type Approval, type Touch } from "../../lib/ctap/authenticator/approval.ts";
import { Authenticator } from "../../lib/ctap/authenticator/authenticator.ts";
import { deriveSecret } from "../../lib/ctap/authenticator/credential-key.ts";
import type { Door } from "../../lib/ctap/authenticator/door.ts";
import { runCard, type CardEvent } from "../../lib/ctap/authenticator/run-card.ts";
import { FileStore } from "../../lib/ctap/authenticator/state-file.ts";
import { MemoryStore, type Store } from "../../lib/ctap/authenticator/state.ts";
import { UDP_PORT, UDP_REPLY_PORT } from "../../lib/ctap/device-uri.ts";
import { encodeHex } from "../../lib/bytes.ts";
import { Interrupted, UsageError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { canPrompt, say, writeJson } from "../io.ts";
import { EXIT_OK } from "../report.ts";

/** keyhole ctap virtual */
export async function virtual(args: Arguments): Promise<number> {
  const end = new End();
  const approve = parseApproval(args, end);
  const openDoor = parseDoor(args, end);
  const statePath = args.optional("state");
  const store = statePath === undefined ? new MemoryStore() : new FileStore(statePath);
  const door = await openDoor(store);
  const card = runCard(door, new Authenticator({ store }), { approve, onEvent: tellEvents(args), onError: (error) => end.fail(error) });
  try {
    announce(args, door, statePath);
    await end.wait();
    return EXIT_OK;
  } finally {
    await card.close();
  }
}

/** What ends the command: SIGTERM well, SIGINT and Ctrl-C at a prompt as an interruption, an error as one. */
class End {
  readonly #ended: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor() {
    this.#ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Where an error comes before anybody waits.
    this.#ended.catch(() => undefined);
    process.once("SIGTERM", () => this.#resolve());
    process.once("SIGINT", () => this.interrupt());
  }

  interrupt(): void {
    this.fail(new Interrupted());
  }

  fail(error: unknown): void {
    this.#reject(error);
  }

  wait(): Promise<void> {
    return this.#ended;
  }
}

/** @throws {UsageError} USAGE_APPROVE, USAGE_TERMINAL */
function parseApproval(args: Arguments, end: End): Approval {
  const text = args.required("approve");
  const [, ms] = /^after:(0|[1-9][0-9]{0,6})$/.exec(text) ?? [];
  if (ms !== undefined) return approveAfter(Number(ms));
  switch (text) {
    case "always":
      return approveAlways;
    case "never":
      return approveNever;
    case "ask":
      if (!canPrompt()) throw new UsageError("USAGE_TERMINAL", "--approve ask needs a terminal to ask at", { hint: "give --approve always, never or after:MS" });
      return (touch, signal) => ask(touch, signal, end);
    default:
      throw new UsageError("USAGE_APPROVE", `--approve is ${JSON.stringify(text)}, expected always, never, ask or after:MS`, { hint: "MS is 0 to 9999999" });
  }
}

/** A question that nobody waits for any more goes away by itself. */
async function ask(touch: Touch, signal: AbortSignal, end: End): Promise<boolean> {
  const { promptLine } = await import("../../lib/terminal/prompt.ts");
  const isWanted = (): boolean => !signal.aborted;
  if (!isWanted()) return false;
  const answer = await promptLine(`Touch the key to ${describeTouch(touch)}? [y/N] `, signal);
  if (answer === undefined && isWanted()) end.interrupt();
  return answer !== undefined && /^y(es)?$/i.test(answer.trim());
}

/** @throws {UsageError} USAGE_OPTION, USAGE_UDP */
function parseDoor(args: Arguments, end: End): (store: Store) => Promise<Door> {
  const udp = args.optional("udp");
  if (args.flag("uhid")) {
    if (udp !== undefined) throw new UsageError("USAGE_OPTION", "--uhid does not go with --udp", { hint: args.usageHint });
    return (store) => openUhidDoor(store, end);
  }
  const options = udp === undefined ? { port: UDP_PORT, replyPort: UDP_REPLY_PORT } : parsePorts(udp);
  return async () => {
    const { openUdp } = await import("../../lib/ctap/authenticator/udp.ts");
    return openUdp(options);
  };
}

function parsePorts(text: string): { readonly port: number; readonly replyPort: number | undefined } {
  const [, port = "", reply = ""] = /^(0|[1-9][0-9]{0,4})(?:,([1-9][0-9]{0,4}))?$/.exec(text) ?? [];
  if (port === "" || Number(port) > 0xffff || Number(reply) > 0xffff) {
    throw new UsageError("USAGE_UDP", `--udp is ${JSON.stringify(text)}, expected PORT or PORT,REPLYPORT, each up to 65535`, { hint: "port 0 takes any that is free" });
  }
  return { port: Number(port), replyPort: reply === "" ? undefined : Number(reply) };
}

/** Source for the numbers: pid.codes, which keeps them free for tests. */
const USB_ID = { vendor: 0x1209, product: 0x0001 };

async function openUhidDoor(store: Store, end: End): Promise<Door> {
  const { openUhid } = await import("../../lib/ctap/authenticator/uhid.ts");
  const serial = store.run(({ deviceKey }) => encodeHex(deriveSecret(deviceKey, "serial number").subarray(0, 6)));
  const door = await openUhid({ identity: { ...USB_ID, name: "Keyhole virtual authenticator", serial } });
  door.onFailure = (error) => end.fail(error);
  return door;
}

function announce(args: Arguments, { name }: Door, statePath: string | undefined): void {
  if (args.flag("json")) writeJson({ device: name, ...(statePath === undefined ? {} : { state: statePath }) });
  if (args.flag("quiet")) return;
  say("software authenticator for tests and learning: it protects nothing that is kept in it");
  say(statePath === undefined ? "what it holds is gone when it ends" : `what it holds is kept in ${escapeForTerminal(statePath)}`);
  say(`ready at ${name}; Ctrl-C ends it`);
}

function tellEvents(args: Arguments): (event: CardEvent) => void {
  if (args.flag("quiet")) return () => undefined;
  return (event) => say(event.kind === "touch" ? describeOutcome(event) : EVENTS[event.kind]);
}

const EVENTS = { wink: "wink", "power-cycle": "power was taken away and came back" };

const OUTCOMES = {
  waiting: "waiting for a touch to",
  approved: "touched to",
  refused: "refused to",
  "timed-out": "no touch in time to",
  cancelled: "no touch is wanted any more to",
};

function describeOutcome({ touch, outcome }: CardEvent & { kind: "touch" }): string {
  return `${OUTCOMES[outcome]} ${describeTouch(touch)}`;
}

const ACTIONS = {
  "make-credential": "make a credential",
  "get-assertion": "sign",
  "u2f-register": "make a U2F credential",
  "u2f-authenticate": "sign by U2F",
  selection: "choose this key",
  "pin-check": "choose this key",
  reset: "erase everything",
};

function describeTouch({ what, rpId }: Touch): string {
  return `${ACTIONS[what]}${rpId === undefined ? "" : ` for ${escapeForTerminal(rpId)}`}`;
}
