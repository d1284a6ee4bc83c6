import type { CommandSpec, OptionSpec } from "../command-spec.ts";

/** The shapes in which a payload travels, as programs elsewhere speak them. */
export const FORMATS = ["json", "text", "tahoe", "magic-folder"] as const;

export const DEFAULT_LISTEN = "127.0.0.1:4000";

/** Taken by both sides of an invite. */
const WORMHOLE_OPTIONS: readonly OptionSpec[] = [
  { name: "mailbox", value: "URL", env: "KEYHOLE_MAILBOX", summary: "mailbox server, as wss://host/v1; without it WORMHOLE_RELAY_URL, then the public one" },
  { name: "appid", value: "ID", summary: "application to meet, where it is not that of the format" },
  { name: "format", value: "FORMAT", choices: FORMATS, default: "json", summary: "what the other program speaks" },
  { name: "any-words", summary: "take a code whose words are not in the list" },
  { name: "verify", summary: "show the verifier and ask whether the other side has the same" },
  { name: "yes", short: "y", summary: "with --verify, show the verifier and do not ask; else of no effect" },
];

/** The commands for invites. */
export const INVITE_COMMANDS: readonly CommandSpec[] = [
  {
    name: "invite create",
    summary: "issue a single-use code for a payload, and wait until it is used",
    positionals: [{ name: "FILE", optional: true }],
    options: [
      { name: "text", value: "STRING", summary: "the payload itself" },
      { name: "ttl", value: "DURATION", default: "15m", summary: "how long the code holds: 90s, 15m, 12h" },
      { name: "words", value: "N", default: "2", summary: "words in the code, 1 to 16" },
      { name: "code", value: "CODE", summary: "use this code, chosen by both sides, instead of a new one" },
      { name: "count", value: "N", default: "1", summary: "issue N codes for the same payload, 1 to 1000" },
      { name: "lines", summary: "issue a code for each line of standard input, a JSON document each" },
      { name: "local", summary: "run a mailbox server for the time of the call" },
      { name: "listen", value: "HOST:PORT", summary: "where the server of --local listens; without it on all private addresses, at a free port" },
      { name: "qr", summary: "show the code as a QR code too" },
      { name: "allow-large", summary: "send payloads that some programs hang on, beyond 16000 bytes" },
      ...WORMHOLE_OPTIONS,
    ],
    examples: ["keyhole invite create grid.json", "keyhole invite create --text 'the door code is 4711' --format text", "keyhole invite create --local --ttl 10m grid.json"],
  },
  {
    name: "invite accept",
    summary: "receive what a code stands for",
    positionals: [{ name: "CODE", optional: true }],
    options: [
      { name: "out", short: "o", value: "FILE", summary: "write to a new FILE that only its owner can read" },
      { name: "timeout", value: "DURATION", default: "2m", summary: "how long to wait for the sender: 30s, 2m" },
      { name: "personal", value: "FILE", summary: "send back the capability in FILE, of a directory of one's own; for magic-folder" },
      ...WORMHOLE_OPTIONS,
    ],
    examples: ["keyhole invite accept 7-guitarist-revenge", "keyhole invite accept --out grid.json 7-guitarist-revenge"],
  },
  {
    name: "invite mailbox",
    summary: "run a mailbox server",
    positionals: [],
    options: [
      { name: "listen", value: "HOST:PORT", default: DEFAULT_LISTEN, summary: "where to listen; port 0 takes a free one" },
      { name: "db", value: "DB", env: "KEYHOLE_MAILBOX_DB", summary: "SQLite file, postgres:// URL, or :memory:; without it mailbox.db in the state directory" },
      { name: "idle", value: "DURATION", default: "11m", summary: "when a mailbox without activity or subscriber is removed" },
      { name: "motd", value: "TEXT", summary: "message that clients show" },
      { name: "disallow-list", summary: "answer list with nothing" },
      { name: "max-connections", value: "N", default: "10000", summary: "connections at a time, 1 to 1000000" },
      { name: "max-message", value: "BYTES", default: "8388608", summary: "longest frame to take" },
      { name: "claims-per-minute", value: "N", summary: "claims and allocations for each address; 60, and none for loopback, unless given" },
      { name: "tls-cert", value: "FILE", summary: "certificate chain in PEM; needs --tls-key" },
      { name: "tls-key", value: "FILE", summary: "private key in PEM; needs --tls-cert" },
    ],
    examples: ["keyhole invite mailbox", "keyhole invite mailbox --listen 0.0.0.0:4000 --db /var/lib/keyhole/mailbox.db"],
  },
  {
    name: "invite code check",
    summary: "say whether a code can be one, without trying it",
    positionals: [{ name: "CODE" }],
    options: [{ name: "any-words", summary: "take a code whose words are not in the list" }],
    examples: ["keyhole invite code check 7-guitarist-revenge"],
  },
  {
    name: "invite words",
    summary: "print the words of which codes are made",
    positionals: [],
    options: [],
    examples: ["keyhole invite words"],
  },
];
