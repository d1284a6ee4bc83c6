import { MIN_AUTHCODE_LENGTH } from "../lib/glome/tag-text.ts";
import type { CommandSpec, OptionSpec } from "./command-spec.ts";
import { CTAP_COMMANDS } from "./ctap/table.ts";
import { INVITE_COMMANDS } from "./invite/table.ts";

export const HELP: OptionSpec = { name: "help", short: "h", summary: "show this help" };

/** Taken by every command. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "json", summary: "write the result, or the error, as JSON" },
  { name: "quiet", short: "q", summary: "say nothing on standard error but errors" },
  { name: "verbose", short: "v", summary: "say more on standard error" },
  HELP,
];

const KEY: OptionSpec = { name: "key", short: "k", value: "FILE", summary: "private key file" };
const PEER: OptionSpec = { name: "peer", short: "p", value: "FILE", summary: "public key file of the other side" };
const COUNTER: OptionSpec = { name: "counter", short: "c", value: "N", default: "0", summary: "number of the message in its direction, 0 to 255" };
const PASSPHRASE_FILE: OptionSpec = {
  name: "passphrase-file",
  value: "FILE",
  env: "KEYHOLE_PASSPHRASE_FILE",
  summary: "read the passphrase of an encrypted private key from the first line of FILE",
};

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "genkey",
    summary: "make a private key",
    positionals: [],
    options: [
      { name: "out", short: "o", value: "FILE", summary: "write to a new FILE that only its owner can read" },
      { name: "format", value: "FORMAT", choices: ["raw", "pem"], summary: "32 raw bytes or PKCS#8 PEM; raw unless encrypted" },
      { name: "encrypt", summary: "put the key under a passphrase; PEM" },
      PASSPHRASE_FILE,
    ],
    examples: ["keyhole genkey --out 1-datacenter.key", "keyhole genkey | tee k | keyhole pubkey | tee k.pub"],
  },
  {
    name: "pubkey",
    summary: "print the public key of a private key",
    positionals: [],
    options: [
      { ...KEY, summary: "private key file; standard input where it is not given" },
      { name: "format", value: "FORMAT", choices: ["glome", "hex", "pem", "raw"], default: "glome", summary: "form of the public key" },
      PASSPHRASE_FILE,
    ],
    examples: ["keyhole pubkey --key 1-datacenter.key"],
  },
  {
    name: "tag",
    summary: "tag a message from standard input",
    positionals: [],
    options: [KEY, PEER, COUNTER, PASSPHRASE_FILE],
    examples: ["keyhole tag --key k --peer peer.pub <message"],
  },
  {
    name: "verify",
    summary: "check the tag of a message from standard input",
    positionals: [],
    options: [
      KEY,
      PEER,
      COUNTER,
      { name: "tag", short: "t", value: "TAG", summary: "the tag, whole or cut short" },
      { name: "min-tag-length", value: "N", default: String(MIN_AUTHCODE_LENGTH), summary: "fewest characters of a tag to accept, 2 to 44" },
      PASSPHRASE_FILE,
    ],
    examples: ["keyhole verify --key k --peer peer.pub --tag nEQ4n0YtNd <message"],
  },
  {
    name: "login",
    summary: "answer a GLOME Login challenge with an authcode",
    positionals: [{ name: "CHALLENGE", optional: true }],
    options: [
      { ...KEY, many: true, summary: "private key file; may be given several times" },
      { name: "keyring", value: "DIR", env: "KEYHOLE_KEYRING", summary: "directory of INDEX-LABEL.key files to choose from" },
      { name: "policy", value: "FILE", env: "KEYHOLE_POLICY", summary: "answer only what the JSON policy in FILE allows" },
      { name: "audit", value: "FILE", env: "KEYHOLE_AUDIT", summary: "record every answer and refusal in FILE" },
      { name: "length", value: "N", default: "44", summary: "cut the authcode to N characters, 10 to 44" },
      { name: "group", summary: "write the authcode in groups of four, for reading aloud" },
      { name: "qr", summary: "show the authcode as a QR code on standard error" },
      { name: "show", summary: "show the request and give no authcode; needs no key" },
      { name: "batch", summary: "answer challenges from standard input, one a line, with one JSON line each" },
      { name: "yes", short: "y", summary: "do not ask before answering" },
      PASSPHRASE_FILE,
    ],
    examples: [
      "keyhole login --key 1-datacenter.key v2/gYUg8AmJMKdUdIt93LQ-91oNvzoNJjga9OukqY6qm05q/myhost/shell=root/",
      "keyhole login --show v2/gYUg8AmJMKdUdIt93LQ-91oNvzoNJjga9OukqY6qm05q/myhost/shell=root/",
    ],
  },
  {
    name: "challenge new",
    summary: "make a challenge, as a machine that asks to be let in",
    positionals: [],
    options: [
      { ...PEER, summary: "public key file of the service" },
      { name: "host", value: "HOST", summary: "name of the machine" },
      { name: "host-type", value: "TYPE", summary: "kind of name, say serial; a host name where it is not given" },
      { name: "action", value: "ACTION", summary: "what is asked for, say shell=root" },
      { name: "index", value: "N", summary: "name the service key by index, 0 to 127" },
      { name: "prefix", summary: "name the service key by its prefix byte; this is so without --index" },
      { name: "tag-prefix", value: "BYTES", default: "0", summary: "send this many bytes of message tag along, 0 to 32" },
      { name: "protocol", value: "VERSION", choices: ["v1", "v2"], default: "v2", summary: "GLOME Login protocol" },
      { name: "state", value: "FILE", summary: "new file that keeps what challenge check needs" },
      { name: "config", value: "FILE", summary: "take key, index, prompt and host from a glome-login configuration" },
      { name: "qr", summary: "show the challenge as a QR code on standard error" },
    ],
    examples: ["keyhole challenge new --peer k.pub --host myhost --action shell=root --index 1 --state attempt"],
  },
  {
    name: "challenge check",
    summary: "check the authcode for a challenge, once",
    positionals: [{ name: "CODE" }],
    options: [
      { name: "state", value: "FILE", summary: "file that challenge new wrote; it is used up" },
      { name: "min-authcode-length", value: "N", default: String(MIN_AUTHCODE_LENGTH), summary: "fewest characters of an authcode to accept, 10 to 44" },
    ],
    examples: ["keyhole challenge check --state attempt -- nEQ4n0YtNd"],
  },
  {
    name: "challenge lint",
    summary: "say what is wrong with a glome-login configuration",
    positionals: [{ name: "FILE" }],
    options: [],
    examples: ["keyhole challenge lint /etc/glome/config"],
  },
  {
    name: "audit verify",
    summary: "check that no line of an audit file was changed, dropped or moved",
    positionals: [{ name: "FILE" }],
    options: [{ name: "known-hash", value: "HASH", summary: "hash that an earlier verify printed, which must still be in the chain" }],
    examples: ["keyhole audit verify audit.jsonl"],
  },
  ...CTAP_COMMANDS,
  ...INVITE_COMMANDS,
  {
    name: "completion",
    summary: "print a completion script for a shell",
    positionals: [{ name: "SHELL" }],
    options: [],
    examples: ["keyhole completion bash >/etc/bash_completion.d/keyhole"],
  },
  {
    name: "demo",
    summary: "show the whole way from a key to an authcode, in a directory that is removed again",
    positionals: [],
    options: [],
    examples: ["keyhole demo"],
  },
];

/** The shells that `keyhole completion` knows. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

export function optionsOf(command: CommandSpec): readonly OptionSpec[] {
  return [...command.options, ...COMMON_OPTIONS];
}
