import type { Json } from "./json.ts";

/** How a client says that it ended. Source: magic-wormhole's docs, server-protocol.md. */
export type Mood = "happy" | "lonely" | "scary" | "errory" | "unwelcome";

/**
 * What a client says to a mailbox server, one JSON object in each text frame.
 * Source: magic-wormhole-mailbox-server, server_websocket.py.
 */
export type ClientMessage =
  | { readonly type: "submit-permissions"; readonly method: "hashcash"; readonly stamp: string }
  | {
      readonly type: "bind";
      readonly appid: string;
      readonly side: string;
      readonly client_version: readonly [name: string, version: string];
      /** Asks Keyhole's server for notices; others do not know it. */
      readonly keyhole?: { readonly watch: true };
    }
  | { readonly type: "list" }
  | { readonly type: "allocate" }
  | { readonly type: "claim"; readonly nameplate: string }
  | { readonly type: "release"; readonly nameplate: string }
  | { readonly type: "open"; readonly mailbox: string }
  | { readonly type: "add"; readonly phase: string; readonly body: string }
  | { readonly type: "close"; readonly mailbox: string; readonly mood: Mood }
  | { readonly type: "ping"; readonly ping: number };

export function encodeClientMessage(message: ClientMessage): string {
  return JSON.stringify(message satisfies Json);
}
