/** One side's claim of a nameplate. */
export interface Claim {
  readonly side: string;
  /** When it first claimed, in ms since 1970. */
  readonly added: number;
  /** Not yet released. */
  readonly claimed: boolean;
}

/** The short name by which sides find a mailbox; it is gone when every side has released it. */
export interface Nameplate {
  readonly name: string;
  readonly claims: readonly Claim[];
}

/** One side of a mailbox, in the order in which they came. */
export interface MailboxSide {
  readonly side: string;
  /** When it came, in ms since 1970. */
  readonly added: number;
  /** Not yet closed. */
  readonly opened: boolean;
  readonly mood?: string;
  /** It has added a message. */
  readonly spoke?: boolean;
  /** The connection by which it last claimed or opened. */
  readonly via: number;
  /** That connection ended before the side spoke. */
  readonly left?: boolean;
}

/** A mailbox as it is kept, without its messages. */
export interface Mailbox {
  /** Random. A mailbox of the same name that comes later has another one. */
  readonly key: number;
  readonly appid: string;
  readonly id: string;
  readonly nameplate: Nameplate | undefined;
  /** It was made for a nameplate, which may be gone by now. */
  readonly forNameplate: boolean;
  readonly sides: readonly MailboxSide[];
  /** How many messages it holds; they are numbered from 0. */
  readonly messages: number;
  /** What its messages hold, in characters. */
  readonly length: number;
  /** Of the last activity, in ms since 1970. */
  readonly updated: number;
}

/** A message in a mailbox. */
export interface Message {
  readonly mailbox: number;
  readonly index: number;
  readonly side: string;
  readonly phase: string;
  readonly body: string;
  /** JSON that the client gave with it. */
  readonly id: string | undefined;
  /** When it came, in ms since 1970. */
  readonly received: number;
}

/** What there is room for: a side that nobody keeps is crowded out all the same. */
const MAX_SIDES = 16;

/** More than two sides, for ever: then nobody may claim, open or close any more. */
export function isCrowded({ sides }: Mailbox): boolean {
  return sides.length > 2;
}

/** A side comes, or comes again, by this connection. One that had closed stays closed until it closes again. */
export function join(mailbox: Mailbox, side: string, via: number, now: number): Mailbox {
  const old = mailbox.sides.find((other) => other.side === side);
  return { ...mailbox, sides: replaceSide(mailbox.sides, { ...(old ?? { side, added: now, opened: true }), via, left: false }), updated: now };
}

/** A side claims the nameplate; `join` goes with it. */
export function claim(nameplate: Nameplate, side: string, now: number): Nameplate {
  if (nameplate.claims.some((other) => other.side === side)) return nameplate;
  return { ...nameplate, claims: replaceSide(nameplate.claims, { side, added: now, claimed: true }) };
}

/** Whether a side released the nameplate and so may not claim it again. */
export function hasReleased(nameplate: Nameplate, side: string): boolean {
  return nameplate.claims.some((other) => other.side === side && !other.claimed);
}

/** A side that never claimed releases nothing. */
export function release(nameplate: Nameplate, side: string): Nameplate {
  return { ...nameplate, claims: nameplate.claims.map((other) => (other.side === side ? { ...other, claimed: false } : other)) };
}

export function isReleased({ claims }: Nameplate): boolean {
  return claims.every(({ claimed }) => !claimed);
}

export function close(mailbox: Mailbox, side: string, mood: string | undefined): Mailbox {
  return { ...mailbox, sides: mailbox.sides.map((other) => (other.side === side ? { ...other, opened: false, ...(mood === undefined ? {} : { mood }) } : other)) };
}

export function isClosed({ sides }: Mailbox): boolean {
  return sides.every(({ opened }) => !opened);
}

/** A side adds a message of this length. */
export function speak(mailbox: Mailbox, side: string, length: number, now: number): Mailbox {
  const sides = mailbox.sides.map((other) => (other.side === side ? { ...other, spoke: true } : other));
  return { ...mailbox, sides, messages: mailbox.messages + 1, length: mailbox.length + length, updated: now };
}

/** A connection ended; whether that was all there was of a side, and the side had not spoken. */
export function leave(mailbox: Mailbox, side: string, via: number): Mailbox {
  const isLast = (other: MailboxSide): boolean => other.side === side && other.via === via && other.spoke !== true && other.left !== true;
  if (!mailbox.sides.some(isLast)) return mailbox;
  return { ...mailbox, sides: mailbox.sides.map((other) => (isLast(other) ? { ...other, left: true } : other)) };
}

function replaceSide<S extends { readonly side: string }>(sides: readonly S[], side: S): readonly S[] {
  if (sides.some((other) => other.side === side.side)) return sides.map((other) => (other.side === side.side ? side : other));
  return sides.length < MAX_SIDES ? [...sides, side] : sides;
}
