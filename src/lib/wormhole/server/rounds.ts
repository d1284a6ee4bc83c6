import { randomBytes, randomInt } from "node:crypto";
import type { Frame } from "./command.ts";
import { addNeeds, type Loader, type Needs } from "./load.ts";
import type { Mailbox, Message } from "./mailbox.ts";
import { step, type Context, type Effect, type Session } from "./session.ts";
import type { Transaction } from "./store.ts";
import type { Usage } from "./usage.ts";
import { World } from "./world.ts";

/** One frame of a client. */
export interface Input<Client> {
  readonly client: Client;
  readonly frame: Frame;
  /** When it came, in ms since 1970. */
  readonly received: number;
}

export interface Outcome<Client> {
  readonly input: Input<Client>;
  readonly effects: readonly Effect[];
}

/** What a transaction has done, to be made known after its commit. */
export interface Done<Client> {
  readonly outcomes: readonly Outcome<Client>[];
  readonly sessions: ReadonlyMap<Client, Session>;
  /** Messages that other servers took in, and that subscribers here have not got. */
  readonly missed: readonly Message[];
  readonly changed: readonly Mailbox[];
  readonly usage: readonly Usage[];
  /** By the clock of the store, in ms since 1970. */
  readonly now: number;
}

export interface RoundOptions {
  readonly loader: Loader;
  readonly allowList: boolean;
  /** How much the messages of one mailbox may hold, in characters. */
  readonly maxMailbox: number;
  /** The first message of a mailbox that a subscriber here has not got. */
  readonly nextIndex: (key: number) => number | undefined;
  /** An integer from 0 up to, not including, its argument. */
  readonly random: (below: number) => number;
}

/**
 * Takes the frames of many clients through the rules, those of each in order.
 * In each round every client has one command, as its next may look at what that
 * one made; so nobody waits for a client that sends many.
 *
 * @param transaction - nothing where no frame concerns the store
 */
export async function runRounds<Client extends { readonly session: Session }>(inputs: readonly Input<Client>[], transaction: Transaction | undefined, options: RoundOptions): Promise<Done<Client>> {
  const world = new World(transaction?.now ?? Date.now());
  const sessions = new Map<Client, Session>();
  const outcomes: Outcome<Client>[] = [];
  const missed: Message[] = [];
  const sessionOf = (client: Client): Session => sessions.get(client) ?? client.session;
  for (const round of cut(inputs)) {
    if (transaction !== undefined) {
      const needs = new Map<string, Needs>();
      for (const { client, frame } of round) addNeeds(needs, sessionOf(client), frame.command);
      await options.loader.load(world, transaction, needs, async (mailbox) => {
        missed.push(...(await missedOf(mailbox, transaction, options)));
      });
    }
    for (const input of round) {
      const { session, effects } = step(sessionOf(input.client), input.frame.command, world, contextOf(input, options));
      sessions.set(input.client, session);
      outcomes.push({ input, effects });
    }
  }
  const changes = world.changes();
  await transaction?.save(changes);
  return { outcomes, sessions, missed, changed: changes.mailboxes, usage: changes.usage, now: world.now };
}

/** First the first frame of every client, then the second, and so on. */
function cut<Client>(inputs: readonly Input<Client>[]): readonly (readonly Input<Client>[])[] {
  const rounds: Input<Client>[][] = [];
  const counts = new Map<Client, number>();
  for (const input of inputs) {
    const count = counts.get(input.client) ?? 0;
    counts.set(input.client, count + 1);
    (rounds[count] ??= []).push(input);
  }
  return rounds;
}

async function missedOf(mailbox: Mailbox, transaction: Transaction, { nextIndex }: RoundOptions): Promise<readonly Message[]> {
  const next = nextIndex(mailbox.key);
  return next === undefined || next >= mailbox.messages ? [] : transaction.messages(mailbox.key, next);
}

function contextOf({ received }: { readonly received: number }, { allowList, maxMailbox, random }: RoundOptions): Context {
  return { received, allowList, maxMailbox, newMailbox, random };
}

/** What `randomInt` can do at most. */
const KEYS = 2 ** 48 - 1;
const ID_BYTES = 8;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Source for the id: magic-wormhole-mailbox-server, server.py, generate_mailbox_id. */
function newMailbox(): { readonly key: number; readonly id: string } {
  return { key: randomKey(), id: encodeBase32(randomBytes(ID_BYTES)) };
}

/** A random number that JavaScript and both databases hold exactly. */
export function randomKey(): number {
  return randomInt(KEYS);
}

/** RFC 4648 §6, in lower case and without padding. */
function encodeBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((group) => BASE32[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}
