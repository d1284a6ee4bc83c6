import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ALICE, ALICE_1, BOB, BOB_1, loginV1, loginV2, type Party } from "../support/glome-vectors.ts";
import { checkFailure, finish, keyhole, keyholeForEach, listing, shell, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { bob: BOB.key, "bob.pub": BOB.pub });

const { encoded_message: MESSAGE, full_response: AUTHCODE, cases } = loginV2.client_response_check_cases;

/** A state that challenge new wrote, to make others from. */
const TEMPLATE = ((): Record<string, unknown> => {
  keyhole(["challenge", "new", "--peer", "bob.pub", "--host", "h", "--action", "a", "--state", "template"], { cwd });
  return JSON.parse(readFileSync(join(cwd, "template"), "utf8")) as Record<string, unknown>;
})();

let attempts = 0;

/** @returns the name of the state of a machine with this ephemeral key */
function newState(client: Party = ALICE, service: Party = BOB, message = MESSAGE): string {
  const name = `${attempts++}.state`;
  const state = { ...TEMPLATE, clientPrivateKey: base64url(client.key), servicePublicKey: base64url(service.publicKey), tagged: base64url(Buffer.from(message)) };
  writeFiles(cwd, { [name]: `${JSON.stringify(state)}\n` });
  return name;
}

function base64url(bytes: Uint8Array): string {
  const digits = Buffer.from(bytes).toString("base64url");
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, "=");
}

function check(state: string, ...words: readonly string[]): Outcome {
  return keyhole(["challenge", "check", "--state", state, ...words], { cwd });
}

/** Neither the state nor a part of it is there. */
function isUsedUp(state: string): boolean {
  return !listing(cwd).some((name) => name.startsWith(state));
}

t.test("the right code is right, once", (t) => {
  const made = "keyhole challenge new --peer bob.pub --host rack-7 --action reboot --state real | keyhole login --quiet -kbob";
  const authcode = shell(made, { cwd }).stdout.trim();
  t.same(check("real", "--", authcode), { status: 0, stdout: "", stderr: "" });
  t.ok(isUsedUp("real"));
  checkFailure(t, check("real", "--", authcode), 1, /used up/, "the second time");
  t.end();
});

t.test("a wrong code uses the state up as well", (t) => {
  for (const wrong of ["AAAAAAAAAA", "", "far too long for any code that has ever been read on a telephone"]) {
    const state = newState();
    const { status, stdout } = check(state, "--", wrong);
    t.same([status, stdout], [1, ""], JSON.stringify(wrong));
    t.ok(isUsedUp(state));
  }
  const state = newState();
  t.equal(check(state, "--", "AAAAAAAAAA").status, 1);
  checkFailure(t, check(state, "--", AUTHCODE), 1, /used up/, "the right one is then too late");
  t.end();
});

t.test("the inputs that google/glome's login client takes and refuses", async (t) => {
  for (const [{ input, c_glome_login, go_v2_challenger_verify }, { status, stdout }] of await keyholeForEach(cases, ({ input }) => [["challenge", "check", "--state", newState(), "--", input], { cwd }])) {
    // C cuts what is too long, Go drops bits; what only one of them takes is not the code.
    const isRight = c_glome_login === "accept" && go_v2_challenger_verify === "accept";
    t.same([status, stdout], [isRight ? 0 : 1, ""], JSON.stringify(input));
  }
  t.same(listing(cwd).filter((name) => name.endsWith(".state")), []);
  t.end();
});

t.test("the inputs that google/glome's PAM module takes and refuses", async (t) => {
  const { v1_message, v1_response_10_chars, v2_message, v2_inputs } = loginV1.pam_module_cases;
  const inputs = [...v2_inputs.map(({ input, result }) => ({ input, result, message: v2_message })), { input: v1_response_10_chars, result: "PAM_SUCCESS", message: v1_message }];
  for (const [{ input, result }, { status }] of await keyholeForEach(inputs, ({ input, message }) => [["challenge", "check", "--state", newState(ALICE_1, BOB_1, message), "--", input], { cwd }])) {
    t.equal(status, result === "PAM_SUCCESS" ? 0 : 1, JSON.stringify(input));
  }
  t.end();
});

t.test("a code may be cut short, but not too short", async (t) => {
  const lengths = [[12, ["--min-authcode-length", "12"], 0], [11, ["--min-authcode-length", "12"], 1], [44, ["--min-authcode-length=44"], 0], [43, ["--min-authcode-length=44"], 1]] as const;
  for (const [[length, words, expected], { status }] of await keyholeForEach(lengths, ([length, words]) => [["challenge", "check", "--state", newState(), ...words, "--", AUTHCODE.slice(0, length)], { cwd }])) {
    t.equal(status, expected, `${length} characters ${words.join(" ")}`);
  }
  t.end();
});

t.test("the length that the configuration asks for", (t) => {
  writeFiles(cwd, { "login.conf": `[default]\nmin-authcode-len = 14\n[service]\npublic-key = ${BOB.pub.trim()}\nkey-version = 1\n` });
  for (const [length, status] of [[13, 1], [14, 0]] as const) {
    const made = "keyhole challenge new --config login.conf --host h --action a --state configured | keyhole login --quiet -kbob";
    const code = shell(made, { cwd }).stdout.trim().slice(0, length);
    t.equal(check("configured", "--", code).status, status, `${length} characters`);
  }
  t.end();
});

t.test("CODE may follow --, and then begin with a hyphen", (t) => {
  const state = newState();
  t.equal(check(state, "--", "-AAAAAAAAAAA").status, 1, "a code as others are");
  t.ok(isUsedUp(state));
  t.equal(check(newState(), AUTHCODE).status, 0, "one that begins otherwise needs no --");
  t.equal(keyhole(["challenge", "check", AUTHCODE, "--state", newState()], { cwd }).status, 0, "and may stand before the options");
  t.end();
});

t.test("-v, --quiet and --json", (t) => {
  t.match(check(newState(), "-v", "--", AUTHCODE), { status: 0, stdout: /^$/, stderr: /./ });
  t.same(check(newState(), "--quiet", "AAAAAAAAAA"), { status: 1, stdout: "", stderr: "" });
  const state = newState();
  t.match(JSON.parse(check(state, "--json", "--", AUTHCODE).stdout), { match: true });
  const again = check(state, "--json", "--", AUTHCODE);
  t.match([again.status, JSON.parse(again.stdout)], [1, { error: { code: "CHALLENGE_USED", message: /used up/ } }]);
  const wrong = check(newState(), "--json", "AAAAAAAAAA");
  t.match([wrong.status, JSON.parse(wrong.stdout)], [1, { match: false }]);
  t.end();
});

t.test("of processes that check at the same time, one has the answer", async (t) => {
  for (let round = 0; round < 2; round++) {
    const state = newState();
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => finish(startKeyhole(["challenge", "check", "--state", state, "--", AUTHCODE], { cwd }))));
    t.same(outcomes.map(({ status }) => status).sort(), [0, 1, 1, 1]);
    t.ok(isUsedUp(state));
  }
  t.end();
});

t.test("a mistake on the command line does not use the attempt up", async (t) => {
  const state = newState();
  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [["--state", state], /needs CODE/],
    [["--state", state, AUTHCODE, "extra"], /extra/],
    [["--state", state, "--bogus", "--", AUTHCODE], /bogus/],
    [["--state", state, "--json=no", "--", AUTHCODE], /json/],
    [["--state", state, "--min-authcode-length", "9", "--", AUTHCODE], /--min-authcode-length is/],
    [["--state", state, "--min-authcode-length", "010", "--", AUTHCODE], /--min-authcode-length is/],
    [[AUTHCODE, "--state"], /state/],
    [["--", AUTHCODE], /--state/],
  ];
  for (const [[words, error], outcome] of await keyholeForEach(mistakes, ([words]) => [["challenge", "check", ...words], { cwd }])) {
    checkFailure(t, outcome, 2, error, words.join(" "));
  }
  t.equal(check(state, "--", AUTHCODE).status, 0);
  t.end();
});

t.test("a file of another kind is left as it is", async (t) => {
  mkdirSync(join(cwd, "directory"));
  const state = `${JSON.stringify(TEMPLATE)}\n`;
  const files: Readonly<Record<string, string | Uint8Array>> = {
    empty: "",
    key: BOB.key,
    "cut state": state.slice(0, -10),
    "state of another format": state.replace("keyhole-challenge-1", "keyhole-challenge-9"),
    "state with a field too many": state.replace("{", '{"extra":1,'),
    "state with a short key": state.replace(/("clientPrivateKey":")..../, "$1"),
    long: "x".repeat(300_000),
  };
  writeFiles(cwd, files);
  const secret = String(TEMPLATE.clientPrivateKey).slice(0, 8);
  for (const [[name, contents], outcome] of await keyholeForEach(Object.entries(files), ([name]) => [["challenge", "check", "--state", name, "AAAAAAAAAA"], { cwd }])) {
    checkFailure(t, outcome, 2, /state file/, name);
    t.ok(Buffer.from(contents).equals(readFileSync(join(cwd, name))), `${name} is left as it was`);
    t.notOk(outcome.stderr.includes(secret), "no secret is in the error");
  }
  checkFailure(t, check("directory", "AAAAAAAAAA"), 2, /it is a directory/, "directory");
  checkFailure(t, check("directory/absent", "AAAAAAAAAA"), 1, /is not there/, "missing");
  t.same(listing(join(cwd, "directory")), []);
  t.end();
});

t.test("output that fails does not make a wrong code right", (t) => {
  const outcome = shell(`keyhole challenge check --json --state ${newState()} AAAAAAAAAA >/dev/full`, { cwd });
  t.notMatch(outcome, { status: 0 });
  t.equal(outcome.stdout, "");
  t.end();
});
