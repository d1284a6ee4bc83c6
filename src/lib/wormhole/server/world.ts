import type { Mailbox, Message } from "./mailbox.ts";
import { numberOf, REST_MS } from "./numbers.ts";
import { summarizeMailbox, summarizeNameplate, type Usage } from "./usage.ts";

/** What a transaction has to write. */
export interface Changes {
  readonly mailboxes: readonly Mailbox[];
  /** Keys of mailboxes that are gone, with their messages. */
  readonly removed: readonly number[];
  readonly messages: readonly Message[];
  readonly numbers: readonly UsedNumber[];
  readonly usage: readonly Usage[];
}

/** A number that stands or stood for a nameplate. */
export interface UsedNumber {
  readonly appid: string;
  readonly number: number;
  /** In ms since 1970; nothing while the nameplate is there. */
  readonly restsUntil: number | undefined;
}

/**
 * What the commands of one transaction look at and change: the mailboxes that
 * were loaded for them, and nothing else. Whoever asks for one that was not
 * loaded has a bug.
 */
export class World {
  /** When the transaction began, in ms since 1970. */
  readonly now: number;
  readonly #byId = new Map<string, Mailbox | undefined>();
  readonly #byName = new Map<string, string | undefined>();
  readonly #changed = new Map<number, Mailbox>();
  readonly #removed = new Set<number>();
  readonly #messages = new Map<number, Message[]>();
  readonly #stored = new Map<number, readonly Message[]>();
  readonly #numbers = new Map<string, UsedNumber>();
  readonly #free = new Map<string, readonly Set<number>[]>();
  readonly #names = new Map<string, Set<string>>();
  readonly #usage: Usage[] = [];
  #loadedLength = 0;

  constructor(now: number) {
    this.now = now;
  }

  // What is loaded.

  knowsId(appid: string, id: string): boolean {
    return this.#byId.has(nameOf(appid, id));
  }

  knowsNameplate(appid: string, nameplate: string): boolean {
    return this.#byName.has(nameOf(appid, nameplate));
  }

  /** @returns whether it is new here */
  load(mailbox: Mailbox): boolean {
    const id = nameOf(mailbox.appid, mailbox.id);
    if (this.#byId.get(id) !== undefined) return false;
    this.#byId.set(id, mailbox);
    if (mailbox.nameplate !== undefined) this.#byName.set(nameOf(mailbox.appid, mailbox.nameplate.name), id);
    return true;
  }

  /** There is no such mailbox. */
  loadNoId(appid: string, id: string): void {
    this.#byId.set(nameOf(appid, id), undefined);
  }

  loadNoNameplate(appid: string, nameplate: string): void {
    this.#byName.set(nameOf(appid, nameplate), undefined);
  }

  /** Characters of the messages that were loaded. */
  get loadedLength(): number {
    return this.#loadedLength;
  }

  knowsMessages(key: number): boolean {
    return this.#stored.has(key);
  }

  /** What the store has of a mailbox; what this transaction adds comes after it. */
  loadMessages(key: number, messages: readonly Message[]): void {
    this.#stored.set(key, messages);
    for (const { body } of messages) this.#loadedLength += body.length;
  }

  knowsNameplates(appid: string): boolean {
    return this.#names.has(appid);
  }

  /** Those in the store, to which what this transaction has done so far is added. */
  loadNameplates(appid: string, nameplates: readonly string[]): void {
    const names = new Set(nameplates);
    const prefix = nameOf(appid, "");
    for (const [name, id] of this.#byName) {
      if (!name.startsWith(prefix)) continue;
      if (id === undefined) names.delete(name.slice(prefix.length));
      else names.add(name.slice(prefix.length));
    }
    this.#names.set(appid, names);
  }

  /** Whether no command of this transaction has had to do with it. */
  isUntouched(appid: string, number: number): boolean {
    return !this.#numbers.has(nameOf(appid, String(number)));
  }

  /** Numbers that may be given, from the first set that has any. */
  loadFreeNumbers(appid: string, sets: readonly (readonly number[])[]): void {
    this.#free.set(appid, sets.map((numbers) => new Set(numbers)));
  }

  countFreeNumbers(appid: string): number {
    return (this.#free.get(appid) ?? []).reduce((count, { size }) => count + size, 0);
  }

  // What the rules ask for and change.

  mailbox(appid: string, id: string): Mailbox | undefined {
    const name = nameOf(appid, id);
    if (!this.#byId.has(name)) throw new RangeError("mailbox was not loaded");
    return this.#byId.get(name);
  }

  nameplate(appid: string, nameplate: string): Mailbox | undefined {
    const name = nameOf(appid, nameplate);
    if (!this.#byName.has(name)) throw new RangeError("nameplate was not loaded");
    const id = this.#byName.get(name);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  nameplates(appid: string): readonly string[] {
    return [...(this.#names.get(appid) ?? [])].sort();
  }

  messages(key: number): readonly Message[] {
    return [...(this.#stored.get(key) ?? []), ...(this.#messages.get(key) ?? [])];
  }

  /**
   * A number that stands for nothing, which is to be claimed at once.
   *
   * @param random - an integer from 0 up to, not including, its argument
   */
  takeFreeNumber(appid: string, random: (below: number) => number): number | undefined {
    const numbers = [...(this.#free.get(appid)?.find(({ size }) => size > 0) ?? [])];
    const number = numbers.length === 0 ? undefined : numbers[random(numbers.length)];
    if (number !== undefined) this.#byName.set(nameOf(appid, String(number)), undefined);
    return number;
  }

  /** A mailbox that is new or has changed. */
  put(mailbox: Mailbox): void {
    const id = nameOf(mailbox.appid, mailbox.id);
    const old = this.#byId.get(id);
    this.#byId.set(id, mailbox);
    this.#changed.set(mailbox.key, mailbox);
    if (mailbox.nameplate !== undefined && old?.nameplate === undefined) this.#startNameplate(mailbox.appid, mailbox.nameplate.name, id);
  }

  /** Ends the nameplate of a mailbox that itself goes on. */
  endNameplate(mailbox: Mailbox, isPruned = false): void {
    this.#endNameplate(mailbox, isPruned);
    this.put({ ...mailbox, nameplate: undefined });
  }

  /** Ends a mailbox with its nameplate. */
  remove(mailbox: Mailbox, isPruned = false): void {
    this.#endNameplate(mailbox, isPruned);
    this.#usage.push(summarizeMailbox(mailbox.appid, mailbox.forNameplate, mailbox.sides, this.now, isPruned));
    this.#byId.set(nameOf(mailbox.appid, mailbox.id), undefined);
    this.#changed.delete(mailbox.key);
    this.#messages.delete(mailbox.key);
    this.#removed.add(mailbox.key);
  }

  addMessage(message: Message): void {
    const messages = this.#messages.get(message.mailbox);
    if (messages === undefined) this.#messages.set(message.mailbox, [message]);
    else messages.push(message);
  }

  changes(): Changes {
    return {
      mailboxes: [...this.#changed.values()],
      removed: [...this.#removed],
      messages: [...this.#messages.values()].flat(),
      numbers: [...this.#numbers.values()],
      usage: this.#usage,
    };
  }

  #startNameplate(appid: string, nameplate: string, id: string): void {
    this.#byName.set(nameOf(appid, nameplate), id);
    this.#names.get(appid)?.add(nameplate);
    this.#use(appid, nameplate, undefined);
    const number = numberOf(nameplate);
    if (number !== undefined) for (const free of this.#free.get(appid) ?? []) free.delete(number);
  }

  #endNameplate({ appid, nameplate }: Mailbox, isPruned: boolean): void {
    if (nameplate === undefined) return;
    this.#byName.set(nameOf(appid, nameplate.name), undefined);
    this.#names.get(appid)?.delete(nameplate.name);
    this.#use(appid, nameplate.name, this.now + REST_MS);
    this.#usage.push(summarizeNameplate(appid, nameplate.claims, this.now, isPruned));
  }

  #use(appid: string, nameplate: string, restsUntil: number | undefined): void {
    const number = numberOf(nameplate);
    if (number !== undefined) this.#numbers.set(nameOf(appid, nameplate), { appid, number, restsUntil });
  }
}

/** No appid has a NUL in it. */
function nameOf(appid: string, name: string): string {
  return `${appid}\0${name}`;
}
