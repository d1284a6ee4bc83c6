import { randomInt } from "node:crypto";
import { capabilities } from "../init.ts";
import { approveAlways, type Approval, type Touch, type TouchOutcome } from "./approval.ts";
import type { Authenticator } from "./authenticator.ts";
import { CardMachine, KEEPALIVE, type Effect } from "./card-machine.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { Door } from "./door.ts";
import { STATUS } from "./refusal.ts";
import type { Conversation } from "./session.ts";
import { notYetTouched } from "./u2f.ts";
import { U2fTouch } from "./u2f-touch.ts";

/** A person who has not touched the card by then has gone. */
export const TOUCH_TIMEOUT_MS = 30_000;

/** What a card does that somebody beside it would see. */
export type CardEvent =
  | { readonly kind: "wink" | "power-cycle" }
  | { readonly kind: "touch"; readonly touch: Touch; readonly outcome: TouchOutcome };

export interface CardOptions {
  /** At once, where it is not given. */
  readonly approve?: Approval | undefined;
  readonly onEvent?: ((event: CardEvent) => void) | undefined;
  /** The state cannot be kept, or a touch not be asked for; the host got CTAP1_ERR_OTHER. */
  readonly onError?: ((error: unknown) => void) | undefined;
  readonly clock?: Clock | undefined;
}

export interface RunningCard {
  /** Ends what is under way and closes the door. */
  close(): Promise<void>;
}

/** Runs an authenticator behind a door: all the waiting of the card's side. */
export function runCard(door: Door, authenticator: Authenticator, options: CardOptions = {}): RunningCard {
  return new CardDriver(door, authenticator, options);
}

/** A request that waits for a touch. */
interface Wait {
  readonly conversation: Conversation;
  readonly touch: Touch;
  readonly controller: AbortController;
  readonly stopTimer: () => void;
}

const CAPABILITIES = capabilities({ wink: true, cbor: true, msg: true });
const DEVICE_VERSION = [1, 0, 0] as const;

class CardDriver implements RunningCard {
  readonly #door: Door;
  readonly #authenticator: Authenticator;
  readonly #approve: Approval;
  readonly #onEvent: (event: CardEvent) => void;
  readonly #onError: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #u2fTouch: U2fTouch;
  #machine = newMachine();
  #wait: Wait | undefined;
  #alarm: { readonly atMs: number; readonly stop: () => void } | undefined;

  constructor(door: Door, authenticator: Authenticator, { approve = approveAlways, onEvent = () => undefined, onError = () => undefined, clock = systemClock }: CardOptions) {
    this.#door = door;
    this.#authenticator = authenticator;
    this.#approve = approve;
    this.#onEvent = onEvent;
    this.#onError = onError;
    this.#clock = clock;
    this.#u2fTouch = new U2fTouch({ approve, onTouch: (touch, outcome) => onEvent({ kind: "touch", touch, outcome }), onError, clock });
    door.onReport = (report) => this.#handle(this.#machine.receive(report, clock.now()));
    door.onPowerCycle = () => this.#powerCycle();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#door.close();
  }

  #stop(): void {
    this.#endWait("cancelled");
    this.#u2fTouch.forget();
    this.#alarm?.stop();
    this.#alarm = undefined;
  }

  #powerCycle(): void {
    this.#stop();
    this.#machine = newMachine();
    this.#authenticator.powerCycle();
    this.#onEvent({ kind: "power-cycle" });
  }

  #handle(effects: readonly Effect[]): void {
    for (const effect of effects) this.#execute(effect);
    this.#setAlarm();
  }

  #execute(effect: Effect): void {
    switch (effect.kind) {
      case "send":
        for (const report of effect.reports) this.#door.send(report);
        return;
      case "request":
        if (effect.command === "cbor") this.#advance(this.#authenticator.cbor(effect.data, effect.channel));
        else this.#answerMsg(this.#authenticator.msg(effect.data));
        return;
      case "abandon":
        this.#endWait("cancelled");
        return;
      case "wink":
        this.#onEvent({ kind: "wink" });
        return;
    }
  }

  /** The machine may want to be woken sooner than before; later does no harm. */
  #setAlarm(): void {
    const { wakeMs } = this.#machine;
    if (wakeMs === undefined || (this.#alarm !== undefined && this.#alarm.atMs <= wakeMs)) return;
    this.#alarm?.stop();
    const stop = this.#clock.after(wakeMs - this.#clock.now(), () => {
      this.#alarm = undefined;
      this.#handle(this.#machine.tick(this.#clock.now()));
    });
    this.#alarm = { atMs: wakeMs, stop };
  }

  /** Runs a conversation up to its answer or the next touch. */
  #advance(conversation: Conversation): void {
    const step = this.#next(conversation);
    if (step instanceof Uint8Array) this.#handle(this.#machine.answer(step));
    else this.#awaitTouch(conversation, step);
  }

  #next(conversation: Conversation): Touch | Uint8Array {
    try {
      return conversation.next().value;
    } catch (error) {
      this.#onError(error);
      return Uint8Array.of(STATUS.other);
    }
  }

  #awaitTouch(conversation: Conversation, touch: Touch): void {
    this.#u2fTouch.forget();
    const controller = new AbortController();
    const stopTimer = this.#clock.after(TOUCH_TIMEOUT_MS, () => this.#refuse("timed-out", STATUS.userActionTimeout));
    const wait: Wait = { conversation, touch, controller, stopTimer };
    this.#wait = wait;
    const verdict = this.#approve(touch, controller.signal);
    if (typeof verdict === "boolean") {
      this.#decide(verdict);
      return;
    }
    this.#onEvent({ kind: "touch", touch, outcome: "waiting" });
    this.#handle(this.#machine.keepAlive(KEEPALIVE.upNeeded, this.#clock.now()));
    verdict.then(
      (isApproved) => {
        if (this.#wait === wait) this.#decide(isApproved);
      },
      (error: unknown) => {
        this.#onError(error);
        if (this.#wait === wait) this.#refuse("refused", STATUS.other);
      },
    );
  }

  #decide(isApproved: boolean): void {
    if (!isApproved) {
      this.#refuse("refused", STATUS.operationDenied);
      return;
    }
    const wait = this.#endWait("approved");
    if (wait !== undefined) this.#advance(wait.conversation);
  }

  #refuse(outcome: "refused" | "timed-out", status: number): void {
    this.#endWait(outcome);
    this.#handle(this.#machine.answer(Uint8Array.of(status)));
  }

  #endWait(outcome: TouchOutcome): Wait | undefined {
    const wait = this.#wait;
    if (wait === undefined) return undefined;
    this.#wait = undefined;
    wait.stopTimer();
    wait.controller.abort();
    this.#onEvent({ kind: "touch", touch: wait.touch, outcome });
    return wait;
  }

  /** U2F does not wait: without a touch the host comes again. */
  #answerMsg(conversation: Conversation): void {
    let step = this.#next(conversation);
    if (!(step instanceof Uint8Array) && this.#u2fTouch.has(step)) step = this.#next(conversation);
    this.#handle(this.#machine.answer(step instanceof Uint8Array ? step : notYetTouched()));
  }
}

/** So that a channel of before the power went is most likely none now. */
function newMachine(): CardMachine {
  return new CardMachine({ firstChannel: randomInt(1, 0x7fff_0000), capabilities: CAPABILITIES, deviceVersion: DEVICE_VERSION });
}
