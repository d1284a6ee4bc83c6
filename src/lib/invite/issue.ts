import { encodeHex } from "../bytes.ts";
import { WormholeError } from "../errors.ts";
import type { Json } from "../wormhole/json.ts";
import { newIssuer, type WormholeState } from "../wormhole/state.ts";
import { Wormhole, type WormholeEvent } from "../wormhole/wormhole.ts";
import type { InviteEvent } from "./events.ts";
import { startDialog, type DialogEvent, type DialogState, type Format, type IssueOutcome } from "./formats/format.ts";
import { FORMATS, type FormatName } from "./formats/formats.ts";
import { limitErrorOf } from "./limit.ts";

/** Whoever has proved to know the code has at least so long for the rest, even if it is used at the last moment. */
const ANSWER_MS = 30_000;

/** A server that is away when the time is over may come back for so long. */
const SERVER_MS = 5000;
const POLL_MS = 250;

/** Whoever has used the code and is about to prove it can be told that nothing will come. */
const PROOF_MS = 1000;
const PROOF_POLL_MS = 20;

/** All of an invite that is issued: what another process needs to go on with it. JSON. */
export interface IssueState {
  readonly format: FormatName;
  readonly ttlMs: number;
  /** When nobody may use the code any more, in ms since 1970; nothing before there is one. */
  readonly expiresAt: number | null;
  readonly code: string | null;
  /** Somebody has taken the number of the code, and had not spoken by then. */
  readonly hasSilentClaim: boolean;
  readonly dialog: DialogState;
  readonly wormhole: WormholeState;
}

export interface Invite {
  readonly format: FormatName;
  /** Checked by `checkPayload`. */
  readonly payload: string;
  readonly ttlMs: number;
  /** Where it is not that of the format. */
  readonly appid?: string | undefined;
  readonly words?: number | undefined;
  /** Chosen by both sides, instead of a new one. */
  readonly code?: string | undefined;
}

/** @throws {WormholeError} WORMHOLE_CODE */
export function newInvite({ format, payload, ttlMs, appid, words, code }: Invite): IssueState {
  const { appid: usual, appVersions } = FORMATS[format];
  const wormhole = newIssuer({ appid: appid ?? usual, appVersions: appVersions as Json, words, code });
  return { format, ttlMs, expiresAt: null, code: null, hasSilentClaim: false, dialog: startDialog(payload), wormhole };
}

export interface IssueOptions {
  /** Mailbox server, as `wss://host/v1`. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
  /** Told of each event as it happens, the last one among them. What it throws ends the invite. */
  readonly onEvent: (event: InviteEvent) => void;
  /** Told what the server has to say to everybody. */
  readonly onMotd?: ((motd: string) => void) | undefined;
  readonly onConnection?: ((isConnected: boolean) => void) | undefined;
  /**
   * Told once that somebody has taken the number of the code and has not spoken
   * yet. That may be the right one, who still types the words, or somebody who
   * keeps everybody else away.
   */
  readonly onSilentClaim?: (() => void) | undefined;
  /** Asks whether the other side has the same verifier; without it nobody is asked. */
  readonly confirm?: ((verifier: string) => Promise<boolean>) | undefined;
  /** Writes a state down, before what it speaks of is sent. */
  readonly save?: ((state: IssueState) => void | Promise<void>) | undefined;
}

/**
 * Issues an invite, new or gone on with, and waits until it has come to an end.
 *
 * @returns the last event
 * @throws {WormholeError} where there is no server that would take it; {InviteError} INVITE_LIMITED; {Interrupted} or another reason of the signal;
 *   what `onEvent`, `confirm` and `save` throw. The code can no longer be used then, if the server could be told.
 */
export async function issue(state: IssueState, options: IssueOptions): Promise<InviteEvent> {
  const issuing = new Issuing(state, options);
  try {
    return await issuing.run();
  } catch (error) {
    await issuing.abandon();
    throw error;
  }
}

/** How an invite ends, and in what mood the mailbox is closed. */
interface Ending {
  readonly event: "delivered" | "handed-over" | "silent-guess" | "wrong-guess" | "crowded" | "expired" | "refused" | "lost";
  readonly mood: "happy" | "lonely" | "errory" | "scary";
  readonly details?: Pick<InviteEvent, "reason" | "answer">;
}

class Issuing {
  readonly #options: IssueOptions;
  readonly #wormhole: Wormhole;
  #state: IssueState;
  #deadline: number | undefined;
  /** For a server that is away when the time is over. */
  #serverDeadline: number | undefined;

  constructor(state: IssueState, options: IssueOptions) {
    const { url, signal, onConnection, save } = options;
    this.#state = state;
    this.#options = options;
    this.#deadline = state.expiresAt ?? undefined;
    this.#wormhole = new Wormhole(state.wormhole, { url, signal, onConnection, watch: true, save: save && ((wormhole) => save({ ...this.#state, wormhole })) });
  }

  async run(): Promise<InviteEvent> {
    for (;;) {
      const event = await this.#next();
      const ending = event === "timeout" ? this.#expire() : await this.#take(event);
      if (ending === undefined) continue;
      await this.#wormhole.close(ending.mood);
      return this.#tell({ event: ending.event, ...ending.details });
    }
  }

  /** Lets go of the code, and tells whoever may wait for more. */
  async abandon(): Promise<void> {
    await this.#awaitProof();
    const { isVerified } = this.#wormhole.state;
    if (isVerified) this.#wormhole.send(this.#format.encodeIssuerRefusal("the sender gave up"));
    await this.#wormhole.close(isVerified ? "errory" : "lonely");
  }

  /** Nothing can be said to a side before it has proved to know the code. */
  async #awaitProof(): Promise<void> {
    const deadline = Date.now() + PROOF_MS;
    const isDue = (): boolean => {
      const { peer, isVerified, ending } = this.#wormhole.state;
      return peer !== null && !isVerified && ending === null;
    };
    while (this.#options.signal?.aborted !== true && isDue() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, PROOF_POLL_MS));
  }

  get #format(): Format {
    return FORMATS[this.#state.format];
  }

  /** A server that fails later than at first loses what was entrusted to it. */
  async #next(): Promise<WormholeEvent | "timeout"> {
    try {
      return await this.#wormhole.next(this.#deadline);
    } catch (error) {
      if (!(error instanceof WormholeError) || this.#state.code === null) throw error;
      return { type: "ended", reason: "lost", detail: error.message };
    }
  }

  #tell({ event, ...details }: Omit<InviteEvent, "code">): InviteEvent {
    const whole = { event, code: this.#state.code, ...details };
    this.#options.onEvent(whole);
    return whole;
  }

  #expire(): Ending | undefined {
    const { guessDeadline, isVerified, connection } = this.#wormhole.state;
    if (connection.stage !== "bound" || connection.missing !== null) return this.#awaitServer();
    if (isVerified) return { event: "expired", mood: "happy", details: { reason: "the receiver had the right code and did not confirm; it may have the payload" } };
    if (guessDeadline === null || guessDeadline + POLL_MS <= Date.now()) return this.#endUnused();
    // Somebody is about to prove that he knows the code.
    this.#deadline = guessDeadline + POLL_MS;
    return undefined;
  }

  #endUnused(): Ending {
    if (!this.#state.hasSilentClaim) return { event: "expired", mood: "lonely" };
    return { event: "silent-guess", mood: "lonely", details: { reason: "somebody took the number of the code and said nothing" } };
  }

  /** Whether somebody came meanwhile, only the server knows; nor can anybody else let go of the code. */
  #awaitServer(): Ending | undefined {
    const now = Date.now();
    this.#serverDeadline ??= now + SERVER_MS;
    if (now >= this.#serverDeadline) return lost("there was no connection to the mailbox server when the time was over", this.#wormhole.state);
    this.#deadline = now + POLL_MS;
    return undefined;
  }

  #take(event: WormholeEvent): Ending | undefined | Promise<Ending | undefined> {
    switch (event.type) {
      case "welcome":
        if (event.motd !== undefined) this.#options.onMotd?.(event.motd);
        // A code of one's own needs no server to be known.
        if (!this.#state.wormhole.allocates) this.#announce(codeOf(this.#state.wormhole));
        return undefined;
      case "code":
        this.#announce(event.code);
        return undefined;
      case "contacted":
        this.#tell({ event: "contacted" });
        return undefined;
      case "verified":
        return this.#verify(encodeHex(event.verifier), event.appVersions);
      case "message":
      case "stored":
        return this.#step(event);
      case "notice":
        return this.#heed(event.notice);
      case "ended":
        return this.#end(event);
    }
  }

  #announce(code: string): void {
    if (this.#state.code !== null) return;
    this.#deadline = Date.now() + this.#state.ttlMs;
    this.#state = { ...this.#state, code, expiresAt: this.#deadline };
    this.#tell({ event: "code" });
  }

  async #verify(verifier: string, appVersions: unknown): Promise<Ending | undefined> {
    this.#tell({ event: "verified", verifier });
    const { confirm } = this.#options;
    const isConfirmed = confirm === undefined || (await confirm(verifier));
    this.#deadline = Math.max(this.#state.expiresAt ?? 0, Date.now() + ANSWER_MS);
    if (isConfirmed) return this.#step({ type: "verified", appVersions });
    this.#wormhole.send(this.#format.encodeIssuerRefusal("sender rejected verification check, abandoned transfer"));
    return { event: "refused", mood: "errory", details: { reason: "the verifier was not confirmed on this side" } };
  }

  #step(event: DialogEvent): Ending | undefined {
    const { state, send, outcome } = this.#format.issue(this.#state.dialog, event);
    // First, as what is sent is written down with it.
    this.#state = { ...this.#state, dialog: state };
    for (const plaintext of send) this.#wormhole.send(plaintext);
    return outcome && endingOfDialog(outcome);
  }

  /** @throws {InviteError} INVITE_LIMITED: nobody was given anything that could be lost */
  #end(event: WormholeEvent & { readonly type: "ended" }): Ending {
    const limited = limitErrorOf(event, "try again in a minute");
    if (limited !== undefined) throw limited;
    return endingOf(event, this.#wormhole.state);
  }

  /**
   * Once a side has tried the code it is fixed which one; whoever else comes has
   * come too late. Programs that complete codes take the number as soon as it
   * is typed, so a side that is silent may be the right one.
   */
  #heed(notice: "crowded" | "silent-claim"): Ending | undefined {
    if (this.#wormhole.state.peer !== null) return undefined;
    if (notice === "crowded") return { event: "crowded", mood: "errory" };
    if (!this.#state.hasSilentClaim) this.#options.onSilentClaim?.();
    this.#state = { ...this.#state, hasSilentClaim: true };
    return undefined;
  }
}

function codeOf({ nameplate, password }: WormholeState): string {
  return `${nameplate ?? ""}-${password}`;
}

function endingOfDialog(outcome: IssueOutcome): Ending {
  switch (outcome.type) {
    case "delivered":
      return { event: "delivered", mood: "happy", details: outcome.answer === undefined ? {} : { answer: outcome.answer } };
    case "handed-over":
      return { event: "handed-over", mood: "happy" };
    case "refused":
      return { event: "refused", mood: "happy", details: { reason: outcome.reason } };
  }
}

/** The wormhole has chosen the mood by itself then. */
function endingOf({ reason, detail }: WormholeEvent & { readonly type: "ended" }, state: WormholeState): Ending {
  switch (reason) {
    case "wrong-guess":
      return { event: "wrong-guess", mood: "scary" };
    case "silent-guess":
      return { event: "silent-guess", mood: "lonely" };
    case "crowded":
      return { event: "crowded", mood: "errory" };
    case "closed":
    case "reclaimed":
    case "lost":
    case "server-error":
      return lost(detail ?? reason, state);
  }
}

function lost(reason: string, { isVerified }: WormholeState): Ending {
  return { event: "lost", mood: "errory", details: { reason: isVerified ? `${reason}; the receiver had the right code, and may have the payload` : reason } };
}
