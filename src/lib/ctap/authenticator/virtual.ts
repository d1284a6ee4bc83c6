import { copyBytes } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { ReportQueue } from "../transport/report-queue.ts";
import type { Transport } from "../transport/transport.ts";
import type { Approval } from "./approval.ts";
import { Authenticator } from "./authenticator.ts";
import type { Door } from "./door.ts";
import { runCard, type RunningCard } from "./run-card.ts";
import { MemoryStore, type Store } from "./state.ts";

export interface VirtualOptions {
  /** File that keeps what the authenticator holds; without it, all is gone with the transport. */
  readonly statePath?: string | undefined;
  /** At once, where it is not given. */
  readonly approve?: Approval | undefined;
}

/**
 * A software authenticator in the same process, for tests and learning: it
 * protects nothing. It has just got power, so that it can be reset.
 *
 * @returns at once; where the state cannot be used, `send` and `receive` fail
 *   with CTAP_STATE or FILE_…
 */
export function openVirtual(options: VirtualOptions = {}): Transport {
  return new VirtualTransport(options);
}

class VirtualTransport implements Transport {
  readonly name: string;
  readonly #queue = new ReportQueue();
  readonly #door: Door;
  readonly #card: Promise<RunningCard>;
  #isOver = false;

  constructor({ statePath, approve }: VirtualOptions) {
    this.name = `virtual:${statePath ?? ""}`;
    this.#door = { name: this.name, onReport: () => undefined, send: (report) => this.#deliver(report), close: () => Promise.resolve() };
    const onError = (error: unknown): void => this.#end(error);
    this.#card = openStore(statePath).then((store) => runCard(this.#door, new Authenticator({ store }), { approve, onError }));
    this.#card.catch(onError);
  }

  async send(report: Uint8Array): Promise<void> {
    const copy = copyBytes(report);
    await this.#card;
    if (this.#isOver) throw closed(this.name);
    this.#door.onReport(copy);
  }

  receive(signal: AbortSignal): Promise<Uint8Array> {
    return this.#queue.take(signal);
  }

  async close(): Promise<void> {
    this.#end(closed(this.name));
    await this.#card.then(
      (card) => card.close(),
      () => undefined,
    );
  }

  #deliver(report: Uint8Array): void {
    if (!this.#isOver) this.#queue.push(report);
  }

  /** The error says more than what the card answers with for want of a better status. */
  #end(error: unknown): void {
    this.#isOver = true;
    this.#queue.fail(error);
  }
}

/** Most hosts want no file, and what reads one takes time to load. */
async function openStore(statePath: string | undefined): Promise<Store> {
  if (statePath === undefined) return new MemoryStore();
  const { FileStore } = await import("./state-file.ts");
  return new FileStore(statePath);
}

function closed(name: string): CtapError {
  return new CtapError("CTAP_DEVICE_LOST", `${name} is closed`, { kind: "outside" });
}
