import type { WormholeError } from "../errors.ts";
import type { ClientMessage, Mood } from "./client-message.ts";
import type { Connection, Reason, StoredEvent, WormholeState } from "./state.ts";

/** What the driver is to do, in order. What the application is told stands in the state's `events`. */
export type Effect =
  | { readonly type: "send"; readonly message: ClientMessage }
  /** Work that the server demands; its stamp comes back as the event `minted`. */
  | { readonly type: "mint"; readonly bits: number; readonly resource: string }
  /** The server will not have us. */
  | { readonly type: "fail"; readonly error: WormholeError };

/** What the outside gives to a step. */
export interface Context {
  /** In ms since 1970. */
  readonly now: number;
  readonly random: (length: number) => Uint8Array;
}

/** One step while it is being made. */
export interface Turn {
  state: WormholeState;
  readonly effects: Effect[];
  readonly context: Context;
}

export function update(turn: Turn, changes: Partial<WormholeState>): void {
  turn.state = { ...turn.state, ...changes };
}

export function updateConnection(turn: Turn, changes: Partial<Connection>): void {
  update(turn, { connection: { ...turn.state.connection, ...changes } });
}

export function send(turn: Turn, message: ClientMessage): void {
  turn.effects.push({ type: "send", message });
}

/** Far more than any application leaves untaken; a message counts by its hex. */
const MAX_EVENTS = 1000;
export const MAX_WAITING_LENGTH = 64 * 1024 * 1024;

export function tell(turn: Turn, event: StoredEvent): void {
  const { ending, isFinished } = turn.state;
  if (event.type !== "ended" && ending !== null && (ending.reason !== "closed" || isFinished)) return; // the end is the last
  const events = [...turn.state.events, event];
  update(turn, { events });
  if (event.type === "ended") return;
  const length = events.reduce((sum, one) => sum + (one.type === "message" ? one.plaintext.length : 0), 0);
  if (events.length > MAX_EVENTS || length > MAX_WAITING_LENGTH) end(turn, "server-error", "errory", "more messages came than were taken");
}

/**
 * Ends the wormhole. The application hears of it at once, but for an end that it
 * asked for itself: that one has come when the server has let go of everything.
 * Secrets that are no longer needed are not kept.
 */
export function end(turn: Turn, reason: Reason, mood: Mood, detail: string | null = null): void {
  if (turn.state.ending !== null) return;
  update(turn, { ending: { reason, mood, detail }, scalar: null, key: null, unopened: [], ahead: [], guessDeadline: null });
  if (reason !== "closed") tell(turn, { type: "ended", reason, detail });
}

/** After an end there is nothing to do over a connection, or no way to do it. */
export function finish(turn: Turn): void {
  if (turn.state.isFinished) return;
  update(turn, { isFinished: true });
  if (turn.state.ending?.reason === "closed") tell(turn, { type: "ended", reason: "closed", detail: null });
}
