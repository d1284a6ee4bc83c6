import { VERSION } from "../../version.ts";
import { WormholeError } from "../errors.ts";
import { escapeForTerminal } from "../text.ts";
import type { Mood } from "./client-message.ts";
import { addBox, receive } from "./exchange.ts";
import { prepare, progress } from "./progress.ts";
import type { Permission, ServerMessage } from "./server-message.ts";
import { NO_CONNECTION, type WormholeState } from "./state.ts";
import { end, finish, send, tell, update, updateConnection, type Context, type Effect, type Turn } from "./turn.ts";

/** What can happen to a wormhole. */
export type MachineEvent =
  /** A connection stands; the server speaks first. */
  | { readonly type: "connected"; readonly watch?: boolean | undefined }
  | { readonly type: "disconnected" }
  | { readonly type: "received"; readonly message: ServerMessage }
  /** The server sent what no mailbox server sends. */
  | { readonly type: "nonsense"; readonly detail: string }
  | { readonly type: "minted"; readonly stamp: string }
  /** The application has a message for the other side. */
  | { readonly type: "send"; readonly plaintext: Uint8Array }
  /** The application took the first of the state's events. */
  | { readonly type: "taken" }
  | { readonly type: "close"; readonly mood: Mood }
  /** Nothing more will come: the server was not reached for too long (`lost`), or takes too long to close. */
  | { readonly type: "give-up"; readonly detail?: string | undefined }
  /** While an answer is on its way, there is time for work. */
  | { readonly type: "idle" }
  /** Time has passed. */
  | { readonly type: "tick" };

export interface Step {
  readonly state: WormholeState;
  readonly effects: readonly Effect[];
}

/**
 * One side of a wormhole as a pure function: what happens in, what to do out.
 * The state that it returns is written down before its effects are carried out.
 */
export function step(state: WormholeState, event: MachineEvent, context: Context): Step {
  const turn: Turn = { state, effects: [], context };
  take(turn, event);
  progress(turn);
  return { state: turn.state, effects: turn.effects };
}

function take(turn: Turn, event: MachineEvent): void {
  switch (event.type) {
    case "connected":
      return update(turn, { connection: { ...NO_CONNECTION, stage: "greeting", watch: event.watch ?? false } });
    case "disconnected":
      return update(turn, { connection: NO_CONNECTION });
    case "received":
      // What comes late over a connection that is given up is nobody's any more.
      return turn.state.connection.stage === "none" || turn.state.isFinished ? undefined : hear(turn, event.message);
    case "nonsense":
      return end(turn, "server-error", "errory", event.detail);
    case "minted":
      return submit(turn, event.stamp);
    case "send":
      return sendMessage(turn, event.plaintext);
    case "taken":
      return update(turn, { events: turn.state.events.slice(1) });
    case "close":
      return end(turn, "closed", event.mood);
    case "give-up":
      end(turn, "lost", "errory", event.detail ?? null);
      return finish(turn);
    case "idle":
      return prepare(turn);
    case "tick":
      return;
  }
}

function hear(turn: Turn, message: ServerMessage): void {
  if (message.type === "welcome") return greet(turn, message);
  if (turn.state.connection.stage !== "bound") return;
  const { asked } = turn.state.connection;
  switch (message.type) {
    case "allocated":
      if (!asked.includes("allocate") || turn.state.nameplate !== null) return;
      return update(turn, { nameplate: message.nameplate, allocatedAt: turn.context.now, isClaimAsked: true });
    case "claimed":
      if (!asked.includes("claim") || turn.state.mailbox !== null) return;
      return update(turn, { mailbox: message.mailbox });
    case "released":
      return asked.includes("release") ? update(turn, { isReleased: true }) : undefined;
    case "closed":
      return asked.includes("close") ? update(turn, { isClosed: true }) : undefined;
    case "message":
      return asked.includes("open") ? receive(turn, message) : undefined;
    case "pong":
      return endReplay(turn);
    case "error":
      return fail(turn, message.error, message.command);
    case "notice":
      return turn.state.ending === null ? tell(turn, { type: "notice", notice: message.notice }) : undefined;
    case "nameplates":
    case "other":
      return;
  }
}

function greet(turn: Turn, { motd = "", error, permission }: ServerMessage & { readonly type: "welcome" }): void {
  if (turn.state.connection.stage !== "greeting") return;
  if (error !== undefined) {
    turn.effects.push({ type: "fail", error: unwelcome(error) });
    return;
  }
  if (turn.state.greeting !== motd) {
    update(turn, { greeting: motd });
    tell(turn, { type: "welcome", motd: motd === "" ? null : motd });
  }
  askPermission(turn, permission);
}

function askPermission(turn: Turn, permission: Permission): void {
  if (permission === "none") return bind(turn);
  updateConnection(turn, { stage: "minting" });
  if (permission === "unknown") turn.effects.push({ type: "fail", error: noPermission() });
  else turn.effects.push({ type: "mint", ...permission });
}

function submit(turn: Turn, stamp: string): void {
  if (turn.state.connection.stage !== "minting") return;
  send(turn, { type: "submit-permissions", method: "hashcash", stamp });
  bind(turn);
}

function bind(turn: Turn): void {
  const { appid, side, connection } = turn.state;
  updateConnection(turn, { stage: "bound" });
  send(turn, { type: "bind", appid, side, client_version: ["keyhole", VERSION], ...(connection.watch ? { keyhole: { watch: true } } : {}) });
}

/** The server has shown all that it has. What it had stored and does not show, it has lost. */
function endReplay(turn: Turn): void {
  const { missing } = turn.state.connection;
  if (missing === null) return;
  updateConnection(turn, { missing: null });
  if (missing.length === 0) return;
  // What was to be said last would reach nobody in the mailbox that there is now.
  if (turn.state.ending !== null) return finish(turn);
  end(turn, "lost", "errory", "the mailbox server has forgotten it; perhaps it started again without its database");
  // The nameplate may be somebody else's by now.
  update(turn, { isReleased: true });
}

/** @param command - the one that failed, where the server says so */
function fail(turn: Turn, error: string, command: string | undefined): void {
  // A server that knows no ping cannot be asked what it has lost.
  if (command === "ping") return updateConnection(turn, { missing: null });
  // Letting go of what is not there any more is no failure.
  if (command === "release") return update(turn, { isReleased: true });
  if (command === "close") return update(turn, { isClosed: true });
  if (error === "crowded" || error === "reclaimed") {
    end(turn, error, "errory");
    // The server refuses to close it, too.
    return update(turn, { isClosed: true });
  }
  // What was not given need not be let go of.
  const { asked } = turn.state.connection;
  if (command === "allocate") updateConnection(turn, { asked: asked.filter((one) => one !== command) });
  if (command === "claim" && turn.state.mailbox === null) update(turn, { isClosed: true });
  end(turn, "server-error", "errory", `mailbox server says: ${escapeForTerminal(error)}`);
}

/** Before the other side has proved to know the code, nothing of the application's leaves this side. */
function sendMessage(turn: Turn, plaintext: Uint8Array): void {
  const { isVerified, ending, nextSend } = turn.state;
  if (!isVerified || ending !== null) return;
  addBox(turn, String(nextSend), plaintext);
  update(turn, { nextSend: nextSend + 1 });
}

function unwelcome(error: string): WormholeError {
  return new WormholeError("WORMHOLE_UNWELCOME", `mailbox server turns everybody away: ${escapeForTerminal(error)}`, { kind: "outside", hint: "choose another one with --mailbox" });
}

function noPermission(): WormholeError {
  return new WormholeError("WORMHOLE_PERMISSION", "mailbox server wants a kind of permission that keyhole does not know, expected none or hashcash", { kind: "outside", hint: "choose another one with --mailbox" });
}
