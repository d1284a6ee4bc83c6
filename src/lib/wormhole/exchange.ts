import { wipe } from "../bytes.ts";
import { KeyholeError } from "../errors.ts";
import { encodeUtf8, parseUtf8 } from "../text.ts";
import { joinCode } from "./code.ts";
import { bytesOfHex, hexOf } from "./hex.ts";
import { asObject, field, parseJsonText, type Json } from "./json.ts";
import { derivePhaseKey, deriveVerifier } from "./keys.ts";
import { decryptBox, encryptBox, NONCE_LENGTH } from "./secretbox.ts";
import type { ServerMessage } from "./server-message.ts";
import { finishPake } from "./spake2.ts";
import { end, MAX_WAITING_LENGTH, tell, update, type Turn } from "./turn.ts";

// What the two sides say to each other inside the mailbox.

type MailboxMessage = ServerMessage & { readonly type: "message" };

/** So long may a side that has used the code take to prove that it knows it. */
const GUESS_MS = 30_000;

/** Messages that wait for those before them. */
const MAX_WAITING = 64;

/** One message from the mailbox, our own among them. */
export function receive(turn: Turn, message: MailboxMessage): void {
  if (message.side === turn.state.side) return receiveOwn(turn, message);
  if (turn.state.ending !== null) return;
  if (!turn.state.isContacted) update(turn, { isContacted: true, guessDeadline: deadlineOf(turn) });
  const { peer } = turn.state;
  if (peer === null) return message.phase === "pake" ? meet(turn, message) : keep(turn, message);
  // Whoever else gets a message in here has not proved anything, and proves nothing.
  if (message.side === peer && message.phase !== "pake") openBox(turn, message.phase, message.body);
}

/** Our own message comes back once it is stored. */
function receiveOwn(turn: Turn, { phase, body }: MailboxMessage): void {
  const { outbox, connection } = turn.state;
  if (connection.missing !== null) {
    update(turn, { connection: { ...connection, missing: connection.missing.filter((missing) => missing !== phase) } });
  }
  const sent = outbox.find((one) => one.phase === phase);
  if (sent?.isStored === true) return;
  if (sent === undefined || sent.body !== body) {
    // A second pake of our side would give two keys, of which the other side has one.
    if (phase === "pake") end(turn, "server-error", "errory", "somebody else speaks as our side");
    return;
  }
  update(turn, { outbox: outbox.map((one) => (one === sent ? { phase, body: phase === "pake" ? sent.body : "", isStored: true } : one)) });
  if (phase === "pake") tellCode(turn);
  const index = phaseNumber(phase);
  if (index !== undefined) tell(turn, { type: "stored", index });
}

/** Only now, as a server that forgets what it had not stored yet could not be told from one that waits. */
function tellCode(turn: Turn): void {
  const { allocates, nameplate, password } = turn.state;
  if (allocates && nameplate !== null) tell(turn, { type: "code", code: joinCode(nameplate, password).text });
}

/**
 * Keeps what came before the key agreement; other sides' messages are sorted out
 * once the peer is known. Nobody who means well has so much to say before that,
 * so what is beyond is as good as silence.
 */
function keep(turn: Turn, { side, phase, body }: MailboxMessage): void {
  const { unopened } = turn.state;
  if (unopened.some((one) => one.side === side && one.phase === phase)) return;
  const length = unopened.reduce((sum, one) => sum + (one.body?.length ?? 0), body?.length ?? 0);
  if (unopened.length === MAX_WAITING || length > MAX_WAITING_LENGTH) return;
  update(turn, { unopened: [...unopened, { side, phase, body: body ?? null }] });
}

/** The first pake of another side: it has used up the code, whoever it is. */
function meet(turn: Turn, { side, body }: MailboxMessage): void {
  const { unopened } = turn.state;
  update(turn, { peer: side, guessDeadline: deadlineOf(turn), unopened: [] });
  tell(turn, { type: "contacted" });
  const key = agree(turn, body);
  if (key === undefined) return end(turn, "wrong-guess", "scary", "its key agreement message cannot be used");
  update(turn, { key: hexOf(key), scalar: null });
  addBox(turn, "version", encodeUtf8(JSON.stringify(turn.state.version)));
  wipe(key);
  for (const one of unopened) {
    if (one.side === side && turn.state.ending === null) openBox(turn, one.phase, one.body ?? undefined);
  }
}

/** Whoever comes has used up the code, by whatever message; receivers wait as long as they like. */
function deadlineOf({ state: { role }, context: { now } }: Turn): number | null {
  return role === "issuer" ? now + GUESS_MS : null;
}

function agree({ state: { scalar, nameplate, password, appid, outbox } }: Turn, body: string | undefined): Uint8Array | undefined {
  const own = parsePake(outbox[0]?.body);
  const peer = parsePake(body);
  if (own === undefined || peer === undefined || scalar === null || nameplate === null) return undefined;
  try {
    return finishPake(joinCode(nameplate, password).text, appid, { scalar: bytesOfHex(scalar), message: own }, peer);
  } catch (error) {
    if (error instanceof KeyholeError) return undefined;
    throw error;
  }
}

/** Hex of `{"pake_v1": "…"}`, in which hex again. */
function parsePake(body: string | undefined): Uint8Array | undefined {
  const text = body === undefined ? undefined : parsePlainText(bytesOfHex(body));
  const message = field(asObject(parseJsonText(text ?? "")) ?? {}, "pake_v1");
  return typeof message === "string" && /^([0-9a-fA-F]{2})+$/.test(message) ? bytesOfHex(message) : undefined;
}

/** Encrypts a message of ours, once: it is sent again as it is. */
export function addBox(turn: Turn, phase: string, plaintext: Uint8Array): void {
  const { key, side, outbox } = turn.state;
  if (key === null) return;
  const box = encryptBox(derivePhaseKey(bytesOfHex(key), side, phase), plaintext, turn.context.random(NONCE_LENGTH));
  update(turn, { outbox: [...outbox, { phase, body: hexOf(box), isStored: false }] });
}

function openBox(turn: Turn, phase: string, body: string | undefined): void {
  const { key, peer, isVerified } = turn.state;
  if (key === null || peer === null || !isAwaited(turn, phase)) return;
  const plaintext = body === undefined ? undefined : decryptBox(derivePhaseKey(bytesOfHex(key), peer, phase), bytesOfHex(body));
  if (plaintext === undefined) {
    // Who has proved to know the code does not guess; then something between us is at work.
    if (isVerified) return end(turn, "server-error", "scary", "a message of the other side cannot be decrypted");
    return end(turn, "wrong-guess", "scary");
  }
  if (!isVerified) {
    update(turn, { isVerified: true, guessDeadline: null });
    tell(turn, { type: "verified", verifier: hexOf(deriveVerifier(bytesOfHex(key))), appVersions: phase === "version" ? parseVersion(plaintext) : {} });
  }
  if (phase === "version") return update(turn, { hasVersion: true });
  const index = phaseNumber(phase);
  if (index !== undefined) deliver(turn, index, plaintext);
}

/** The first box of the other side is opened whatever it is, as it shows whether the key is the same. */
function isAwaited({ state: { isVerified, hasVersion, nextReceive, ahead } }: Turn, phase: string): boolean {
  if (phase === "version") return !hasVersion;
  const index = phaseNumber(phase);
  if (index === undefined) return !isVerified;
  return index >= nextReceive && index < nextReceive + MAX_WAITING && !ahead.some((one) => one.index === index);
}

/** Of `app_versions` alone; whoever sends no such object has nothing to say. */
function parseVersion(plaintext: Uint8Array): Json {
  const version = asObject(parseJsonText(parsePlainText(plaintext) ?? ""));
  return field(version ?? {}, "app_versions") ?? {};
}

/** Hands over messages in order and without gaps. */
function deliver(turn: Turn, index: number, plaintext: Uint8Array): void {
  let ahead = [...turn.state.ahead, { index, plaintext: hexOf(plaintext) }];
  if (ahead.reduce((sum, one) => sum + one.plaintext.length, 0) > MAX_WAITING_LENGTH) return end(turn, "server-error", "errory", "too much came before its turn");
  let { nextReceive } = turn.state;
  for (;;) {
    const next = ahead.find((one) => one.index === nextReceive);
    if (next === undefined) break;
    ahead = ahead.filter((one) => one !== next);
    nextReceive += 1;
    tell(turn, { type: "message", ...next });
  }
  update(turn, { ahead, nextReceive });
}

/** @returns nothing where the phase is no number in plain decimal: `01` and `-1` are phases that we do not know */
function phaseNumber(phase: string): number | undefined {
  return /^(0|[1-9][0-9]{0,14})$/.test(phase) ? Number(phase) : undefined;
}

function parsePlainText(bytes: Uint8Array): string | undefined {
  try {
    return parseUtf8(bytes, "message");
  } catch {
    return undefined;
  }
}
