/**
 * Magic Wormhole for Node: one side of a wormhole over a mailbox server, its
 * codes and its keys. The state of a wormhole can be written down and gone on
 * with by another process.
 *
 * ```ts
 * const wormhole = new Wormhole(newReceiver({ appid, code: "7-guitarist-revenge" }), { url: "wss://relay.magic-wormhole.io/v1", signal });
 * for (;;) {
 *   const event = await wormhole.next(Date.now() + 120_000);
 *   if (event === "timeout" || event.type === "ended") break;
 *   if (event.type === "message") console.log(event.plaintext);
 * }
 * await wormhole.close("happy");
 * ```
 */
export { KeyholeError, UsageError, WormholeError, type ErrorKind } from "../errors.ts";

export { Wormhole, type Bounds, type WormholeOptions } from "./wormhole.ts";
export type { WormholeEvent } from "./event.ts";
export { newIssuer, newReceiver, type IssuerSetup, type Reason, type ReceiverSetup, type WormholeState } from "./state.ts";
export { encodeState, parseState } from "./state-text.ts";
export { listNameplates, type ListOptions } from "./list-nameplates.ts";

// Codes.
export { checkWords, findUnknownWords, makePassword, parseCode, type Code, type UnknownWord } from "./code.ts";

// The machine, for drivers of another kind.
export { step, type MachineEvent, type Step } from "./machine.ts";
export type { Context, Effect } from "./turn.ts";
export { encodeClientMessage, type ClientMessage, type Mood } from "./client-message.ts";
export { parseServerMessage, type Permission, type ServerMessage } from "./server-message.ts";

// Key agreement and boxes.
export { finishPake, randomScalar, startPake, type Pake } from "./spake2.ts";
export { deriveKey, derivePhaseKey, deriveVerifier } from "./keys.ts";
export { decryptBox, encryptBox } from "./secretbox.ts";
export type { Json } from "./json.ts";
