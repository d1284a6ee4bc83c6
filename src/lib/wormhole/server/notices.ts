import type { Mailbox } from "./mailbox.ts";

/** How long a side that came may take until its first message. */
export const SILENCE_MS = 30_000;

/**
 * What a side that asked for it is told about others. Source:
 * docs/protocols/mailbox-notices.md.
 */
export type Notice =
  /** A third side came: the code is known to somebody else, and nobody new can come. */
  | { readonly type: "keyhole-notice"; readonly notice: "crowded"; readonly side: string }
  /** A second side came and has not said anything: 30 seconds long, or before it left. */
  | { readonly type: "keyhole-notice"; readonly notice: "silent-claim"; readonly side: string; readonly reason: "silent" | "left" };

export interface Notices {
  readonly notices: readonly Notice[];
  /** When there may be more without a change of the mailbox, in ms since 1970. */
  readonly nextAt: number | undefined;
}

/** What there is to tell one side of a mailbox, told before or not. */
export function noticesFor(mailbox: Mailbox, ownSide: string, now: number): Notices {
  const notices: Notice[] = [];
  let nextAt: number | undefined;
  mailbox.sides.forEach(({ side, added, opened, spoke, left }, i) => {
    if (side === ownSide) return;
    if (i >= 2) {
      notices.push({ type: "keyhole-notice", notice: "crowded", side });
      return;
    }
    if (spoke === true) return;
    const silentAt = added + SILENCE_MS;
    if (left === true || !opened) notices.push({ type: "keyhole-notice", notice: "silent-claim", side, reason: "left" });
    else if (now >= silentAt) notices.push({ type: "keyhole-notice", notice: "silent-claim", side, reason: "silent" });
    else nextAt = Math.min(silentAt, nextAt ?? Infinity);
  });
  return { notices, nextAt };
}
