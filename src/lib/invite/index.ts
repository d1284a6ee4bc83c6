/**
 * Invites for Node: a payload for a code that works once, in the formats of the
 * programs that people have.
 *
 * ```ts
 * await issue(newInvite({ format: "json", payload: '{"grid": "pb://…"}', ttlMs: 900_000 }), {
 *   url: "wss://relay.magic-wormhole.io/v1",
 *   onEvent: ({ event, code }) => console.log(event, code),
 * });
 * await accept({ format: "json", code: "7-guitarist-revenge" }, {
 *   url: "wss://relay.magic-wormhole.io/v1",
 *   timeoutMs: 120_000,
 *   write: (payload) => console.log(payload),
 * });
 * ```
 */
export { InviteError, KeyholeError, type ErrorKind } from "../errors.ts";

export { issue, newInvite, type Invite, type IssueOptions, type IssueState } from "./issue.ts";
export { accept, type Acceptance, type AcceptOptions } from "./accept.ts";
export { END, type EventName, type InviteEvent } from "./events.ts";
export { checkPayload, MAX_LARGE_LENGTH, MAX_PLAINTEXT_LENGTH, parsePayloadLine } from "./payload.ts";

// A mailbox server within the process.
export { startLocalServer, type LocalServer, type LocalServerOptions } from "./local-server.ts";

// The dialogs, for drivers of another kind.
export { FORMATS, type FormatName } from "./formats/formats.ts";
export { startDialog, type AcceptOutcome, type AcceptStep, type DialogEvent, type DialogState, type Format, type IssueOutcome, type IssueStep, type JsonObject } from "./formats/format.ts";
