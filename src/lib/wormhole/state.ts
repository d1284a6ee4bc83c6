import { randomBytes } from "node:crypto";
import { encodeHex } from "../bytes.ts";
import type { Mood } from "./client-message.ts";
import { makePassword, parseCode } from "./code.ts";
import type { Json } from "./json.ts";
import { randomScalar } from "./spake2.ts";

// The whole of a wormhole: what is written down before each send is enough for
// another process to go on. All bytes are hex.

/** A message of ours for the mailbox. */
export interface Sent {
  readonly phase: string;
  /** As it was first sent and will be sent again; once the server has stored it, empty but for the pake. */
  readonly body: string;
  readonly isStored: boolean;
}

/** A message that came before the key agreement. */
export interface Unopened {
  readonly side: string;
  readonly phase: string;
  /** Nothing where it was no hex. */
  readonly body: string | null;
}

export type Reason = "closed" | "wrong-guess" | "silent-guess" | "crowded" | "reclaimed" | "lost" | "server-error";

/** What the application is told, in the form that is written down. */
export type StoredEvent =
  | { readonly type: "welcome"; readonly motd: string | null }
  | { readonly type: "code"; readonly code: string }
  | { readonly type: "contacted" }
  | { readonly type: "verified"; readonly verifier: string; readonly appVersions: Json }
  | { readonly type: "message"; readonly index: number; readonly plaintext: string }
  | { readonly type: "stored"; readonly index: number }
  | { readonly type: "notice"; readonly notice: "crowded" | "silent-claim" }
  | { readonly type: "ended"; readonly reason: Reason; readonly detail: string | null };

/** Commands that are sent at most once over one connection. */
export type Command = "allocate" | "claim" | "open" | "release" | "close";

/** What has happened over the present connection; a new one begins anew. */
export interface Connection {
  /** `greeting`: waits for the welcome; `minting`: earns the server's permission. */
  readonly stage: "none" | "greeting" | "minting" | "bound";
  /** Whether the server shall be asked for notices. */
  readonly watch: boolean;
  readonly asked: readonly Command[];
  /** So many messages of the outbox were sent, or needed no sending. */
  readonly added: number;
  /** Phases that the server has stored and has yet to show, before it answers our ping; nothing where none was sent or it is answered. */
  readonly missing: readonly string[] | null;
}

export interface WormholeState {
  readonly format: 1;
  /** Issuers guard their code: after the other side's pake, it must prove itself in time. */
  readonly role: "issuer" | "receiver";
  readonly appid: string;
  readonly side: string;
  /** For the other side, inside the version message. */
  readonly version: Json;
  readonly password: string;
  /** Whether the server chooses the nameplate. */
  readonly allocates: boolean;
  readonly nameplate: string | null;
  /** When the server gave it, in ms since 1970; nothing where both sides chose it. */
  readonly allocatedAt: number | null;
  /** Whether the server may hold the nameplate for us. */
  readonly isClaimAsked: boolean;
  readonly isReleased: boolean;
  readonly mailbox: string | null;
  readonly isClosed: boolean;
  /** Of the key agreement; nothing once it is done. */
  readonly scalar: string | null;
  readonly key: string | null;
  /** A message of another side came: the nameplate is to be released. */
  readonly isContacted: boolean;
  /** The side whose pake came first. */
  readonly peer: string | null;
  /** When the other side must have proved that it knows the code, in ms since 1970. */
  readonly guessDeadline: number | null;
  readonly isVerified: boolean;
  readonly hasVersion: boolean;
  readonly outbox: readonly Sent[];
  /** The number of our next message. */
  readonly nextSend: number;
  /** The number of the other side's message that is delivered next. */
  readonly nextReceive: number;
  readonly unopened: readonly Unopened[];
  /** Messages of the other side that came before their turn. */
  readonly ahead: readonly { readonly index: number; readonly plaintext: string }[];
  /** What the application has not yet taken. */
  readonly events: readonly StoredEvent[];
  /** What the server last had to say to everybody; nothing before its first welcome. */
  readonly greeting: string | null;
  readonly ending: { readonly reason: Reason; readonly mood: Mood; readonly detail: string | null } | null;
  /** Nothing is left to be done. */
  readonly isFinished: boolean;
  readonly connection: Connection;
}

export const NO_CONNECTION: Connection = { stage: "none", watch: false, asked: [], added: 0, missing: null };

type Random = (length: number) => Uint8Array;

const DEFAULT_WORDS = 2;
const SIDE_LENGTH = 5;

export interface WormholeSetup {
  readonly appid: string;
  /** `app_versions`, for the other side's application. */
  readonly appVersions?: Json | undefined;
  /** What this program can do besides, for the other side's. */
  readonly abilities?: Json | undefined;
}

export interface IssuerSetup extends WormholeSetup {
  /** Words of the code. */
  readonly words?: number | undefined;
  /** A code that both sides have chosen, instead of a new one. */
  readonly code?: string | undefined;
}

export interface ReceiverSetup extends WormholeSetup {
  readonly code: string;
}

/** @throws {WormholeError} WORMHOLE_CODE */
export function newIssuer(setup: IssuerSetup, random: Random = randomBytes): WormholeState {
  const { words = DEFAULT_WORDS, code } = setup;
  const { nameplate, password } = code === undefined ? { nameplate: null, password: makePassword(words, random) } : parseCode(code);
  return newState("issuer", nameplate, password, setup, random);
}

/** @throws {WormholeError} WORMHOLE_CODE */
export function newReceiver(setup: ReceiverSetup, random: Random = randomBytes): WormholeState {
  const { nameplate, password } = parseCode(setup.code);
  return newState("receiver", nameplate, password, setup, random);
}

function newState(role: "issuer" | "receiver", nameplate: string | null, password: string, setup: WormholeSetup, random: Random): WormholeState {
  const { appid, appVersions = {}, abilities } = setup;
  return {
    format: 1,
    role,
    appid,
    side: encodeHex(random(SIDE_LENGTH)),
    version: { app_versions: appVersions, ...(abilities === undefined ? {} : { abilities }) },
    password,
    allocates: nameplate === null,
    nameplate,
    allocatedAt: null,
    isClaimAsked: false,
    isReleased: false,
    mailbox: null,
    isClosed: false,
    scalar: encodeHex(randomScalar(random)),
    key: null,
    isContacted: false,
    peer: null,
    guessDeadline: null,
    isVerified: false,
    hasVersion: false,
    outbox: [],
    nextSend: 0,
    nextReceive: 0,
    unopened: [],
    ahead: [],
    events: [],
    greeting: null,
    ending: null,
    isFinished: false,
    connection: NO_CONNECTION,
  };
}
