import { keyAgreement, type KeyAgreement, type PinProtocolNumber } from "../pin-protocol.ts";
import type { Touch } from "./approval.ts";
import type { PinToken } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { State } from "./state.ts";

/**
 * One command. It yields what the person is asked to approve and goes on once
 * that is so; where it is not, nobody asks it for more. It returns the answer.
 */
export type Conversation = Generator<Touch, Uint8Array, void>;

/** What a command works with. */
export interface Context {
  /** As it is now: after a touch another process may have changed it. */
  readonly state: State;
  readonly session: Session;
  /** In milliseconds, from any beginning. */
  readonly nowMs: number;
}

/** Between the commands that list something. Source: CTAP 2.1 §6, "Stateful commands". */
const LISTING_MS = 30_000;

/** Gives an answer from the state as it is when it is asked for. */
type Item = (context: Context) => Uint8Array;

interface Listing {
  readonly kind: "assertions" | "rps" | "credentials";
  readonly items: Item[];
  readonly untilMs: number;
}

/** A large-blob array that comes in parts. */
export interface BlobWrite {
  readonly bytes: Uint8Array;
  received: number;
}

/** What a card forgets without power. */
export class Session {
  readonly poweredOnMs: number;
  token: PinToken | undefined;
  /** In a row, since power came. */
  wrongPins = 0;
  blobWrite: BlobWrite | undefined;
  /** The last answer to getInfo, and of which state it is true. */
  info: { readonly variant: string; readonly answer: Uint8Array } | undefined;
  readonly #keyAgreements = new Map<PinProtocolNumber, KeyAgreement>();
  #channel = 0;
  #listing: Listing | undefined;
  #previousListing: Listing | undefined;

  constructor(nowMs: number) {
    this.poweredOnMs = nowMs;
  }

  /** Made when it is first asked for, as not every host asks. */
  keyAgreement(protocol: PinProtocolNumber): KeyAgreement {
    const made = this.#keyAgreements.get(protocol) ?? keyAgreement(protocol);
    this.#keyAgreements.set(protocol, made);
    return made;
  }

  renewKeyAgreements(): void {
    this.#keyAgreements.clear();
  }

  /** After a reset, of all that came before. */
  forget(): void {
    this.token = undefined;
    this.wrongPins = 0;
    this.blobWrite = undefined;
    this.renewKeyAgreements();
  }

  /** A command begins: one that does not go on with the listing before ends it. */
  begin(channel: number): void {
    this.#previousListing = channel === this.#channel ? this.#listing : undefined;
    this.#listing = undefined;
    this.#channel = channel;
  }

  /** @param items - the answers of the commands that ask for the next */
  beginListing(kind: Listing["kind"], items: Item[], nowMs: number): void {
    this.#listing = { kind, items, untilMs: nowMs + LISTING_MS };
  }

  /** @throws {Refusal} CTAP2_ERR_NOT_ALLOWED where there is no next */
  nextOf(kind: Listing["kind"], context: Context): Uint8Array {
    const { nowMs } = context;
    const listing = this.#previousListing;
    const item = listing?.kind === kind && nowMs < listing.untilMs ? listing.items.shift() : undefined;
    if (listing === undefined || item === undefined) throw new Refusal(STATUS.notAllowed);
    this.#listing = { ...listing, untilMs: nowMs + LISTING_MS };
    return item(context);
  }
}
