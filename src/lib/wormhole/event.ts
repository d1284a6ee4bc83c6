import { bytesOfHex } from "./hex.ts";
import type { Reason, StoredEvent } from "./state.ts";

/** What a wormhole tells its application. */
export type WormholeEvent =
  /** With every message of the day that the server has not said before. */
  | { readonly type: "welcome"; readonly motd?: string }
  /** The server gave a nameplate. */
  | { readonly type: "code"; readonly code: string }
  /** Another side's pake came: the code is used up, whoever it was. */
  | { readonly type: "contacted" }
  /** The other side knows the code. */
  | { readonly type: "verified"; readonly verifier: Uint8Array; readonly appVersions: unknown }
  | { readonly type: "message"; readonly index: number; readonly plaintext: Uint8Array }
  /** The server has stored our message of this index. */
  | { readonly type: "stored"; readonly index: number }
  | { readonly type: "notice"; readonly notice: "crowded" | "silent-claim" }
  | { readonly type: "ended"; readonly reason: Reason; readonly detail?: string };

/** From the form that is written down. */
export function eventOf(event: StoredEvent): WormholeEvent {
  switch (event.type) {
    case "welcome":
      return { type: "welcome", ...(event.motd === null ? {} : { motd: event.motd }) };
    case "verified":
      return { ...event, verifier: bytesOfHex(event.verifier) };
    case "message":
      return { ...event, plaintext: bytesOfHex(event.plaintext) };
    case "ended":
      return { type: "ended", reason: event.reason, ...(event.detail === null ? {} : { detail: event.detail }) };
    default:
      return event;
  }
}
