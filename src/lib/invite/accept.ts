import { encodeHex } from "../bytes.ts";
import { InviteError, type KeyholeError } from "../errors.ts";
import type { Json } from "../wormhole/json.ts";
import { newReceiver } from "../wormhole/state.ts";
import { Wormhole, type WormholeEvent } from "../wormhole/wormhole.ts";
import { startDialog, type AcceptOutcome, type DialogEvent, type DialogState } from "./formats/format.ts";
import { FORMATS, type FormatName } from "./formats/formats.ts";
import { limitErrorOf } from "./limit.ts";

/** What is left to do once the payload is safe takes no longer with a server that answers. */
const FINISH_MS = 30_000;

export interface Acceptance {
  readonly format: FormatName;
  readonly code: string;
  /** Where it is not that of the format. */
  readonly appid?: string | undefined;
  /** What `magic-folder` sends back: the capability of a directory of one's own. */
  readonly personal?: string | undefined;
}

export interface AcceptOptions {
  /** Mailbox server, as `wss://host/v1`. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the payload, not counting the time in which a person is asked. */
  readonly timeoutMs: number;
  /** Makes the payload safe. The sender gets an acknowledgement once this is done, and a refusal if it throws. */
  readonly write: (payload: string, verifier: string) => void | Promise<void>;
  readonly onMotd?: ((motd: string) => void) | undefined;
  readonly onConnection?: ((isConnected: boolean) => void) | undefined;
  /** Told when somebody with a code is at the other end, and when it is the right code. */
  readonly onProgress?: ((progress: "contacted" | "verified") => void) | undefined;
  /** Asks whether the other side has the same verifier; without it nobody is asked. */
  readonly confirm?: ((verifier: string) => Promise<boolean>) | undefined;
}

/**
 * Receives what a code stands for.
 *
 * @throws {InviteError} INVITE_WRONG_CODE, INVITE_CROWDED, INVITE_REFUSED, INVITE_UNUSABLE, INVITE_VERIFIER (`no`);
 *   INVITE_TIMEOUT, INVITE_LOST, INVITE_LIMITED, INVITE_UNACKNOWLEDGED (`outside`); {WormholeError}; what `write` and `confirm` throw; the reason of the signal
 */
export async function accept(acceptance: Acceptance, options: AcceptOptions): Promise<void> {
  const accepting = new Accepting(acceptance, options);
  try {
    await accepting.run();
  } catch (error) {
    await accepting.abandon();
    throw error;
  }
}

class Accepting {
  readonly #acceptance: Acceptance;
  readonly #options: AcceptOptions;
  readonly #wormhole: Wormhole;
  #dialog: DialogState;
  #deadline: number;
  #verifier = "";
  #isWritten = false;
  #isRefused = false;

  constructor(acceptance: Acceptance, options: AcceptOptions) {
    const { appid, appVersions } = FORMATS[acceptance.format];
    const { url, signal, onConnection, timeoutMs } = options;
    this.#acceptance = acceptance;
    this.#options = options;
    this.#dialog = startDialog(acceptance.personal);
    this.#deadline = Date.now() + timeoutMs;
    const state = newReceiver({ appid: acceptance.appid ?? appid, code: acceptance.code, appVersions: appVersions as Json });
    this.#wormhole = new Wormhole(state, { url, signal, onConnection });
  }

  async run(): Promise<void> {
    for (;;) {
      const event = await this.#wormhole.next(this.#deadline);
      if (event === "timeout") throw this.#late();
      const outcome = await this.#take(event);
      if (outcome === undefined) continue;
      await this.#finish(outcome);
      return;
    }
  }

  /** Tells the sender, if there is one, that nothing was taken. */
  async abandon(): Promise<void> {
    const { isVerified } = this.#wormhole.state;
    if (isVerified && !this.#isWritten && !this.#isRefused) this.#refuse("the receiver gave up");
    await this.#wormhole.close(isVerified ? "errory" : "lonely");
  }

  #refuse(reason: string): void {
    this.#isRefused = true;
    this.#wormhole.send(FORMATS[this.#acceptance.format].encodeReceiverRefusal(reason));
  }

  async #finish(outcome: AcceptOutcome): Promise<void> {
    this.#isRefused = outcome.type !== "accepted";
    if (outcome.type === "refused") throw new InviteError("INVITE_REFUSED", `the sender says: ${outcome.reason}`, { kind: "no", hint: this.#isWritten ? "what came is written all the same" : "ask the sender" });
    if (outcome.type === "unusable") {
      throw new InviteError("INVITE_UNUSABLE", outcome.reason, { kind: "no", hint: "the sender may mean another --format; ask for a new code" });
    }
    // Together with what is still on its way: a further wait would tell nothing more.
    if (await this.#wormhole.close("happy", FINISH_MS)) return;
    this.#options.signal?.throwIfAborted();
    throw this.#unacknowledged();
  }

  #take(event: WormholeEvent): AcceptOutcome | undefined | Promise<AcceptOutcome | undefined> {
    switch (event.type) {
      case "welcome":
        if (event.motd !== undefined) this.#options.onMotd?.(event.motd);
        return undefined;
      case "contacted":
        this.#options.onProgress?.("contacted");
        return undefined;
      case "verified":
        return this.#verify(encodeHex(event.verifier), event.appVersions);
      case "message":
      case "stored":
        return this.#step(event);
      case "ended":
        throw this.#ended(event);
      case "code":
      case "notice":
        return undefined;
    }
  }

  async #verify(verifier: string, appVersions: unknown): Promise<AcceptOutcome | undefined> {
    this.#verifier = verifier;
    this.#options.onProgress?.("verified");
    const { confirm } = this.#options;
    if (confirm !== undefined) {
      const asked = Date.now();
      if (!(await confirm(verifier))) {
        this.#refuse("receiver rejected verification check, abandoned transfer");
        throw new InviteError("INVITE_VERIFIER", "the verifier was not confirmed, so nothing was taken", { kind: "no", hint: "somebody may be in between; ask for a new code" });
      }
      this.#deadline += Date.now() - asked;
    }
    return this.#step({ type: "verified", appVersions });
  }

  async #step(event: DialogEvent): Promise<AcceptOutcome | undefined> {
    const { state, send, payload, outcome } = FORMATS[this.#acceptance.format].accept(this.#dialog, event);
    this.#dialog = state;
    for (const plaintext of send) this.#wormhole.send(plaintext);
    if (payload === undefined) return outcome;
    await this.#write(payload);
    return this.#step({ type: "written" });
  }

  async #write(payload: string): Promise<void> {
    try {
      await this.#options.write(payload, this.#verifier);
    } catch (error) {
      // Why is not the sender's business.
      this.#refuse("the receiver could not write it");
      throw error;
    }
    this.#isWritten = true;
    this.#deadline = Math.max(this.#deadline, Date.now() + FINISH_MS);
  }

  #late(): InviteError {
    if (this.#isWritten) return this.#unacknowledged();
    const { isContacted, isVerified, isClaimAsked, connection } = this.#wormhole.state;
    if (connection.stage !== "bound") {
      return new InviteError("INVITE_LOST", `no connection to the mailbox server within ${this.#options.timeoutMs / 1000} s`, { kind: "outside", hint: isClaimAsked ? "check the network, and ask for a new code" : "check the network, and try again; the code was not used" });
    }
    const found = isVerified ? "the sender has the same code, but sent nothing" : isContacted ? "somebody is there, but has not shown that it is the same code" : "nobody came";
    return new InviteError("INVITE_TIMEOUT", `${found} within ${this.#options.timeoutMs / 1000} s`, { kind: "outside", hint: isContacted ? "ask for a new code" : "the code was used or has expired, or the sender has another --mailbox or --format" });
  }

  /** The sender may not know that all is well. */
  #unacknowledged(): InviteError {
    return new InviteError("INVITE_UNACKNOWLEDGED", "the payload is written, but the sender could not be told", { kind: "outside", hint: "you have all of it: ask for no new code, and tell the sender that it arrived" });
  }

  #ended(event: WormholeEvent & { readonly type: "ended" }): KeyholeError {
    if (this.#isWritten) return this.#unacknowledged();
    const limited = limitErrorOf(event, "try again in a minute; the code is still good");
    if (limited !== undefined) return limited;
    const { reason, detail } = event;
    switch (reason) {
      case "wrong-guess":
        return new InviteError("INVITE_WRONG_CODE", "the code is wrong, or somebody else answered", { kind: "no", hint: "it cannot be tried again; ask for a new one" });
      case "crowded":
        return new InviteError("INVITE_CROWDED", "two others have used this code already", { kind: "no", hint: "tell the sender, and ask for a new one" });
      case "closed":
      case "silent-guess":
      case "reclaimed":
      case "lost":
      case "server-error":
        return new InviteError("INVITE_LOST", `the invite is lost: ${detail ?? reason}`, { kind: "outside", hint: "ask for a new code" });
    }
  }
}
