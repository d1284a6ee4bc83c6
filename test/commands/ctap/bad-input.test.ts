import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { getAssertion } from "../../../src/commands/ctap/get-assertion.ts";
import { makeCredential } from "../../../src/commands/ctap/make-credential.ts";
import { pinChange, pinSet } from "../../../src/commands/ctap/pin.ts";
import { parseWords } from "../../../src/commands/command-line.ts";
import type { Arguments } from "../../../src/commands/arguments.ts";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { getInfo, recordingCard } from "../../support/ctap.ts";
import { keyhole, temporaryDirectory, writeFiles } from "../../support/keyhole.ts";
import { commandNamed } from "../words.ts";

// What the command line names is read and checked before anything is sent.

const HASH = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const cwd = temporaryDirectory(t);
keyhole(["ctap", "make-credential", "--device", "virtual:", "--rp-id", "example.com", "--user-name", "alice", "--out", "alice.cred"], { cwd });
mkdirSync(join(cwd, "directory"));
writeFiles(cwd, {
  pin: "7392\n", short: "123\n", empty: "", long: `${"1".repeat(64)}\n`, "not-nfc": "cafe\u0301s\n", latin1: Uint8Array.of(0x63, 0x61, 0x66, 0xe9), nul: "12\u000034",
  "of-ssh": "ssh-ed25519 AAAA alice\n", "of-fido2-cred": "aGFzaA==\nexample.com\nfmt\nYXV0aA==\n", list: "[]", cut: readFileSync(join(cwd, "alice.cred")).subarray(0, 100),
  salt31: new Uint8Array(31), salt33: new Uint8Array(33), salt65: new Uint8Array(65), salt32: new Uint8Array(32), salt2000: new Uint8Array(2000),
});
const file = (name: string): string => join(cwd, name);

const PINS = ["short", "empty", "long", "not-nfc", "latin1", "nul", "nosuch", "directory"];
const CREDENTIALS = ["nosuch.cred", "directory", "of-ssh", "of-fido2-cred", "list", "cut"];
const IDS = ["not an id", "A", "ABC", "", "!", "AAAA=", "00".repeat(1024)];

type Lines = readonly (readonly [words: readonly string[], code: string])[];

const of = (code: string, option: string, values: readonly string[]): Lines => values.map((value) => [[option, value], code]);

const CLIENT_DATA: Lines = [
  ...of("USAGE_CLIENT_DATA_HASH", "--client-data-hash", ["", "00", HASH.slice(2), `${HASH}00`, `${HASH.slice(1)}g`]),
  [["--challenge", "YQ"], "USAGE_CLIENT_DATA"],
  [["--origin", "https://example.com"], "USAGE_CLIENT_DATA"],
  [["--challenge", "YQ", "--origin", "https://example.com", "--client-data-hash", HASH], "USAGE_CLIENT_DATA"],
  [["--webauthn-json"], "USAGE_CLIENT_DATA"],
  [["--webauthn-json", "--client-data-hash", HASH], "USAGE_CLIENT_DATA"],
  ...["Y Q", "", "Y", "YR", "a+b/"].map((challenge) => [["--challenge", challenge, "--origin", "https://example.com"], "USAGE_CHALLENGE"] as const),
  ...["example", "", "https://example.com/", "https://example.com:443", "HTTPS://example.com", "https://example.com/login"].map((origin) => [["--challenge", "YQ", "--origin", origin], "USAGE_ORIGIN"] as const),
];

const COMMON: Lines = [
  ...of("USAGE_CHOICE", "--uv", ["maybe", ""]),
  ...of("USAGE_CHOICE", "--pin-protocol", ["3", "0", "one"]),
  ...of("USAGE_NUMBER", "--timeout", ["0", "1e3", "-1", "", "86401"]),
  ...of("USAGE_DEVICE", "--device", ["serial:/dev/ttyS0", "udp:localhost", "hidraw:", "xyzzy", ""]),
  ...PINS.slice(0, 6).map((name) => [["--pin-file", file(name)], "CTAP_PIN"] as const),
  ...PINS.slice(6).map((name) => [["--pin-file", file(name)], "FILE_READ"] as const),
];

const named = (option: string): Lines => [
  ...CREDENTIALS.slice(0, 2).map((name) => [[option, file(name)], "FILE_READ"] as const),
  ...CREDENTIALS.slice(2).map((name) => [[option, file(name)], "CTAP_CREDENTIAL_FILE"] as const),
  ...IDS.map((id) => [[option, id], /[^\w=-]|^$/.test(id) ? "FILE_READ" : "CTAP_CREDENTIAL_ID"] as const),
  [["--rp-id", "example.org", option, file("alice.cred")], "USAGE_RP_ID"],
];

interface Table {
  readonly run: (args: Arguments) => Promise<number>;
  /** Good ones, to which each line adds something bad. */
  readonly words: readonly string[];
  readonly lines: Lines;
}

const TABLES: Readonly<Record<string, Table>> = {
  "ctap make-credential": {
    run: makeCredential,
    words: ["--rp-id", "example.com", "--user-name", "alice"],
    lines: [
      ...COMMON,
      ...CLIENT_DATA,
      ...named("--exclude"),
      ...of("USAGE_EMPTY", "--rp-id", [""]),
      ...of("USAGE_EMPTY", "--user-name", [""]),
      ...of("USAGE_USER_ID", "--user-id", ["", "0", "xy", "00".repeat(65), " 00"]),
      ...of("USAGE_ALGORITHM", "--alg", ["", "rs1", "ES256", "es256,", "es256,es256", "-7"]),
      ...of("USAGE_CHOICE", "--cred-protect", ["0", "4", ""]),
      ...of("USAGE_CHOICE", "--enterprise", ["0", "3"]),
      [["--large-blob-key"], "USAGE_LARGE_BLOB_KEY"],
      ...["--discoverable", "--hmac-secret", "--cred-protect=1", "--enterprise=1", "--uv=required", "--alg=eddsa"].map((option) => [["--u2f", option], "USAGE_U2F"] as const),
      ...of("FILE_EXISTS", "--out", [file("alice.cred"), file("directory")]),
      ...of("FILE_WRITE", "--out", [file("nosuch/alice.cred"), file("pin/alice.cred")]),
      ...of("FILE_EXISTS", "--trace", [file("alice.cred")]),
    ],
  },
  "ctap get-assertion": {
    run: getAssertion,
    words: ["--rp-id", "example.com"],
    lines: [
      ...COMMON,
      ...CLIENT_DATA,
      ...named("--credential"),
      ...of("USAGE_EMPTY", "--rp-id", [""]),
      [["--large-blob-key"], "USAGE_LARGE_BLOB_KEY"],
      [["--large-blob-key", "--credential", "0a0b"], "USAGE_LARGE_BLOB_KEY"],
      [["--u2f"], "USAGE_U2F"],
      [["--u2f", "--credential", "0a", "--uv=required"], "USAGE_U2F"],
      [["--u2f", "--credential", "0a", "--hmac-secret", file("salt32"), "--hmac-secret-out", file("out")], "USAGE_U2F"],
      [["--hmac-secret", file("salt32")], "USAGE_HMAC_SECRET"],
      [["--hmac-secret-out", file("out")], "USAGE_HMAC_SECRET"],
      ...["empty", "salt31", "salt33", "salt65"].map((salt) => [["--hmac-secret", file(salt), "--hmac-secret-out", file("out")], "CTAP_SALT"] as const),
      [["--hmac-secret", file("salt2000"), "--hmac-secret-out", file("out")], "FILE_TOO_LONG"],
      [["--hmac-secret", file("nosuch"), "--hmac-secret-out", file("out")], "FILE_READ"],
      [["--hmac-secret", file("salt32"), "--hmac-secret-out", file("pin")], "FILE_EXISTS"],
    ],
  },
  "ctap pin set": {
    run: pinSet,
    words: ["--new-pin-file", file("pin")],
    lines: [...PINS.slice(0, 6).map((name) => [["--new-pin-file", file(name)], "CTAP_PIN"] as const), ...of("FILE_READ", "--new-pin-file", [file("nosuch")])],
  },
  "ctap pin change": {
    run: pinChange,
    words: ["--new-pin-file", file("pin"), "--pin-file", file("pin")],
    lines: PINS.slice(0, 6).flatMap((name) => ["--pin-file", "--new-pin-file"].map((option) => [[option, file(name)], "CTAP_PIN"] as const)),
  },
};

for (const [name, { run, words, lines }] of Object.entries(TABLES)) {
  t.test(`keyhole ${name}`, async (t) => {
    const card = await recordingCard(t, getInfo({ clientPin: true }));
    for (const [more, code] of lines) {
      const error = await failure(() => run(parseWords(commandNamed(name), ["--quiet", "--device", card.uri, ...words, ...more], {})));
      const kind = /^FILE_(EXISTS|WRITE)$/.test(code) ? "outside" : "input";
      t.match(error, { code, kind }, more.join(" ").slice(0, 100));
    }
    t.same(card.messages, [], "nothing was sent");
    t.end();
  });
}

/** @returns the error that it ends in, where it is one on purpose */
async function failure(run: () => Promise<number>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    return error instanceof KeyholeError ? error : String(error);
  }
}

t.test("the card's own least length of a PIN: getInfo decides", async (t) => {
  for (const [name, run] of [["ctap pin set", pinSet], ["ctap pin change", pinChange]] as const) {
    const card = await recordingCard(t, getInfo({ clientPin: name === "ctap pin change" }, [0x0d, 6], [0x06, [2]]));
    const words = ["--quiet", "--device", card.uri, "--new-pin-file", file("pin"), ...(name === "ctap pin change" ? ["--pin-file", file("pin")] : [])];
    t.match(await failure(() => run(parseWords(commandNamed(name), words, {}))), { code: "CTAP_PIN", kind: "input" }, name);
    t.same([card.requests.length, card.messages.length], [0, 2], "INIT and getInfo, and nothing else");
  }
  t.end();
});

t.test("the environment names a PIN file as well", async (t) => {
  const card = await recordingCard(t, getInfo({ clientPin: true }));
  const error = await failure(() => makeCredential(parseWords(commandNamed("ctap make-credential"), ["--rp-id", "a", "--user-name", "b", "--device", card.uri], { KEYHOLE_PIN_FILE: file("short") })));
  t.match(error, { code: "CTAP_PIN", message: /short: PIN has 3 characters/ });
  t.same(card.messages, []);
  t.end();
});
