import type { Mailbox, Message } from "./mailbox.ts";
import type { Range } from "./numbers.ts";
import type { Changes } from "./world.ts";

/** Where mailboxes are kept, so that they outlive the process. */
export interface Store {
  /**
   * Runs something that sees all that was committed before it and is seen
   * whole or not at all; one at a time, those of other servers included. The
   * answer comes when the changes are on the disk.
   *
   * @throws {StoreUnreachable}; {WormholeError} WORMHOLE_STORE
   */
  transaction<Result>(run: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Calls back with the keys of mailboxes that other servers have changed; without any, when some calls may have been lost. */
  onChanges(changed: (keys: readonly number[] | undefined) => void): void;
  close(): Promise<void>;
}

/** The store cannot be reached for now. What was not committed is undone; of a commit it is not known. */
export class StoreUnreachable extends Error {}

export interface Transaction {
  /** In ms since 1970, by the one clock of all servers. */
  readonly now: number;
  mailboxesById(appid: string, ids: readonly string[]): Promise<readonly Mailbox[]>;
  mailboxesByNameplate(appid: string, nameplates: readonly string[]): Promise<readonly Mailbox[]>;
  mailboxesByKey(keys: readonly number[]): Promise<readonly Mailbox[]>;
  /** Those not touched since then, oldest first, and only so many. */
  idleMailboxes(before: number, limit: number): Promise<readonly Mailbox[]>;
  nameplates(appid: string): Promise<readonly string[]>;
  /** The messages of a mailbox from an index on, in order. */
  messages(key: number, from: number): Promise<readonly Message[]>;
  /** The numbers of a range that live or rest, and the time before which none of them can become free. */
  takenNumbers(appid: string, range: Range): Promise<{ readonly numbers: ReadonlySet<number>; readonly until: number }>;
  /** Those of the numbers that live or rest. */
  takenAmong(appid: string, numbers: readonly number[]): Promise<ReadonlySet<number>>;
  save(changes: Changes): Promise<void>;
  /** Says that mailboxes are in use. */
  touch(keys: readonly number[]): Promise<void>;
  /** Forgets numbers that have rested, and usage from before that time. */
  forget(usageBefore: number): Promise<void>;
  count(): Promise<Counts>;
}

export interface Counts {
  readonly mailboxes: number;
  readonly nameplates: number;
}
