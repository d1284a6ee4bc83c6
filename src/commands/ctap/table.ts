import type { CommandSpec, OptionSpec } from "../command-spec.ts";

const TRACE: OptionSpec = { name: "trace", value: "FILE", summary: "record the conversation into a new FILE, secrets and all" };

/** Taken by every command that talks to a card. */
export const CARD_OPTIONS: readonly OptionSpec[] = [
  { name: "device", short: "d", value: "DEVICE", env: "KEYHOLE_DEVICE", summary: "card to talk to: hidraw:PATH, udp:HOST:PORT[,REPLYPORT], tcp:HOST:PORT or virtual:[FILE]; without it, the only one there is" },
  { name: "timeout", value: "SECONDS", default: "30", summary: "how long a person may take to touch the card" },
  { name: "lenient", summary: "take CBOR answers that carry the command of MSG, as from Qubes' CTAP proxy" },
  TRACE,
];

/** Not from the environment: what a program is told to talk to shall not hide what is there. */
const LIST: readonly OptionSpec[] = [{ name: "device", short: "d", value: "DEVICE", summary: "show this card alone: a HID node, as /dev/hidraw0" }, TRACE];

const PIN_PROTOCOL: OptionSpec = { name: "pin-protocol", value: "N", choices: ["1", "2"], summary: "PIN/UV protocol, against the card's preference" };

/** Taken by the commands for which a card may want a PIN. */
export const PIN_OPTIONS: readonly OptionSpec[] = [
  { name: "pin-file", value: "FILE", env: "KEYHOLE_PIN_FILE", summary: "read the card's PIN from the first line of FILE" },
  PIN_PROTOCOL,
];

const UV: OptionSpec = { name: "uv", value: "WHEN", choices: ["required", "preferred", "discouraged"], default: "preferred", summary: "user verification, by PIN or on the card" };

const RP_ID: OptionSpec = { name: "rp-id", value: "ID", summary: "relying party, as example.com" };

const CLIENT_DATA: readonly OptionSpec[] = [
  { name: "client-data-hash", value: "HEX", summary: "SHA-256 of the client data; random where neither it nor a challenge is given" },
  { name: "challenge", value: "TEXT", summary: "challenge in base64url, for client data made here" },
  { name: "origin", value: "ORIGIN", summary: "origin for client data made here, as https://example.com" },
  { name: "webauthn-json", summary: "print what a WebAuthn server takes; needs --challenge and --origin" },
];

const U2F: OptionSpec = { name: "u2f", summary: "use CTAP1 (U2F) even where the card has CTAP2" };

const NEW_PIN_FILE: OptionSpec = { name: "new-pin-file", value: "FILE", summary: "read the new PIN from the first line of FILE" };

const YES: OptionSpec = { name: "yes", short: "y", summary: "do not ask" };

const CREDENTIAL_FILE: OptionSpec = { name: "credential", value: "FILE", summary: "credential file of ctap make-credential --large-blob-key --out" };

const SEND: readonly OptionSpec[] = [
  { name: "cbor", value: "COMMAND", summary: "send a CTAP2 command, a hexadecimal byte, with the parameters of HEX" },
  { name: "msg", value: "APDU", summary: "send a CTAP1 message, in hexadecimal" },
  { name: "hid", value: "COMMAND", summary: "send a CTAPHID command, a hexadecimal byte, with the data of HEX" },
];

function card(name: string, summary: string, options: readonly OptionSpec[], positionals: readonly string[], examples: readonly string[]): CommandSpec {
  return spec(name, summary, [...options, ...CARD_OPTIONS], positionals, examples);
}

function cardWithPin(name: string, summary: string, options: readonly OptionSpec[], positionals: readonly string[], examples: readonly string[]): CommandSpec {
  return card(name, summary, [...options, ...PIN_OPTIONS], positionals, examples);
}

/** @param positionals - one that may be left out as `[HEX]` */
function spec(name: string, summary: string, options: readonly OptionSpec[], positionals: readonly string[], examples: readonly string[]): CommandSpec {
  const words = positionals.map((word) => (word.startsWith("[") ? { name: word.slice(1, -1), optional: true } : { name: word }));
  return { name: `ctap ${name}`, summary, positionals: words, options, examples: examples.map((example) => `keyhole ctap ${example}`) };
}

/** The commands for security keys. */
export const CTAP_COMMANDS: readonly CommandSpec[] = [
  spec("list", "list the HID interfaces of security keys and who may open them", LIST, [], ["list"]),
  card("probe", "find out what is wrong with a security key and what to do", [], [], ["probe", "probe --device virtual: --json"]),
  card("info", "show what a security key says of itself", [], [], ["info", "info --device virtual:"]),
  cardWithPin(
    "make-credential",
    "make a credential on a security key",
    [
      RP_ID,
      { name: "rp-name", value: "NAME", summary: "name of the relying party" },
      { name: "user-name", value: "NAME", summary: "name of the account" },
      { name: "user-display-name", value: "NAME", summary: "name of the person" },
      { name: "user-id", value: "HEX", summary: "user handle, 1 to 64 bytes; random where it is not given" },
      ...CLIENT_DATA,
      { name: "alg", value: "ALGS", default: "es256", summary: "algorithms in order of preference: es256, eddsa, es384, with commas between" },
      { name: "discoverable", summary: "keep the credential on the card, so that it is found without its id" },
      { name: "exclude", value: "CREDENTIAL", many: true, summary: "refuse where the card holds this credential: a credential file or an id" },
      { name: "cred-protect", value: "LEVEL", choices: ["1", "2", "3"], summary: "when the credential may be used without user verification" },
      { name: "hmac-secret", summary: "let the credential derive secrets" },
      { name: "large-blob-key", summary: "give the credential a key for a large blob; needs --discoverable" },
      { name: "enterprise", value: "KIND", choices: ["1", "2"], summary: "ask for enterprise attestation: 1 as the vendor, 2 as the platform arranged it" },
      UV,
      U2F,
      { name: "out", short: "o", value: "FILE", summary: "keep the credential in a new FILE for later assertions" },
    ],
    [],
    ["make-credential --rp-id example.com --user-name alice --out alice.cred", "make-credential --device virtual: --rp-id example.com --user-name alice"],
  ),
  cardWithPin(
    "get-assertion",
    "have a credential of a security key sign",
    [
      RP_ID,
      { name: "credential", value: "CREDENTIAL", many: true, summary: "credential that may sign: a credential file or an id; without any, a discoverable one" },
      ...CLIENT_DATA,
      { name: "no-touch", summary: "do not ask for a touch" },
      { name: "hmac-secret", value: "SALTFILE", summary: "derive secrets from the 32 or 64 bytes of SALTFILE" },
      { name: "hmac-secret-out", value: "FILE", summary: "write the derived secrets to a new FILE" },
      { name: "large-blob-key", summary: "fetch the key for the credential's large blob" },
      UV,
      U2F,
    ],
    [],
    ["get-assertion --rp-id example.com --credential alice.cred"],
  ),
  card("pin set", "give a security key its first PIN", [NEW_PIN_FILE, PIN_PROTOCOL], [], ["pin set"]),
  cardWithPin("pin change", "change the PIN of a security key", [NEW_PIN_FILE], [], ["pin change"]),
  card("pin retries", "show how many wrong PINs a security key still takes", [], [], ["pin retries"]),
  card("uv-retries", "show how many failed verifications on the card it still takes", [], [], ["uv-retries"]),
  cardWithPin("credentials list", "list the discoverable credentials of a security key", [RP_ID], [], ["credentials list", "credentials list --rp-id example.com --pin-file pin"]),
  cardWithPin("credentials show", "show one discoverable credential", [], ["ID"], ["credentials show 8f3a5c"]),
  cardWithPin("credentials delete", "delete one discoverable credential", [], ["ID"], ["credentials delete 8f3a5c"]),
  cardWithPin(
    "credentials update-user",
    "change the names kept with a discoverable credential",
    [
      { name: "user-name", value: "NAME", summary: "new name of the account" },
      { name: "user-display-name", value: "NAME", summary: "new name of the person" },
    ],
    ["ID"],
    ["credentials update-user 8f3a5c --user-name alice"],
  ),
  cardWithPin("bio list", "list the fingerprints of a security key", [], [], ["bio list"]),
  cardWithPin("bio enroll", "teach a security key a fingerprint", [{ name: "name", value: "NAME", summary: "name of the new fingerprint" }], [], ["bio enroll --name thumb"]),
  cardWithPin("bio rename", "name a fingerprint", [], ["ID", "NAME"], ["bio rename 0001 thumb"]),
  cardWithPin("bio delete", "delete a fingerprint", [], ["ID"], ["bio delete 0001"]),
  card("blobs list", "list the large blobs of a security key", [], [], ["blobs list"]),
  card("blobs get", "read the large blob of a credential", [CREDENTIAL_FILE, { name: "out", short: "o", value: "FILE", summary: "write to a new FILE" }], [], ["blobs get --credential alice.cred --out blob"]),
  cardWithPin("blobs set", "write the large blob of a credential", [CREDENTIAL_FILE, { name: "in", short: "i", value: "FILE", summary: "file to write; standard input where it is not given" }], [], ["blobs set --credential alice.cred --in blob"]),
  cardWithPin("blobs delete", "delete the large blob of a credential", [CREDENTIAL_FILE], [], ["blobs delete --credential alice.cred"]),
  cardWithPin("config always-uv", "always ask for user verification, or stop that", [], ["STATE"], ["config always-uv on"]),
  cardWithPin(
    "config min-pin-length",
    "set the least length of a security key's PIN",
    [
      { name: "rp-id", value: "ID", many: true, summary: "relying party that may see the length" },
      { name: "force-change", summary: "have the PIN changed before its next use" },
    ],
    ["N"],
    ["config min-pin-length 6"],
  ),
  cardWithPin("config enterprise-attestation", "let a security key attest to its enterprise", [], ["STATE"], ["config enterprise-attestation on"]),
  card("selection", "wait for a touch, to see which card is which", [], [], ["selection"]),
  card("wink", "have a security key blink", [], [], ["wink"]),
  card(
    "ping",
    "measure the way to a security key",
    [
      { name: "count", value: "N", default: "10", summary: "how many messages" },
      { name: "size", value: "BYTES", default: "64", summary: "length of each, 0 to 7609" },
    ],
    [],
    ["ping --count 3 --device virtual:"],
  ),
  card("reset", "erase a security key", [YES], [], ["reset"]),
  card("send", "send raw bytes to a security key", SEND, ["[HEX]"], ["send --cbor 04 --device virtual:", "send --msg 00030000000000", "send --hid 01 0102030405"]),
  spec("trace show", "render a recorded conversation for reading", [], ["FILE"], ["trace show conversation.jsonl"]),
  spec("trace redact", "make a recorded conversation fit for a bug report", [], ["FILE"], ["trace redact conversation.jsonl"]),
  spec(
    "virtual",
    "run a software authenticator, for tests and learning",
    [
      { name: "udp", value: "PORT", summary: "listen on this UDP port of the loopback; PORT,REPLYPORT answers to another port" },
      { name: "uhid", summary: "be a /dev/hidraw node of this Linux" },
      { name: "state", value: "FILE", summary: "keep credentials and PIN in FILE" },
      { name: "approve", value: "WHEN", default: "always", summary: "when to take a touch as given: always, never, ask or after:MS" },
    ],
    [],
    ["virtual --udp 8111,7112", "virtual --uhid --approve ask"],
  ),
];
