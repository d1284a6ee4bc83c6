import type { Claim, MailboxSide } from "./mailbox.ts";

/** How a nameplate or mailbox ended, in the reference server's words. */
export type Result = "happy" | "lonely" | "scary" | "errory" | "pruney" | "crowded";

/** What is kept of a nameplate or mailbox that is gone: no name, no side, no address. */
export interface Usage {
  readonly what: "nameplate" | "mailbox";
  readonly appid: string;
  readonly forNameplate: boolean;
  /** When the first side came, in ms since 1970. */
  readonly started: number;
  /** From there to the second side. */
  readonly waitingMs: number | undefined;
  readonly totalMs: number;
  readonly result: Result;
}

/** Source: magic-wormhole-mailbox-server, server.py, _summarize_nameplate_usage. */
export function summarizeNameplate(appid: string, claims: readonly Claim[], now: number, isPruned: boolean): Usage {
  let result: Result = claims.length === 2 ? "happy" : "lonely";
  if (isPruned) result = "pruney";
  if (claims.length > 2) result = "crowded";
  return { what: "nameplate", appid, forNameplate: true, ...times(claims, now), result };
}

/** Source: magic-wormhole-mailbox-server, server.py, _summarize_mailbox. */
export function summarizeMailbox(appid: string, forNameplate: boolean, sides: readonly MailboxSide[], now: number, isPruned: boolean): Usage {
  const moods = sides.map(({ mood }) => mood);
  let result: Result = sides.length > 1 ? "happy" : "lonely";
  for (const mood of ["lonely", "errory", "scary"] as const) if (moods.includes(mood)) result = mood;
  if (isPruned) result = "pruney";
  if (sides.length > 2) result = "crowded";
  return { what: "mailbox", appid, forNameplate, ...times(sides, now), result };
}

function times(sides: readonly { readonly added: number }[], now: number): Pick<Usage, "started" | "waitingMs" | "totalMs"> {
  const [first = now, second] = sides.map(({ added }) => added).sort((a, b) => a - b);
  return { started: first, waitingMs: second === undefined ? undefined : second - first, totalMs: now - first };
}
