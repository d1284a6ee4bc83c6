import { readFileSync } from "node:fs";
import { encodeUtf8 } from "../../src/lib/text.ts";
import { newIssuer, newReceiver, type WormholeState } from "../../src/lib/wormhole/state.ts";
import type { Corpus } from "./corpus.ts";

const DIRECTORY = "test/vectors/wormhole";

interface Transcript {
  readonly transcript: readonly { readonly dir: "client" | "server"; readonly msg: object }[];
}

interface Exchange {
  readonly appid: string;
  readonly code: string;
  readonly spake2: { readonly receiver_scalar_le_hex: string };
  readonly messages: readonly { readonly side: string; readonly phase: string; readonly plaintext_utf8: string; readonly body_hex: string }[];
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(`${DIRECTORY}/${name}.json`, "utf8"));
}

/** @throws {RangeError} where there is none: the corpus would test nothing */
function corpus(texts: readonly string[]): Corpus {
  const [first, ...rest] = new Set(texts);
  if (first === undefined) throw new RangeError("the vectors hold nothing of this kind");
  return [encodeUtf8(first), ...rest.map(encodeUtf8)];
}

const { transcript } = read("mailbox-transcript") as Transcript;

function framesOf(wanted: "client" | "server", more: readonly object[]): readonly string[] {
  return [...transcript.filter(({ dir }) => dir === wanted).map(({ msg }) => msg), ...more].map((message) => JSON.stringify(message));
}

const exchange = read("full-exchange-text") as Exchange;
const [{ side: sender } = { side: "" }, { side: receiver } = { side: "" }] = exchange.messages;

/** The plaintexts that the sender of the vector sends, by phase. */
export const SENT_PLAINTEXTS: ReadonlyMap<string, string> = new Map(exchange.messages.filter(({ side }) => side === sender).map(({ phase, plaintext_utf8 }) => [phase, plaintext_utf8]));

/** What proves that the sender of the vector knows the code. */
export const PROOFS: ReadonlySet<string> = new Set(exchange.messages.filter(({ side, phase }) => side === sender && phase !== "pake").map(({ body_hex }) => body_hex));

/** The receiver of the vector, before anything was said. */
export const RECEIVER: WormholeState = { ...newReceiver({ appid: exchange.appid, code: exchange.code }), side: receiver, scalar: exchange.spake2.receiver_scalar_le_hex };

/** What the sender of the vector sends in a phase, in hex. */
export function bodyOf(phase: string): string {
  return exchange.messages.find((message) => message.side === sender && message.phase === phase)?.body_hex ?? "";
}

function fromSender(phase: string, body = bodyOf(phase)): object {
  return { type: "message", side: sender, phase, body };
}

/** What clients say to mailbox servers. */
export const CLIENT_FRAMES: Corpus = corpus(
  framesOf("client", [
    { type: "bind", appid: "fuzz", side: "a1b2c3d4e5", client_version: ["keyhole", "1"], keyhole: { watch: true } },
    { type: "submit-permissions", method: "hashcash", stamp: "1:20:260131:resource::rand:0" },
    { type: "ping", ping: 7, id: "id" },
    { type: "list" },
    { type: "allocate" },
    { type: "claim", nameplate: "77" },
    { type: "release", nameplate: "77" },
    { type: "open", mailbox: "fuzzmailbox" },
    { type: "add", phase: "pake", body: "7b7d", id: { a: [1] } },
    { type: "add", phase: "0", body: "00".repeat(200) },
    { type: "close", mailbox: "fuzzmailbox", mood: "happy" },
  ]),
);

/** What mailbox servers say. */
export const SERVER_FRAMES: Corpus = corpus(
  framesOf("server", [
    { type: "welcome", welcome: { motd: "hello", current_cli_version: "0.24.0", "your-address": "127.0.0.1" }, server_tx: 1.5 },
    { type: "welcome", welcome: { error: "go away" } },
    { type: "welcome", welcome: { "permission-required": { none: {}, hashcash: { bits: 4, resource: "r" } } } },
    { type: "welcome", welcome: { "permission-required": { hashcash: { bits: 4, resource: "r" } } } },
    { type: "nameplates", nameplates: [{ id: "7" }, { id: "12" }] },
    { type: "keyhole-notice", notice: "silent-claim", side: "a1b2c3d4e5" },
    { type: "ack", id: null },
    { type: "pong", pong: 0 },
    fromSender("pake"),
    fromSender("version"),
    fromSender("0"),
  ]),
);

const GREETING = [{ type: "welcome", welcome: {} }, { type: "ack" }, { type: "claimed", mailbox: "m" }];

/** What happens to a receiver, a line each: frames of the server, and words for the rest. */
export const CONVERSATIONS: Corpus = corpus(
  [
    ["connected", ...GREETING, fromSender("pake"), fromSender("version"), fromSender("0"), "send", "taken", { type: "released" }, "close", { type: "closed" }],
    ["connected", ...GREETING, fromSender("pake"), "disconnected", "connected", ...GREETING, { type: "pong" }, fromSender("pake"), fromSender("version"), fromSender("0"), "tick"],
    ["connected", ...GREETING, fromSender("0"), fromSender("version"), fromSender("pake"), "taken", "taken", "give-up"],
    ["connected", ...GREETING, fromSender("pake"), fromSender("version", "00".repeat(40)), { type: "released" }, { type: "closed" }],
    ["connected", ...GREETING, { type: "error", error: "crowded", orig: { type: "open" } }, { type: "released" }],
    ["connected", { type: "welcome", welcome: { "permission-required": { hashcash: { bits: 4, resource: "r" } } } }, "minted", ...GREETING.slice(2), { type: "keyhole-notice", notice: "crowded" }],
    ["connected", ...GREETING, { type: "message", side: receiver, phase: "pake", body: "7b7d" }, "tick"],
  ].map((lines) => lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n")),
);

/** States as they are written down. */
export const STATES: Corpus = corpus(
  [
    RECEIVER,
    newIssuer({ appid: exchange.appid, appVersions: { a: [1] }, words: 3 }),
    {
      ...RECEIVER,
      mailbox: "m",
      key: "00".repeat(32),
      peer: sender,
      guessDeadline: 1_700_000_000_000,
      outbox: [{ phase: "pake", body: "7b7d", isStored: true }],
      unopened: [{ side: sender, phase: "0", body: null }],
      ahead: [{ index: 1, plaintext: "00" }],
      events: [{ type: "contacted" }, { type: "stored", index: 0 }, { type: "ended", reason: "lost", detail: null }],
      ending: { reason: "lost", mood: "errory", detail: "gone" },
      connection: { ...RECEIVER.connection, stage: "bound", asked: ["claim", "open"], missing: ["pake"] },
    },
  ].map((state) => JSON.stringify(state)),
);

export const CODES: Corpus = corpus(["7-guitarist-revenge", "0-a", "0007-crossover-clockwork-x", `${"1".repeat(40)}-é`, "12-日本-😀", "3-e\u0301-b", "4-purple-sausages", "7 guitarist", "7–guitarist"]);

export const MAILBOX_URLS: Corpus = corpus(["ws://relay.magic-wormhole.io:4000/v1", "wss://relay.example/v1?x=1", "ws://[::1]:4000/v1", "ws://127.0.0.1/v1", "wss://user:secret@host/v1#x", "https://example.org/"]);

/** Messages of applications. */
export const PLAINTEXTS: Corpus = corpus(
  [
    { offer: { message: "hello" } },
    { offer: { message: '{"a": 1}' } },
    { offer: { file: { filename: "a", filesize: 1 } } },
    { answer: { message_ack: "ok" } },
    { error: "rejected" },
    { abilities: { "server-v1": {} } },
    { abilities: { "client-v1": {} } },
    { "shares-needed": "3", "shares-total": "10", "shares-happy": "7", nickname: "bob", introducer: "pb://x" },
    { kind: "join-folder", protocol: "invite-v1", "folder-name": "f", collective: "URI:DIR2-RO:aaaa:bbbb", "participant-name": "p", mode: "read-write" },
    { kind: "join-folder-accept", protocol: "invite-v1", personal: "URI:DIR2-RO:cccc:dddd" },
    { kind: "join-folder-reject", protocol: "invite-v1", "reject-reason": "no" },
    { kind: "join-folder-ack", protocol: "invite-v1", success: true },
  ].map((message) => JSON.stringify(message)),
);

/** What a server sends once it speaks WebSocket: whole messages, in parts, and control frames. */
export const SERVER_BYTES: Corpus = [
  Buffer.concat([head(0x81, 5), Buffer.from("hello")]),
  Buffer.concat([head(0x01, 2), Buffer.from("he"), head(0x89, 1), Buffer.from("!"), head(0x80, 3), Buffer.from("llo")]),
  Buffer.concat([head(0x81, 200), Buffer.alloc(200, "x"), head(0x8a, 0), head(0x88, 2), Buffer.from([0x03, 0xe8])]),
  Buffer.concat([Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 3]), Buffer.from("abc"), head(0x82, 1), Buffer.from([0])]),
];

function head(first: number, length: number): Buffer {
  return length > 125 ? Buffer.from([first, 126, length >> 8, length & 255]) : Buffer.from([first, length]);
}

export const HANDSHAKES: Corpus = corpus([
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  "HTTP/1.1 404 Not Found\r\nContent-Length: 0",
  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5",
]);
