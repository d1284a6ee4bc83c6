import { encodeUtf8 } from "../text.ts";
import type { ClientMessage } from "./client-message.ts";
import { joinCode } from "./code.ts";
import { bytesOfHex, hexOf } from "./hex.ts";
import { startPake } from "./spake2.ts";
import type { Command, WormholeState } from "./state.ts";
import { end, finish, send, update, updateConnection, type Turn } from "./turn.ts";

// What is due over a connection that is bound: each command once, in the order
// that every server understands.

/**
 * A nameplate that was given to us and not yet claimed is ours for some minutes.
 * Beyond this the server may have given it to somebody else; nobody has heard
 * of the code yet, so another is asked for.
 */
const ALLOCATION_HOLDS_MS = 60_000;

/** Sends what is due, after every event. */
export function progress(turn: Turn): void {
  if (turn.state.isFinished) return;
  if (turn.state.ending !== null) return wrapUp(turn);
  const { state } = turn;
  if (state.connection.stage !== "bound") return;
  if (state.nameplate === null) return ask(turn, { type: "allocate" });
  if (state.mailbox === null) return claim(turn, state.nameplate);
  makePake(turn, state.nameplate);
  open(turn, state.mailbox);
  addMessages(turn);
  if (turn.state.isContacted && !turn.state.isReleased) ask(turn, { type: "release", nameplate: state.nameplate });
  checkGuess(turn);
}

function claim(turn: Turn, nameplate: string): void {
  const { allocatedAt, connection } = turn.state;
  const isFresh = connection.asked.includes("allocate") || connection.asked.includes("claim");
  if (allocatedAt !== null && !isFresh && turn.context.now - allocatedAt > ALLOCATION_HOLDS_MS) {
    update(turn, { nameplate: null, allocatedAt: null, isClaimAsked: false });
    return ask(turn, { type: "allocate" });
  }
  update(turn, { isClaimAsked: true });
  ask(turn, { type: "claim", nameplate });
}

/** Where the code is known, the key agreement message can be made before there is a mailbox for it. */
export function prepare(turn: Turn): void {
  const { allocates, nameplate, ending } = turn.state;
  if (!allocates && nameplate !== null && ending === null) makePake(turn, nameplate);
}

/** The one key agreement message that this side ever makes. */
function makePake(turn: Turn, nameplate: string): void {
  const { outbox, scalar, password } = turn.state;
  if (outbox.length > 0 || scalar === null) return;
  const { message } = startPake(joinCode(nameplate, password).text, bytesOfHex(scalar));
  const body = hexOf(encodeUtf8(JSON.stringify({ pake_v1: hexOf(message) })));
  update(turn, { outbox: [{ phase: "pake", body, isStored: false }] });
}

/**
 * A server that has lost its database opens an empty mailbox and says nothing.
 * So what it had stored is awaited, up to the answer to a ping.
 */
function open(turn: Turn, mailbox: string): void {
  const { connection, outbox, isContacted } = turn.state;
  if (connection.asked.includes("open")) return;
  ask(turn, { type: "open", mailbox });
  const missing = outbox.filter(({ isStored }) => isStored).map(({ phase }) => phase);
  if (missing.length === 0 && !isContacted) return;
  updateConnection(turn, { missing });
  send(turn, { type: "ping", ping: 0 });
}

function addMessages(turn: Turn): void {
  const { outbox, connection } = turn.state;
  if (connection.added === outbox.length) return;
  for (const { phase, body, isStored } of outbox.slice(connection.added)) {
    if (!isStored) send(turn, { type: "add", phase, body });
  }
  updateConnection(turn, { added: outbox.length });
}

/** While the server shows what came meanwhile, the proof may be among it. */
function checkGuess(turn: Turn): void {
  const { guessDeadline, isVerified, connection } = turn.state;
  if (guessDeadline === null || isVerified || connection.missing !== null || turn.context.now < guessDeadline) return;
  end(turn, "silent-guess", "lonely");
  wrapUp(turn);
}

/**
 * Lets go of the nameplate and then of the mailbox: magic-wormhole's server
 * fails when a mailbox is closed whose nameplate is claimed.
 */
function wrapUp(turn: Turn): void {
  const { nameplate, mailbox, isClaimAsked, isReleased, isClosed, connection, ending } = turn.state;
  const isHeld = nameplate === null ? connection.asked.includes("allocate") : isClaimAsked && !(isReleased && isClosed);
  if (!isHeld) return finish(turn);
  if (connection.stage !== "bound" || nameplate === null) return;
  if (mailbox === null && !isClosed) return ask(turn, { type: "claim", nameplate }); // it opened a mailbox, whose name is needed to close it
  if (mailbox !== null) addLast(turn, mailbox);
  if (!isReleased) return ask(turn, { type: "release", nameplate });
  if (mailbox !== null && !isClosed) ask(turn, { type: "close", mailbox, mood: ending?.mood ?? "errory" });
}

/** What was sent before an end in peace must get there, over a new connection if need be. */
function addLast(turn: Turn, mailbox: string): void {
  const { ending, isVerified, isClosed, outbox } = turn.state;
  if (ending?.reason !== "closed" || !isVerified || isClosed || outbox.every(({ isStored }) => isStored)) return;
  open(turn, mailbox);
  addMessages(turn);
}

/** Sends a command that may be sent once over each connection. */
function ask(turn: Turn, message: ClientMessage & { readonly type: Command }): void {
  const { asked } = turn.state.connection;
  if (asked.includes(message.type)) return;
  updateConnection(turn, { asked: [...asked, message.type] });
  send(turn, message);
}

/** Whether the server owes an answer, so that its silence means something. */
export function isAnswerDue({ connection, nameplate, mailbox, isReleased, isClosed, outbox, isFinished }: WormholeState): boolean {
  if (isFinished || connection.stage !== "bound") return false;
  const has = (command: Command): boolean => connection.asked.includes(command);
  if ((has("allocate") && nameplate === null) || (has("claim") && mailbox === null)) return true;
  if ((has("release") && !isReleased) || (has("close") && !isClosed)) return true;
  return connection.missing !== null || (has("open") && outbox.some(({ isStored }) => !isStored));
}
