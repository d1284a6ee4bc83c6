import type { Command } from "./command.ts";
import type { Mailbox, Message } from "./mailbox.ts";
import { candidates, freeNumbers, LONG_RANGE, SHORT_RANGES } from "./numbers.ts";
import { isNameplate, type Session } from "./session.ts";
import type { Transaction } from "./store.ts";
import type { World } from "./world.ts";

/** What the commands of a round look at, of one application. */
export interface Needs {
  readonly ids: Set<string>;
  readonly nameplates: Set<string>;
  /** Ids of mailboxes whose messages are wanted. */
  readonly messagesOf: Set<string>;
  /** How many free numbers are wanted. */
  allocations: number;
  list: boolean;
}

/** Whether a command has to do with the store, in this or any later state of its connection. */
export function concernsStore({ silentIn }: Session, { type }: Command): boolean {
  // What comes before it in the same transaction and could change this concerns the store itself.
  if (type === "leave") return silentIn.length > 0;
  return type !== "ping" && type !== "bind" && type !== "invalid" && type !== "unknown" && type !== "malformed";
}

/** Adds what a command of a connection looks at, given what went before it. */
export function addNeeds(needs: Map<string, Needs>, session: Session, command: Command): void {
  if (session.bound === undefined) return;
  const { appid } = session.bound;
  const of = needs.get(appid) ?? { ids: new Set(), nameplates: new Set(), messagesOf: new Set(), allocations: 0, list: false };
  needs.set(appid, of);
  switch (command.type) {
    case "list":
      of.list = true;
      break;
    case "allocate":
      of.allocations += 1;
      break;
    case "claim":
      of.nameplates.add(command.nameplate);
      break;
    case "release": {
      const name = command.nameplate ?? session.nameplate;
      if (name !== undefined && isNameplate(name)) of.nameplates.add(name);
      break;
    }
    case "open":
      of.ids.add(command.mailbox);
      of.messagesOf.add(command.mailbox);
      break;
    case "add":
      if (session.open !== undefined) of.ids.add(session.open.id);
      break;
    case "close": {
      const id = command.mailbox ?? session.mailbox;
      if (id !== undefined) of.ids.add(id);
      break;
    }
    case "leave":
      for (const id of session.silentIn) of.ids.add(id);
      break;
    default:
  }
}

/** What commands look for in the store, and what is remembered of it beyond a transaction. */
export class Loader {
  /** By application and range: before this time none of its numbers becomes free. */
  readonly #fullUntil = new Map<string, number>();
  readonly #random: (below: number) => number;

  /** @param random - an integer from 0 up to, not including, its argument */
  constructor(random: (below: number) => number) {
    this.#random = random;
  }

  /**
   * Loads into a world what it has not yet.
   *
   * @param onLoaded - for each mailbox that was not there before
   */
  async load(world: World, transaction: Transaction, needs: ReadonlyMap<string, Needs>, onLoaded: (mailbox: Mailbox) => Promise<void>): Promise<void> {
    for (const [appid, of] of needs) {
      if (of.list && !world.knowsNameplates(appid)) world.loadNameplates(appid, await transaction.nameplates(appid));
      // Claims beside them may take some.
      const numbers = of.allocations === 0 ? 0 : of.allocations + of.nameplates.size;
      if (numbers > world.countFreeNumbers(appid)) await this.#loadNumbers(world, transaction, appid, numbers);
      const names = [...of.nameplates].filter((name) => !world.knowsNameplate(appid, name));
      const ids = [...of.ids].filter((id) => !world.knowsId(appid, id));
      if (names.length > 0) await loadEach(world, await transaction.mailboxesByNameplate(appid, names), onLoaded);
      for (const name of names) if (!world.knowsNameplate(appid, name)) world.loadNoNameplate(appid, name);
      const unknown = ids.filter((id) => !world.knowsId(appid, id));
      if (unknown.length > 0) await loadEach(world, await transaction.mailboxesById(appid, unknown), onLoaded);
      for (const id of unknown) if (!world.knowsId(appid, id)) world.loadNoId(appid, id);
      for (const id of of.messagesOf) await loadMessages(world, transaction, world.mailbox(appid, id));
    }
  }

  /** From the shortest range that has any; more than wanted where it has more. */
  async #loadNumbers(world: World, transaction: Transaction, appid: string, wanted: number): Promise<void> {
    const sets: (readonly number[])[] = [];
    let count = 0;
    const add = (numbers: readonly number[]): void => {
      const free = numbers.filter((number) => world.isUntouched(appid, number));
      sets.push(free);
      count += free.length;
    };
    for (const range of SHORT_RANGES) {
      const name = `${appid}\0${range.from}`;
      if ((this.#fullUntil.get(name) ?? 0) > world.now) continue;
      const { numbers, until } = await transaction.takenNumbers(appid, range);
      const free = freeNumbers(range, numbers);
      if (free.length === 0) this.#remember(name, until);
      add(free);
      if (count >= wanted) break;
    }
    // Of a million numbers nearly all are free, or the service has other worries.
    for (let tries = 0; count < wanted && tries < MAX_TRIES; tries++) {
      const numbers = candidates(2 * (wanted - count) + 6, LONG_RANGE, this.#random);
      const taken = await transaction.takenAmong(appid, numbers);
      add(numbers.filter((number) => !taken.has(number)));
    }
    world.loadFreeNumbers(appid, sets);
  }

  #remember(name: string, until: number): void {
    if (this.#fullUntil.size >= MAX_REMEMBERED) this.#fullUntil.clear();
    this.#fullUntil.set(name, until);
  }
}

const MAX_TRIES = 20;
const MAX_REMEMBERED = 10_000;
/** Characters of messages. Commands that want more together are done one by one. */
const MAX_LOADED_LENGTH = 64 * 1024 * 1024;

async function loadEach(world: World, mailboxes: readonly Mailbox[], onLoaded: (mailbox: Mailbox) => Promise<void>): Promise<void> {
  for (const mailbox of mailboxes) if (world.load(mailbox)) await onLoaded(mailbox);
}

async function loadMessages(world: World, transaction: Transaction, mailbox: Mailbox | undefined): Promise<void> {
  if (mailbox === undefined || world.knowsMessages(mailbox.key)) return;
  if (world.loadedLength > 0 && world.loadedLength + mailbox.length > MAX_LOADED_LENGTH) throw new RangeError("more messages than one transaction is to load");
  const messages: readonly Message[] = mailbox.messages === 0 ? [] : await transaction.messages(mailbox.key, 0);
  world.loadMessages(mailbox.key, messages);
}
