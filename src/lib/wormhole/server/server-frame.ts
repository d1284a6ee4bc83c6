import type { Json } from "../json.ts";
import type { Message } from "./mailbox.ts";
import type { Notice } from "./notices.ts";
import type { Reply } from "./session.ts";

/** What clients show or need before they bind. */
export interface Welcome {
  readonly motd?: string;
  readonly "your-address": { readonly port: number; readonly ipv4?: string; readonly ipv6?: string };
}

/** What the server says; messages have a form of their own. */
export type ServerFrame =
  | { readonly type: "welcome"; readonly welcome: Welcome }
  | { readonly type: "ack"; readonly id: Json }
  | (Reply & { readonly orig?: Json })
  | Notice;

/** @param now - in ms since 1970; clients get seconds */
export function encodeServerFrame(frame: ServerFrame, now: number): string {
  return JSON.stringify({ ...frame, server_tx: now / 1000 });
}

/** @param now - in ms since 1970; clients get seconds */
export function encodeMessage({ side, phase, body, id, received }: Message, now: number): string {
  return JSON.stringify({ type: "message", side, phase, body, server_rx: received / 1000, id: id === undefined ? null : (JSON.parse(id) as Json), server_tx: now / 1000 });
}
