import type { Approval, Touch, TouchOutcome } from "./approval.ts";
import type { Clock } from "./clock.ts";

/** A host that has not come again by then has given up. Hosts come every 200 to 500 ms. */
const PATIENCE_MS = 2000;

export interface U2fTouchOptions {
  readonly approve: Approval;
  readonly onTouch: (touch: Touch, outcome: TouchOutcome) => void;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
}

interface Asked {
  readonly touch: Touch;
  readonly controller: AbortController;
  verdict: boolean | undefined;
  lastMs: number;
}

/** Keeps a touch for a host that comes again and again until it is there. */
export class U2fTouch {
  readonly #options: U2fTouchOptions;
  #asked: Asked | undefined;

  constructor(options: U2fTouchOptions) {
    this.#options = options;
  }

  /** Whether the card has been touched for this, which is asked for where it was not. A touch is worth one answer. */
  has(touch: Touch): boolean {
    const nowMs = this.#options.clock.now();
    if (this.#asked !== undefined && (!isSame(this.#asked.touch, touch) || nowMs - this.#asked.lastMs > PATIENCE_MS)) this.forget();
    const asked = this.#asked ?? this.#ask(touch);
    asked.lastMs = nowMs;
    this.#asked = asked.verdict === true ? undefined : asked;
    return asked.verdict === true;
  }

  forget(): void {
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked === undefined || asked.verdict !== undefined) return;
    asked.controller.abort();
    this.#options.onTouch(asked.touch, "cancelled");
  }

  #ask(touch: Touch): Asked {
    const { approve, onTouch, onError } = this.#options;
    const controller = new AbortController();
    const asked: Asked = { touch, controller, verdict: undefined, lastMs: 0 };
    const decide = (isApproved: boolean): void => {
      if (controller.signal.aborted) return;
      asked.verdict = isApproved;
      onTouch(touch, isApproved ? "approved" : "refused");
    };
    const verdict = approve(touch, controller.signal);
    if (typeof verdict === "boolean") {
      decide(verdict);
      return asked;
    }
    onTouch(touch, "waiting");
    verdict.then(decide, (error: unknown) => {
      onError(error);
      decide(false);
    });
    return asked;
  }
}

function isSame(a: Touch, b: Touch): boolean {
  return a.what === b.what && a.rpId === b.rpId;
}
