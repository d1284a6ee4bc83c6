import { createHmac } from "node:crypto";
import t from "tap";
import { answerAll } from "../support/batch.ts";
import { ALICE, BOB, BOB_1, loginV1, loginV2 } from "../support/glome-vectors.ts";
import { checkFailure, finish, keyhole, keyholeForEach, listing, shell, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const CLIENT = "R4cvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2";
/** With Bob's key named by its prefix byte, and no message tag. */
const V2 = `v2/${CLIENT}/myhost/exec=%2Fbin%2Fsh/`;
const V2_CODE = "ZmxczN4x3g4goXu-A2AuuEEVftgS6xM-6gYj-dRrlis=";
/** The same with three bytes of message tag. */
const V2_TAGGED = `v2/${CLIENT}-dzz/myhost/exec=%2Fbin%2Fsh/`;
const V1 = "v1/UYcvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2/serial-number:1234567890=ABCDFGH%2F%23%3F/reboot/";
const V1_CODE = "p8M_BUKj7zXBVM2JlQhNYFxs4J-DzxRAps83ZaNDquY=";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { bob: BOB.key, "bob.pub": BOB.pub, "0-bob.key": BOB.key, "1-bob.key": BOB_1.key, "81-bob.key": BOB.key, deny: '{"allow": []}' });

function authcodeOf(json: string): string | undefined {
  return (JSON.parse(json) as { authcode?: string }).authcode;
}

function login(challenge: string, ...words: readonly string[]): Outcome {
  return keyhole(["login", "-kbob", ...words, challenge], { cwd });
}

t.test("the vectors of login v2", (t) => {
  for (const { challenge, response_tag_base64url, service_key_index } of loginV2.spec_vectors) {
    const key = service_key_index === 0 ? BOB_1 : BOB;
    writeFiles(cwd, { key: key.key });
    const { status, stdout } = keyhole(["login", "--key", "key", challenge], { cwd });
    t.same([status, stdout], [0, `${response_tag_base64url}\n`], challenge);
  }
  t.end();
});

t.test("the vectors of login v1", (t) => {
  for (const { challenge, response_tag_base64url, bob_private_key_hex } of loginV1.spec_vectors) {
    writeFiles(cwd, { key: Buffer.from(bob_private_key_hex, "hex") });
    const { status, stdout } = keyhole(["login", "--key", "key", challenge], { cwd });
    t.same([status, stdout], [0, `${response_tag_base64url}\n`], challenge);
  }
  t.end();
});

t.test("what is answered of v2, and what is refused", (t) => {
  const { cases } = loginV2.responder_challenge_cases;
  const { status, answers } = answerAll(cases.map(({ challenge }) => challenge), ["-k0-bob.key"], { cwd });
  t.equal(status, 1);
  t.equal(answers.length, cases.length);
  for (const [i, { why, spec_expectation, c_cli_response, go_v2_response, go_v2_message_type_host_action }] of cases.entries()) {
    const answer = answers[i]!;
    if (spec_expectation === "reject") {
      t.match(answer, { authcode: undefined, error: { code: /^[A-Z]/, message: /./ } }, why);
      continue;
    }
    // Of those that are to be accepted, no tool finds the start of two; they are the first vector again.
    t.equal(answer.authcode, c_cli_response ?? go_v2_response ?? V2_CODE, why);
    t.equal(answer.key, "0-bob", why);
    if (go_v2_message_type_host_action !== undefined && !go_v2_message_type_host_action.includes("\\xff")) {
      t.same([answer.hostType, answer.host, answer.action], goStrings(go_v2_message_type_host_action), why);
    }
  }
  t.end();
});

/** Reads `{"a" "b"}`, strings as Go quotes them. */
function goStrings(text: string): unknown {
  return JSON.parse(text.replace("{", "[").replace(/\}$/, "]").replaceAll('" "', '", "').replaceAll("\\x", "\\u00"));
}

t.test("what is unusual in v2 is said, and answered", async (t) => {
  const cases = loginV2.responder_challenge_cases.cases.filter(({ spec_expectation, why }) => spec_expectation === "noncanonical" || /vector|UTF-8|plus/.test(why));
  for (const [{ why, spec_expectation }, { stdout }] of await keyholeForEach(cases, ({ challenge }) => [["login", "--show", "--json", challenge], { cwd }])) {
    const { unusual } = JSON.parse(stdout) as { unusual: readonly unknown[] };
    t.equal(unusual.length > 0, spec_expectation === "noncanonical", why);
  }
  t.match(login("v2/R4cvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2/myhost/a b/").stderr, /\nUnusual: /, "on standard error too");
  t.notMatch(login(V2).stderr, /Unusual/);
  t.end();
});

t.test("what is answered of v1: where the C and Go tools agree, with a plus for a plus, and never without an action", (t) => {
  const cases = loginV1.responder_challenge_cases.cases.filter(({ challenge }) => !challenge.startsWith("v2"));
  const { answers } = answerAll(cases.map(({ challenge }) => challenge), ["-kbob"], { cwd });
  for (const [i, { challenge, agree, c_cli_v1_response }] of cases.entries()) {
    if ((agree || challenge.includes("/a+b/")) && c_cli_v1_response !== undefined) t.equal(answers[i]?.authcode, c_cli_v1_response, challenge);
    else t.match(answers[i], { authcode: undefined, error: { code: /^CHALLENGE_/, message: /./ } }, challenge);
  }
  t.end();
});

t.test("what google/glome's HTTP server answers", (t) => {
  for (const { request_path, key_index, server_private_key_hex, response_length, authorizer, http_status, http_body } of loginV1.go_http_server_cases) {
    if (authorizer === undefined) continue;
    const name = `${key_index}-server.key`;
    writeFiles(cwd, { [name]: Buffer.from(server_private_key_hex, "hex") });
    const policy = authorizer === "deny" ? ["--policy", "deny"] : [];
    const outcome = keyhole(["login", "-k", name, ...policy, "--length", String(response_length ?? 44), request_path], { cwd });
    if (http_status === 200) t.same([outcome.status, outcome.stdout], [0, http_body], request_path);
    else checkFailure(t, outcome, 1, http_status === 403 ? /policy/ : /no key with index/, `${request_path} ${authorizer}`);
  }
  t.end();
});

t.test("what google/glome's PAM module takes", (t) => {
  const { v1_message, v2_message, v1_response_10_chars, v2_response_10_chars } = loginV1.pam_module_cases;
  const client = Buffer.from("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a", "hex");
  for (const [version, prefix, message, code] of [["v1", 1, v1_message, v1_response_10_chars], ["v2", 0x81, v2_message, v2_response_10_chars]] as const) {
    const handshake = Buffer.concat([Uint8Array.of(prefix), client]).toString("base64url");
    const { status, stdout } = keyhole(["login", "-k1-bob.key", "--length", "10", `${version}/${handshake}/${message}/`], { cwd });
    t.same([status, stdout], [0, `${code}\n`], version);
  }
  t.end();
});

t.test("the challenge as argument or on standard input, bare or in what surrounds it", async (t) => {
  const texts: Readonly<Record<string, string>> = {
    bare: V2,
    "a leading slash": `/${V2}`,
    "in a URL": `https://glome.example.com/login/${V2}`,
    "behind a prompt": `GLOME: ${V2}`,
    "blanks before it": `   \t${V2}`,
    "a whole console": `Debian GNU/Linux 12 myhost ttyS0\n\nmyhost login: root\nObtain login credentials at:\n${V2}\n> `,
    "lines that end in CR LF": `myhost login: root\r\nGLOME: ${V2}\r\n`,
    "lines that end in CR": `myhost login: root\rGLOME: ${V2}\r`,
    "UTF-8 around it": `Grüße von myhost — ${V2}\n`,
    "bytes around it that are not UTF-8": `\u00ff\u0000${V2}\n`,
  };
  const encoded = Object.entries(texts).map(([name, text]) => [name, Buffer.from(text, name.startsWith("bytes") ? "latin1" : "utf8")] as const);
  for (const [[name], { status, stdout }] of await keyholeForEach(encoded, ([, input]) => [["login", "-kbob"], { cwd, input }])) {
    t.same([status, stdout], [0, `${V2_CODE}\n`], `${name}, on standard input`);
  }
  for (const name of ["in a URL", "behind a prompt", "a whole console"]) {
    const { status, stdout } = login(texts[name]!);
    t.same([status, stdout], [0, `${V2_CODE}\n`], `${name}, as argument`);
  }
  const v1 = keyhole(["login", "-kbob"], { cwd, input: `console text\nGLOME: ${V1}\nmore text\n` });
  t.same([v1.status, v1.stdout], [0, `${V1_CODE}\n`], "v1");
  t.end();
});

t.test("spellings of options", (t) => {
  for (const line of [
    `keyhole login --key bob ${V2}`,
    `keyhole login --key=bob ${V2}`,
    `keyhole login ${V2} -kbob`,
    `keyhole --key bob login ${V2}`,
    `keyhole -kbob login -- ${V2}`,
    `keyhole -qyk bob login ${V2}`,
    `keyhole login -vyqkbob ${V2}`,
    `keyhole --key bob --length 44 login ${V2}`,
    `echo ${V2} | keyhole login -kbob`,
  ]) {
    const { status, stdout } = shell(line, { cwd });
    t.same([status, stdout], [0, `${V2_CODE}\n`], line);
  }
  t.end();
});

t.test("standard error shows who asks for what, with which key, and whether the message tag matches", (t) => {
  const { status, stdout, stderr } = keyhole(["login", "-k81-bob.key"], { cwd, input: V1 });
  t.same([status, stdout], [0, `${V1_CODE}\n`]);
  for (const text of ["v1", "serial-number", "1234567890=ABCDFGH/#?", "reboot", "81-bob"]) t.ok(stderr.includes(text), text);
  t.match(stderr, /message tag:?\s+none/i);

  t.match(login(V2_TAGGED).stderr, /message tag:?\s+.*match/i);
  t.match(login(V2).stderr, /message tag:?\s+none/i);
  t.match(login(V2).stderr, /v2/);
  t.match(login(V2).stderr, /exec=\/bin\/sh/, "the action as it reads, not as it was sent");
  t.equal(login(V2, "--quiet").stderr, "", "--quiet");
  t.notMatch(login(V2).stderr, V2_CODE.slice(0, 10), "the code is not among it");
  t.end();
});

t.test("nothing of a challenge reaches the terminal that could change what it shows", async (t) => {
  const odd: Readonly<Record<string, string>> = { ESC: "%1B%5B2J", newline: "%0A", "C1 control": "%C2%9B", "right-to-left override": "%E2%80%AE", "zero-width space": "%E2%80%8B", "not UTF-8": "%FF%9B", "line separator": "%E2%80%A8" };
  const more = "%00%7F%E2%81%A6";
  const safe = /^[\x20-\x7e\n]*$/;
  const challengeOf = (escaped: string): string => `v2/${CLIENT}/my${escaped}:host${escaped}/act${escaped}/`;
  for (const [[name], { status, stderr }] of await keyholeForEach(Object.entries(odd), ([, escaped]) => [["login", "-kbob", challengeOf(escaped)], { cwd }])) {
    t.equal(status, 0, name);
    t.match(stderr, safe, `${name}, on standard error`);
    t.match(stderr, /Unusual/, `${name} is said`);
  }
  t.match(keyhole(["login", "--show", challengeOf(more + Object.values(odd).join(""))], { cwd }).stdout, safe, "all of them, shown");
  const json = login(`v2/${CLIENT}/a%1B/x%E2%80%AE/`, "--json").stdout;
  t.match(json, safe, "JSON");
  t.match(JSON.parse(json), { host: "a\u001b", action: "x\u202e" }, "JSON means what was sent");
  checkFailure(t, login(`v2/${CLIENT}/a\u001b[2J/%zz/`), 2, /./, "not in an error either");
  t.match(login(`v2/${CLIENT}/a/%\u202ez/`).stderr, safe);
  t.end();
});

t.test("the tag is over the bytes as they were received", (t) => {
  // Raw bytes that no client should send, and that no encoding may touch.
  const message = Buffer.concat([Buffer.from("h"), Uint8Array.of(0xff, 0xc3), Buffer.from("[%3a%3F/x")]);
  const input = Buffer.concat([Buffer.from(`v2/${CLIENT}/`), message, Buffer.from("/\n")]);
  const macKey = Buffer.concat([Buffer.from(loginV2.spec_vectors[1]!.shared_secret_hex, "hex"), ALICE.publicKey, BOB.publicKey]);
  const expected = createHmac("sha256", macKey).update(Uint8Array.of(0)).update(message).digest("base64url");
  const { status, stdout } = keyhole(["login", "-kbob"], { cwd, input });
  t.same([status, stdout], [0, `${expected}=\n`]);
  const asArgument = shell(`keyhole login -kbob $'v2/${CLIENT}/h\\xff/x/'`, { cwd });
  checkFailure(t, asArgument, 2, /UTF-8/, "an argument whose bytes Node has lost is not answered");
  t.end();
});

t.test("the form of the authcode", (t) => {
  t.equal(authcodeOf(login(V2, "--json").stdout), V2_CODE);
  t.equal(login(V2, "--length", "10").stdout, `${V2_CODE.slice(0, 10)}\n`);
  t.equal(login(V2, "--length=43").stdout, `${V2_CODE.slice(0, 43)}\n`);
  t.equal(authcodeOf(login(V2, "--length=12", "--json").stdout), V2_CODE.slice(0, 12));
  const grouped = login(V2, "--group").stdout;
  t.match(grouped, / /);
  t.equal(grouped.replaceAll(" ", ""), `${V2_CODE}\n`);
  const qr = login(V2, "--qr");
  t.equal(qr.stdout, `${V2_CODE}\n`);
  t.match(qr.stderr, /[█▀▄]{5}/);
  for (const length of ["9", "45", "010", ""]) checkFailure(t, login(V2, "--length", length), 2, /--length is/, JSON.stringify(length));
  t.end();
});

t.test("--json is one object on one line", (t) => {
  for (const [outcome, status] of [[login(V2, "--json"), 0], [login(V2.slice(0, -1), "--json"), 2], [login(V2, "--json", "--policy", "deny"), 1], [keyhole(["login", "--show", "--json", V2], { cwd }), 0]] as const) {
    t.equal(outcome.status, status);
    t.match(outcome.stdout, /^\{[^\n]*\}\n$/);
    t.type(JSON.parse(outcome.stdout), "object");
  }
  t.match(JSON.parse(login(V2.slice(0, -1), "--json").stdout), { error: { code: /^CHALLENGE_/, message: /slash/ } });
  t.match(JSON.parse(login(V2, "--json", "--policy", "deny").stdout), { error: { code: "POLICY_REFUSED", message: /policy/ } });
  t.match(JSON.parse(login(V2_TAGGED, "--json").stdout), { protocol: "v2", hostType: "", host: "myhost", action: "exec=/bin/sh", key: "bob", authcode: V2_CODE });
  t.end();
});

t.test("--show needs no key and gives no code", (t) => {
  const shown = keyhole(["login", "--show", V1], { cwd });
  t.equal(shown.status, 0);
  for (const text of ["v1", "serial-number", "1234567890=ABCDFGH/#?", "reboot"]) t.ok((shown.stdout + shown.stderr).includes(text), text);
  const withKey = keyhole(["login", "--show", "-kbob", V2], { cwd });
  t.notOk((withKey.stdout + withKey.stderr).includes(V2_CODE.slice(0, 10)), "not even with a key");
  checkFailure(t, keyhole(["login", "--show", V2.slice(0, -1)], { cwd }), 2, /slash/, "refuses what login refuses");
  checkFailure(t, keyhole(["login", "--show"], { cwd }), 2, /empty/, "nothing to show");
  checkFailure(t, shell(`keyhole login --show ${V2} >/dev/full`, { cwd }), 3, /standard output/, "output that fails");
  t.end();
});

t.test("no part of a challenge is answered", (t) => {
  const cut = (challenge: string): readonly string[] => Array.from({ length: challenge.length }, (_, length) => challenge.slice(0, length));
  for (const challenge of [V2, V2_TAGGED, V1, loginV1.spec_vectors[0]!.challenge]) {
    const key = challenge.includes("my-server") ? "1-bob.key" : "bob";
    const { status, answers } = answerAll([...cut(challenge), challenge], ["-k", key], { cwd });
    t.equal(status, 1);
    t.same(answers.flatMap(({ challenge, authcode }) => (authcode === undefined ? [] : [challenge])), [challenge], "but the whole");
  }

  // v1 has no mark of its end but the last slash, so that this is a request of its own, and shown as such.
  const twoParts = `v1/${CLIENT.replace("R4", "UY")}/myhost/shell/root/`;
  const { answers } = answerAll(cut(twoParts), ["-kbob"], { cwd });
  t.match(
    answers.filter(({ authcode }) => authcode !== undefined),
    [{ challenge: `v1/${CLIENT.replace("R4", "UY")}/myhost/shell/`, host: "myhost", action: "shell" }],
    "v1 without a message tag, cut after a slash inside its action",
  );
  t.end();
});

t.test("no change to a challenge with a message tag is answered", (t) => {
  const changed = V2_TAGGED.split("").flatMap((character, i) => ["A", "a", "0", "/", "%", "_", "=", " "].filter((other) => other !== character).map((other) => V2_TAGGED.slice(0, i) + other + V2_TAGGED.slice(i + 1)));
  const { answers } = answerAll([...changed, V2_TAGGED], ["-k0-bob.key"], { cwd });
  t.equal(answers.length, changed.length + 1);
  t.same(answers.flatMap(({ challenge, authcode }) => (authcode === undefined ? [] : [challenge])), [V2_TAGGED]);
  t.end();
});

t.test("texts that are not exactly one whole challenge", async (t) => {
  const texts: Readonly<Record<string, string | Uint8Array>> = {
    empty: "",
    blank: " \n\n",
    "no challenge": "hello, this is the server room\n",
    "a URL without one": "https://example.com/v2/api/\n",
    "no last slash": V2.slice(0, -1),
    "another segment": `${V2}more/`,
    "another empty segment": `${V2}/`,
    "another word": `${V2} and so on`,
    "wrapped at the edge of the console": `${V2.slice(0, 60)}\n${V2.slice(60)}\n`,
    "v1, wrapped after a slash inside its action": `v1/${CLIENT.replace("R4", "UY")}/myhost/shell/\nroot/\n`,
    "bad base64": V2.replace("R4cv", "R4c*"),
    "standard base64": V2.replace("Bi-Z", "Bi+Z"),
    "a character too few": V2.replace("R4cv", "R4c"),
    "a character too many": V2.replace("R4cv", "R4cvQ"),
    "no handshake": "v2//myhost/x/",
    "a short handshake": "v2/gA==/myhost/x/",
    "a long handshake": `v2/${Buffer.alloc(66).toString("base64url")}/myhost/x/`,
    "%zz": `v2/${CLIENT}/%zz/x/`,
    "a cut escape": `v2/${CLIENT}/host/x%4/`,
    "an empty host": `v2/${CLIENT}//x/`,
    "an empty host behind a type": `v2/${CLIENT}/serial:/x/`,
    "v1 with an empty host": `v1/${CLIENT}//x/`,
    "v1 without an action": `v1/${CLIENT.replace("R4", "UY")}/myhost/`,
    "v2 without an action": `v2/${CLIENT}/myhost/`,
    "two colons": `v2/${CLIENT}/a:b:c/x/`,
    "a colon and an escaped one": `v2/${CLIENT}/a:b%3Ac/x/`,
    "v3": V2.replace("v2", "v3"),
    "V2": V2.replace("v2", "V2"),
    "two challenges": `${V2}\n${V2_TAGGED}\n`,
    "two challenges of two versions": `GLOME: ${V1}\nGLOME: ${V2}\n`,
    "the same challenge twice": `${V2}\n${V2}\n`,
    "two challenges in a line": `${V2} ${V2}`,
    "a low-order client key": "v2/gAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/myhost/x/",
    "a raw control character": `v2/${CLIENT}/my\u001bhost/x/`,
    "NUL behind it": `${V2}\0`,
    binary: Uint8Array.from({ length: 4096 }, (_, i) => (i * 167 + (i >> 8)) & 0xff),
    "a megabyte": "v2/".repeat(400_000),
    "UTF-16": Buffer.from(V2, "utf16le"),
  };
  const before = listing(cwd);
  const isLine = (text: string | Uint8Array): text is string => typeof text === "string" && !text.includes("\n") && text.length < 1000;
  const lines = Object.entries(texts).flatMap(([name, text]) => (isLine(text) ? [[name, text] as const] : []));
  const { status, answers } = answerAll(lines.map(([, text]) => text), ["-kbob"], { cwd });
  t.equal(status, 1);
  for (const [i, [name]] of lines.entries()) t.match(answers[i], { authcode: undefined, error: { code: /^[A-Z]/, message: /./ } }, `${name}, in a batch`);

  const alone = Object.entries(texts).filter(([name, text]) => !isLine(text) || ["empty", "no last slash", "another segment", "bad base64", "%zz", "a low-order client key"].includes(name));
  for (const [[name], outcome] of await keyholeForEach(alone, ([, input]) => [["login", "-kbob", "--yes"], { cwd, input }])) {
    checkFailure(t, outcome, 2, /./, name);
  }
  for (const argument of ["", `${V2}\n${V1}`]) checkFailure(t, login(argument), 2, /./, JSON.stringify(argument));
  t.same(listing(cwd), before);
  t.end();
});

t.test("wrong usage and files that cannot be read", (t) => {
  const run = (...words: readonly string[]): Outcome => keyhole(["login", ...words], { cwd });
  const before = listing(cwd);
  checkFailure(t, run(V2), 2, /no private key/, "no key anywhere");
  checkFailure(t, run("-kabsent", V2), 2, /absent cannot be read: no such file/, "missing key");
  checkFailure(t, run("-k.", V2), 2, /it is a directory/, "key is a directory");
  checkFailure(t, run("-kbob.pub", V2), 2, /expected a private key, found a public key/, "public key");
  checkFailure(t, run("-k", "deny", V2), 2, /private key is 13 bytes/, "no key");
  checkFailure(t, run("-kbob", V2, V2), 2, /no further word/, "two challenges");
  checkFailure(t, run("-kbob", "--bogus", V2), 2, /no option --bogus/, "unknown option");
  checkFailure(t, run("-kbob", "-z", V2), 2, /no option -z/, "unknown letter");
  checkFailure(t, run("-kbob", "--group=yes", V2), 2, /--group takes no value/, "a value for a flag");
  checkFailure(t, run("-kbob", V2, "--length"), 2, /--length needs a value/, "no value");
  checkFailure(t, shell("keyhole login -kbob <.", { cwd }), 2, /standard input cannot be read/, "standard input is a directory");
  t.same(listing(cwd), before);
  t.end();
});

t.test("an encrypted key", (t) => {
  writeFiles(cwd, { pass: "secret\n" });
  t.equal(shell("keyhole genkey --encrypt --passphrase-file pass --out locked && keyhole pubkey -klocked --passphrase-file pass >locked.pub", { cwd }).status, 0);
  const made = shell("keyhole challenge new --peer locked.pub --host h --action a --state attempt", { cwd });
  const challenge = made.stdout.trim();
  const answer = keyhole(["login", "-klocked", "--passphrase-file", "pass", challenge], { cwd });
  t.equal(answer.status, 0);
  t.equal(keyhole(["challenge", "check", "--state", "attempt", "--", answer.stdout.trim()], { cwd }).status, 0);
  checkFailure(t, keyhole(["login", "-klocked", challenge], { cwd }), 2, /needs a passphrase/, "nobody to ask");
  writeFiles(cwd, { pass: "Secret\n" });
  checkFailure(t, keyhole(["login", "-klocked", "--passphrase-file", "pass", challenge], { cwd }), 2, /passphrase/, "wrong passphrase");
  t.end();
});

t.test("output that fails", async (t) => {
  checkFailure(t, shell(`keyhole login -kbob ${V2} >/dev/full`, { cwd }), 3, /standard output cannot be written: no space left/, "full");
  checkFailure(t, shell(`keyhole login -kbob --json ${V2} >/dev/full`, { cwd }), 3, /standard output cannot be written: no space left/, "full, JSON");
  const child = startKeyhole(["login", "-kbob", V2], { cwd });
  child.stdout.destroy();
  checkFailure(t, await finish(child), 3, /the reader has gone/, "reader has gone");
  const deaf = shell(`keyhole login -kbob ${V2} 2>/dev/full`, { cwd });
  t.same([deaf.status, deaf.stdout], [0, `${V2_CODE}\n`], "standard error that fails does not keep the answer back");
  t.end();
});

t.test("Ctrl-C while it waits for the challenge", async (t) => {
  const child = startKeyhole(["login", "-kbob"], { cwd });
  const ended = finish(child);
  child.stdin.write(V2);
  setTimeout(() => void child.kill("SIGINT"), 300);
  const { status, signal, stdout } = await ended;
  t.ok(signal === "SIGINT" || status === 130);
  t.equal(stdout, "");
  t.end();
});

t.test("colour on request only", (t) => {
  t.notMatch(login(V2).stderr, "\u001b");
  const coloured = keyhole(["login", "-kbob", V2], { cwd, env: { FORCE_COLOR: "1" } });
  t.match(coloured.stderr, "\u001b[");
  t.equal(coloured.stdout, `${V2_CODE}\n`, "never in the code");
  t.notMatch(keyhole(["login", "-kbob", V2], { cwd, env: { FORCE_COLOR: "1", NO_COLOR: "1" } }).stderr, "\u001b");
  t.end();
});
