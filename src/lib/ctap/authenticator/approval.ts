/** What a person approves by touching the card. */
export interface Touch {
  readonly what: "make-credential" | "get-assertion" | "selection" | "reset" | "u2f-register" | "u2f-authenticate" | "pin-check";
  /** The relying party; of U2F, which has only its hash, that in hexadecimal. */
  readonly rpId?: string;
}

/** What came of asking for a touch: first `waiting`, where it is not there at once. */
export type TouchOutcome = "waiting" | "approved" | "refused" | "timed-out" | "cancelled";

/**
 * The person, or what stands in for one.
 *
 * @param signal - aborted once nobody waits for the touch any more
 * @returns whether the card was touched; `false` refuses. What is not a promise
 *   is an answer at once, without a keepalive.
 */
export type Approval = (touch: Touch, signal: AbortSignal) => boolean | Promise<boolean>;

/** Touches at once. */
export const approveAlways: Approval = () => true;

/** Never touches, as nobody who is not there does. */
export const approveNever: Approval = () => new Promise(() => undefined);

/** Touches some time after being asked. */
export function approveAfter(ms: number): Approval {
  return (_touch, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms, true);
      signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    });
}
