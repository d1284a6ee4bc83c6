import type { Command } from "./command.ts";
import { claim, close, hasReleased, isClosed, isCrowded, isReleased, join, leave, release, speak, type Mailbox, type Message } from "./mailbox.ts";
import type { World } from "./world.ts";

/**
 * What one connection has done so far. "Once" is meant by connection: the same
 * side may do all of it again on another.
 */
export interface Session {
  /** Random, so that no other connection to any server has the same. */
  readonly connection: number;
  readonly bound: Bound | undefined;
  readonly didAllocate: boolean;
  readonly didClaim: boolean;
  readonly nameplate: string | undefined;
  readonly didRelease: boolean;
  /** The mailbox that it tried to open. */
  readonly mailbox: string | undefined;
  /** The mailbox that it is subscribed to. */
  readonly open: { readonly id: string; readonly key: number } | undefined;
  readonly didClose: boolean;
  /** Mailboxes to which it came, by claim or open, and has not spoken in. */
  readonly silentIn: readonly string[];
}

export interface Bound {
  readonly appid: string;
  readonly side: string;
  readonly watch: boolean;
}

export function newSession(connection: number): Session {
  return { connection, bound: undefined, didAllocate: false, didClaim: false, nameplate: undefined, didRelease: false, mailbox: undefined, open: undefined, didClose: false, silentIn: [] };
}

/** What follows from a command, once the transaction is committed, in this order. */
export type Effect =
  | { readonly type: "reply"; readonly reply: Reply }
  /** Messages for this connection alone: those that came before it. */
  | { readonly type: "replay"; readonly messages: readonly Message[] }
  /** It gets the messages of a mailbox from this index on. */
  | { readonly type: "subscribe"; readonly key: number; readonly next: number }
  | { readonly type: "unsubscribe" }
  /** For everybody who is subscribed. */
  | { readonly type: "publish"; readonly message: Message }
  /** The mailbox is gone, and so are its subscriptions. */
  | { readonly type: "removed"; readonly key: number };

/** Source: magic-wormhole-mailbox-server, server_websocket.py. */
export type Reply =
  | { readonly type: "pong"; readonly pong: unknown }
  | { readonly type: "nameplates"; readonly nameplates: readonly { readonly id: string }[] }
  | { readonly type: "allocated"; readonly nameplate: string }
  | { readonly type: "claimed"; readonly mailbox: string }
  | { readonly type: "released" }
  | { readonly type: "closed" }
  | { readonly type: "error"; readonly error: string };

export interface Step {
  readonly session: Session;
  readonly effects: readonly Effect[];
}

/** What the rules want to know beside the world. */
export interface Context {
  /** When the frame came, in ms since 1970. */
  readonly received: number;
  readonly allowList: boolean;
  /** How much the messages of one mailbox may hold, in characters. */
  readonly maxMailbox: number;
  /** A key for a mailbox, and a name of 13 base32 characters. */
  readonly newMailbox: () => { readonly key: number; readonly id: string };
  /** An integer from 0 up to, not including, its argument. */
  readonly random: (below: number) => number;
}

/** Beside their length, which is limited, messages have a cost of their own. */
const MAX_MESSAGES = 10_000;

/**
 * One command of one connection, by the rules of the reference server.
 * Source: magic-wormhole-mailbox-server 0.8.0, server_websocket.py and server.py.
 */
export function step(session: Session, command: Command, world: World, context: Context): Step {
  const { type } = command;
  if (type === "malformed") return refuse(session, command.error);
  if (type === "ping") return answer(session, { type: "pong", pong: command.ping });
  if (type === "leave") return stepLeave(session, world);
  if (type === "bind" || (type === "invalid" && command.of === "bind")) return stepBind(session, command);
  if (type === "invalid" && command.of === "ping") return refuse(session, command.error);
  const { bound } = session;
  if (bound === undefined) return refuse(session, "must bind first");
  switch (type) {
    case "list":
      return answer(session, { type: "nameplates", nameplates: context.allowList ? world.nameplates(bound.appid).map((id) => ({ id })) : [] });
    case "allocate":
      return stepAllocate(session, bound, world, context);
    case "claim":
      return stepClaim(session, bound, command.nameplate, world, context);
    case "release":
      return stepRelease(session, bound, command.nameplate, world);
    case "open":
      return stepOpen(session, bound, command.mailbox, world, context);
    case "add":
      return stepAdd(session, bound, command, world, context);
    case "close":
      return stepClose(session, bound, command, world, context);
    case "invalid":
      return refuse(session, stateError(session, command.of) ?? command.error);
    case "unknown":
      return refuse(session, "unknown type");
  }
}

/** What is wrong with a command at this time, whatever its fields. */
function stateError(session: Session, type: string): string | undefined {
  if (type === "allocate" && session.didAllocate) return "you already allocated one, don't be greedy";
  if (type === "release" && session.didRelease) return "only one release per connection";
  if (type === "open" && session.open !== undefined) return "only one open per connection";
  if (type === "add" && session.open === undefined) return NOT_OPEN;
  if (type === "close" && session.didClose) return "only one close per connection";
  return undefined;
}

const NOT_OPEN = "must open mailbox before adding";

function stepBind(session: Session, command: (Command & { type: "bind" }) | (Command & { type: "invalid" })): Step {
  if (session.bound !== undefined) return refuse(session, "already bound");
  if (command.type === "invalid") return refuse(session, command.error);
  const { appid, side, watch } = command;
  return nothing({ ...session, bound: { appid, side, watch } });
}

function stepAllocate(session: Session, bound: Bound, world: World, context: Context): Step {
  const error = stateError(session, "allocate");
  if (error !== undefined) return refuse(session, error);
  const number = world.takeFreeNumber(bound.appid, context.random);
  if (number === undefined) return refuse(session, "unable to find a free nameplate-id");
  const nameplate = String(number);
  const claimed = claimNameplate(session, bound, nameplate, world, context);
  if (typeof claimed === "string") return refuse(session, claimed);
  return answer(comeTo({ ...session, didAllocate: true }, claimed.id), { type: "allocated", nameplate });
}

function stepClaim(session: Session, bound: Bound, nameplate: string, world: World, context: Context): Step {
  if (session.didClaim) return refuse(session, "only one claim per connection");
  const next = { ...session, didClaim: true, nameplate };
  const claimed = claimNameplate(session, bound, nameplate, world, context);
  return typeof claimed === "string" ? refuse(next, claimed) : answer(comeTo(next, claimed.id), { type: "claimed", mailbox: claimed.id });
}

/** A third side stays recorded, so that from then on everybody is refused. */
function claimNameplate(session: Session, { appid, side }: Bound, name: string, world: World, context: Context): Mailbox | "crowded" | "reclaimed" {
  const old = world.nameplate(appid, name) ?? newMailbox(appid, context.newMailbox(), world.now, { name, claims: [] });
  if (old.nameplate !== undefined && hasReleased(old.nameplate, side)) return "reclaimed";
  const nameplate = claim(old.nameplate ?? { name, claims: [] }, side, world.now);
  const mailbox = { ...join(old, side, session.connection, world.now), nameplate };
  world.put(mailbox);
  return isCrowded(mailbox) ? "crowded" : mailbox;
}

function stepRelease(session: Session, { appid, side }: Bound, named: string | undefined, world: World): Step {
  const error = stateError(session, "release");
  if (error !== undefined) return refuse(session, error);
  const name = named ?? session.nameplate;
  if (name === undefined) return refuse(session, "release without nameplate must follow claim");
  if (session.nameplate !== undefined && name !== session.nameplate) return refuse(session, "release and claim must use same nameplate");
  const mailbox = isNameplate(name) ? world.nameplate(appid, name) : undefined;
  if (mailbox?.nameplate !== undefined) {
    const nameplate = release(mailbox.nameplate, side);
    if (isReleased(nameplate)) world.endNameplate(mailbox);
    else world.put({ ...mailbox, nameplate });
  }
  return answer({ ...session, didRelease: true }, { type: "released" });
}

/** Whether it can have been claimed; others need no look into the store. */
export function isNameplate(name: string): boolean {
  return /^[0-9]{1,40}$/.test(name);
}

function stepOpen(session: Session, bound: Bound, id: string, world: World, context: Context): Step {
  const error = stateError(session, "open");
  if (error !== undefined) return refuse(session, error);
  const mailbox = openMailbox(session, bound, id, world, context);
  const next = { ...session, mailbox: id };
  if (isCrowded(mailbox)) return refuse(next, "crowded");
  const effects: readonly Effect[] = [
    { type: "replay", messages: world.messages(mailbox.key) },
    { type: "subscribe", key: mailbox.key, next: mailbox.messages },
  ];
  return { session: comeTo({ ...next, open: { id, key: mailbox.key } }, id), effects };
}

/** One that is not there is made. */
function openMailbox(session: Session, { appid, side }: Bound, id: string, world: World, context: Context): Mailbox {
  const old = world.mailbox(appid, id) ?? newMailbox(appid, { key: context.newMailbox().key, id }, world.now, undefined);
  const mailbox = join(old, side, session.connection, world.now);
  world.put(mailbox);
  return mailbox;
}

function stepAdd(session: Session, { appid, side }: Bound, { phase, body, id }: Command & { type: "add" }, world: World, context: Context): Step {
  const { open } = session;
  if (open === undefined) return refuse(session, NOT_OPEN);
  const mailbox = world.mailbox(appid, open.id);
  // All sides of it have closed it, this one by another connection.
  if (mailbox?.key !== open.key) return refuse({ ...session, open: undefined }, NOT_OPEN);
  const length = side.length + phase.length + body.length;
  if (mailbox.messages >= MAX_MESSAGES || mailbox.length + length > context.maxMailbox) return refuse(session, "mailbox is full");
  const message = { mailbox: mailbox.key, index: mailbox.messages, side, phase, body, id, received: context.received };
  world.put(speak(mailbox, side, length, world.now));
  world.addMessage(message);
  return { session: { ...session, silentIn: session.silentIn.filter((other) => other !== open.id) }, effects: [{ type: "publish", message }] };
}

function stepClose(session: Session, bound: Bound, { mailbox: named, mood }: Command & { type: "close" }, world: World, context: Context): Step {
  const error = stateError(session, "close");
  if (error !== undefined) return refuse(session, error);
  const id = named ?? session.mailbox;
  if (id === undefined) return refuse(session, "close without mailbox must follow open");
  if (session.mailbox !== undefined && id !== session.mailbox) return refuse(session, "open and close must use same mailbox");
  const effects: Effect[] = [];
  // What this connection has open is not looked at anew: it may close while others are crowded out.
  if (session.open === undefined && isCrowded(openMailbox(session, bound, id, world, context))) return refuse(session, "crowded");
  if (session.open !== undefined) effects.push({ type: "unsubscribe" });
  const mailbox = world.mailbox(bound.appid, id);
  if (mailbox !== undefined) {
    const closed = close(mailbox, bound.side, mood);
    if (isClosed(closed)) {
      world.remove(closed);
      effects.push({ type: "removed", key: closed.key });
    } else {
      world.put(closed);
    }
  }
  effects.push({ type: "reply", reply: { type: "closed" } });
  return { session: { ...session, didClose: true, open: undefined, silentIn: session.silentIn.filter((other) => other !== id) }, effects };
}

function stepLeave(session: Session, world: World): Step {
  const { bound, connection, silentIn } = session;
  for (const id of silentIn) {
    const mailbox = bound === undefined ? undefined : world.mailbox(bound.appid, id);
    if (bound === undefined || mailbox === undefined) continue;
    const left = leave(mailbox, bound.side, connection);
    if (left !== mailbox) world.put(left);
  }
  return { session, effects: [{ type: "unsubscribe" }] };
}

function newMailbox(appid: string, { key, id }: { readonly key: number; readonly id: string }, now: number, nameplate: Mailbox["nameplate"]): Mailbox {
  return { key, appid, id, nameplate, forNameplate: nameplate !== undefined, sides: [], messages: 0, length: 0, updated: now };
}

/** A connection comes to at most two mailboxes that it has not spoken in: one it claims, one it opens. */
function comeTo(session: Session, id: string): Session {
  return session.silentIn.includes(id) ? session : { ...session, silentIn: [...session.silentIn.slice(-3), id] };
}

function answer(session: Session, reply: Reply): Step {
  return { session, effects: [{ type: "reply", reply }] };
}

function refuse(session: Session, error: string): Step {
  return answer(session, { type: "error", error });
}

function nothing(session: Session): Step {
  return { session, effects: [] };
}
