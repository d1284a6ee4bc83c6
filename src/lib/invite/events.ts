import type { ErrorKind } from "../errors.ts";
import type { JsonObject } from "./formats/format.ts";

/**
 * What happens to an invite, for the one who issued it:
 *
 * - `code`: it can be given to the other side, and nobody has used it
 * - `contacted`: somebody tried a code; it cannot be used again
 * - `verified`: the right code; both sides have the same verifier
 * - `delivered`: the other side acknowledged the payload
 * - `handed-over`: the server has all of it, and the other side acknowledges nothing
 * - `wrong-guess`: somebody tried a wrong code
 * - `silent-guess`: somebody tried a code and vanished; he may know whether it was right, and has no payload. Or
 *   somebody took its number and said nothing until the time was over
 * - `crowded`: a third side came, so that nobody can use the code
 * - `expired`: the time was over; after `verified`, the other side may have the payload
 * - `refused`: the other side, or the person on this one, did not want it
 * - `lost`: the server cannot be reached any more, or has forgotten the invite
 */
export type EventName = "code" | "contacted" | "verified" | "delivered" | "handed-over" | "wrong-guess" | "silent-guess" | "crowded" | "expired" | "refused" | "lost";

export interface InviteEvent {
  readonly event: EventName;
  /** Nothing where there is none yet. */
  readonly code: string | null;
  /** With `verified`: what both sides see, in hexadecimal. */
  readonly verifier?: string;
  /** Why it was refused or lost, or what more is known of its end. It may hold words of the other side. */
  readonly reason?: string;
  /** With `delivered`: what the other side sent back. */
  readonly answer?: JsonObject;
}

/** What an event means that ends an invite; the others have none. */
export const END: Readonly<Partial<Record<EventName, "done" | ErrorKind>>> = {
  delivered: "done",
  "handed-over": "done",
  "wrong-guess": "no",
  "silent-guess": "no",
  crowded: "no",
  expired: "no",
  refused: "no",
  lost: "outside",
};
