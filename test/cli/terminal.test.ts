import { readFileSync } from "node:fs";
import { join } from "node:path";
import { availableParallelism } from "node:os";
import t, { type Test } from "tap";
import { authcodeFor, challengeFor } from "../support/glome-peer.ts";
import { BOB, type Party } from "../support/glome-vectors.ts";
import { keyhole, listing, shell, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { atTerminal } from "../support/terminal.ts";
import { together } from "../support/together.ts";

const MESSAGE = "serial:rack-7/reboot";
const CHALLENGE = challengeFor(BOB, { prefix: 0x81, message: MESSAGE });
const AUTHCODE = authcodeFor(BOB, MESSAGE);

// A person is slow, so that several may be at it at the same time.
t.jobs = 2 * availableParallelism();

function directory(t: Test): string {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { bob: BOB.key, "bob.pub": BOB.pub });
  return cwd;
}

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const QUESTION = "[y/N] ";
const login = ["login", "-kbob", "--audit", "audit"] as const;

/** What the last line of the audit says. */
function lastEvent(cwd: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(join(cwd, "audit"), "utf8").trim().split("\n").at(-1)!) as Record<string, unknown>;
}

t.test("a person is asked before the code is given", together(), async (t) => {
  const cwd = directory(t);
  for (const answer of ["y", "YES"]) {
    const session = await atTerminal([...login, CHALLENGE], [{ expect: QUESTION, send: `${answer}\r` }], { cwd });
    t.match(session, { status: 0, missed: null, echo: true });
    t.ok(session.screen.includes(`${AUTHCODE}\n`), answer);
    t.ok(session.screen.indexOf("rack-7") < session.screen.indexOf(QUESTION), "and sees the request before");
    t.notOk(session.screen.slice(0, session.screen.indexOf(QUESTION)).includes(AUTHCODE.slice(0, 6)), "and not the code");
    t.match(lastEvent(cwd), { event: "answer" });
  }
  t.end();
});

t.test("a person may say no, which is what silence means too", together(), async (t) => {
  const cwd = directory(t);
  for (const answer of ["n", "", "yesterday"]) {
    const session = await atTerminal([...login, CHALLENGE], [{ expect: QUESTION, send: `${answer}\r` }], { cwd });
    t.match(session, { status: 1, missed: null, echo: true }, JSON.stringify(answer));
    t.notOk(session.screen.includes(AUTHCODE.slice(0, 6)), "no code");
    t.match(session.screen, /^error: /m);
    t.match(lastEvent(cwd), { event: "refusal", challenge: CHALLENGE });
  }
  t.end();
});

t.test("Ctrl-C, or the end of input, at the question gives no code", together(), async (t) => {
  const cwd = directory(t);
  for (const [name, key] of [["Ctrl-C", CTRL_C], ["Ctrl-C behind a yes", `y${CTRL_C}`], ["Ctrl-D", CTRL_D]] as const) {
    const session = await atTerminal([...login, CHALLENGE], [{ expect: QUESTION, send: key }], { cwd });
    t.match(session, { status: 130, missed: null, echo: true }, name);
    t.notOk(session.screen.includes(AUTHCODE.slice(0, 6)), `${name}: no code`);
    t.match(lastEvent(cwd), { event: "refusal" }, `${name} is on record`);
  }
  t.equal(keyhole(["audit", "verify", "audit"], { cwd }).status, 0);
  t.end();
});

t.test("--yes answers at once, and so does a pipe that takes the code", together(), async (t) => {
  const cwd = directory(t);
  const yes = await atTerminal(["login", "-kbob", "--yes", CHALLENGE], [], { cwd });
  t.equal(yes.status, 0);
  t.ok(yes.screen.includes(`${AUTHCODE}\n`));
  t.notOk(yes.screen.includes(QUESTION));
  // As in code=$(keyhole login …), which a script may run at a terminal.
  const pipe = await atTerminal(["login", "-kbob", CHALLENGE], [], { cwd, pipe: true });
  t.match(pipe, { status: 0, stdout: `${AUTHCODE}\n` });
  t.notOk(pipe.screen.includes(QUESTION));
  t.ok(pipe.screen.includes("rack-7"), "the request is shown all the same");
  t.end();
});

t.test("--quiet does not keep the request from the one who is asked", together(), async (t) => {
  const cwd = directory(t);
  const session = await atTerminal(["login", "-kbob", "--quiet", CHALLENGE], [{ expect: QUESTION, send: "n\r" }], { cwd });
  t.equal(session.status, 1);
  t.ok(session.screen.includes("rack-7"));
  t.end();
});

t.test("the challenge is asked for", together(), async (t) => {
  const cwd = directory(t);
  const typed = await atTerminal(["login", "-kbob", "--yes"], [{ expect: "Challenge: ", send: `${CHALLENGE}\r` }], { cwd });
  t.equal(typed.status, 0);
  t.ok(typed.screen.includes(`${AUTHCODE}\n`), "typed");

  const pasted = `\r\nDebian GNU/Linux 12 rack-7 ttyS0\r\nrack-7 login: root\r\nGLOME: ${CHALLENGE}\r\n> \r\n`;
  for (const [name, text] of [["lines that end in CR LF", pasted], ["lines that end in CR, as terminals paste", pasted.replaceAll("\r\n", "\r")]] as const) {
    const session = await atTerminal(["login", "-kbob"], [{ expect: "Challenge: ", send: text }, { expect: QUESTION, send: "y\r" }], { cwd });
    t.match(session, { status: 0, missed: null }, name);
    t.ok(session.screen.includes(`${AUTHCODE}\n`), `pasted: ${name}`);
  }
  const unfinished = await atTerminal(["login", "-kbob", "--yes"], [
    { expect: "Challenge: ", send: `rack-7 login: root\rGLOME: ${CHALLENGE}` },
    { expect: "reboot/", send: "\r", pause: 0.5 },
  ], { cwd });
  t.equal(unfinished.status, 0, "pasted without a last line end, and then Enter");
  t.ok(unfinished.screen.includes(`${AUTHCODE}\n`), "pasted without a last line end, and then Enter");

  const wrong = await atTerminal(["login", "-kbob"], [{ expect: "Challenge: ", send: "hello\r\r" }], { cwd });
  t.match(wrong, { status: 2, missed: null });
  t.match(wrong.screen, /^error: .*no challenge/m);
  for (const key of [CTRL_C, CTRL_D]) {
    const session = await atTerminal(["login", "-kbob"], [{ expect: "Challenge: ", send: key }], { cwd });
    t.match(session, { status: 130, missed: null, echo: true }, JSON.stringify(key));
  }
  const shown = await atTerminal(["login", "--show"], [{ expect: "Challenge: ", send: `${CHALLENGE}\r` }], { cwd });
  t.match([shown.status, shown.screen], [0, /Host: +rack-7/], "--show asks for it too");
  t.end();
});

t.test("raw key bytes do not go to a terminal", together(), async (t) => {
  const cwd = directory(t);
  const refused = await atTerminal(["genkey"], [], { cwd });
  t.equal(refused.status, 2);
  t.match(refused.screen, /^error: [^\n]*terminal\nhint: [^\n]*\n$/);
  t.match(await atTerminal(["pubkey", "-kbob", "--format", "raw"], [], { cwd }), { status: 2, screen: /^error: [^\n]*terminal\n/ });
  t.match(await atTerminal(["genkey", "--format", "pem"], [], { cwd }), { status: 0, screen: /^-----BEGIN PRIVATE KEY-----\n/ });
  const { status, screen } = await atTerminal(["genkey", "--out", "made"], [], { cwd });
  t.same([status, screen], [0, ""]);
  t.equal(readFileSync(join(cwd, "made")).length, 32);
  t.match(await atTerminal(["pubkey"], [], { cwd }), { status: 2, screen: /^error: [^\n]*terminal\nhint: / }, "nor is a key typed");
  t.end();
});

t.test("a passphrase is asked for and not shown", together(), async (t) => {
  const cwd = directory(t);
  const twice = (first: string, second: string): readonly { expect: string; send: string }[] => [
    { expect: "passphrase: ", send: `${first}\r` },
    { expect: "again: ", send: `${second}\r` },
  ];
  const made = await atTerminal(["genkey", "--encrypt", "--out", "locked"], twice("tr0ub4dor", "tr0ub4dor"), { cwd });
  t.match(made, { status: 0, missed: null, echo: true });
  t.notMatch(made.screen, "tr0ub");
  t.match(readFileSync(join(cwd, "locked"), "utf8"), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);

  const pub = await atTerminal(["pubkey", "-klocked"], [{ expect: ": ", send: "tr0ub4dor\r" }], { cwd });
  t.match(pub, { status: 0, missed: null, echo: true });
  t.notMatch(pub.screen, "tr0ub");
  writeFiles(cwd, { pass: "tr0ub4dor\n" });
  t.ok(pub.screen.includes(keyhole(["pubkey", "-klocked", "--passphrase-file", "pass"], { cwd }).stdout), "and opens the key");

  const piped = await atTerminal(["pubkey", "-klocked"], [{ expect: ": ", send: "tr0ub4dor\r" }], { cwd, pipe: true });
  t.match(piped, { status: 0, stdout: /^glome-v1 \S{44}\n$/ }, "though the result goes into a pipe");

  const wrong = await atTerminal(["pubkey", "-klocked"], [{ expect: ": ", send: "tr0ub4dour\r" }], { cwd });
  t.match([wrong.status, wrong.screen], [2, /^error: [^\n]*passphrase/m], "a wrong one");
  t.notMatch(wrong.screen, "tr0ub");
  const broken = await atTerminal(["pubkey", "-klocked"], [{ expect: ": ", send: `tr0${CTRL_C}` }], { cwd });
  t.match(broken, { status: 130, missed: null, echo: true }, "Ctrl-C");
  t.notMatch(broken.screen, "tr0");

  const before = listing(cwd);
  for (const [name, first, second] of [["that differ", "one", "two"], ["that are empty", "", ""]] as const) {
    const session = await atTerminal(["genkey", "--encrypt", "--out", "unmade"], twice(first, second), { cwd });
    t.match([session.status, session.screen], [2, /^error: [^\n]*passphrase/m], `two ${name}`);
  }
  t.match(await atTerminal(["genkey", "--encrypt", "--out", "unmade"], [{ expect: "passphrase: ", send: CTRL_C }], { cwd }), { status: 130 });
  t.same(listing(cwd), before, "nothing is written then");
  t.end();
});

t.test("an encrypted key answers a challenge after its passphrase and a yes", together(), async (t) => {
  const cwd = directory(t);
  t.equal(shell("rm -f locked; echo secret >pass; keyhole genkey --encrypt --passphrase-file pass --out locked; keyhole pubkey -klocked --passphrase-file pass >locked.pub", { cwd }).status, 0);
  const service: Pick<Party, "publicKey"> = { publicKey: Buffer.from(readFileSync(join(cwd, "locked.pub"), "utf8").split(" ")[1]!, "base64url") };
  const challenge = challengeFor({ ...BOB, ...service }, { prefix: 0x81, message: MESSAGE });
  const session = await atTerminal(["login", "-klocked", challenge], [{ expect: "locked: ", send: "secret\r" }, { expect: QUESTION, send: "y\r" }], { cwd });
  t.match(session, { status: 0, missed: null });
  t.ok(session.screen.includes(keyhole(["login", "-klocked", "--passphrase-file", "pass", challenge], { cwd }).stdout));
  t.notMatch(session.screen, "secret");
  t.end();
});

t.test("colour at a terminal, unless it is not wanted", together(), async (t) => {
  const cwd = directory(t);
  const show = async (env: Readonly<Record<string, string>>): Promise<string> => (await atTerminal(["login", "-kbob", "--yes", CHALLENGE], [], { cwd, env })).screen;
  t.match(await show({}), "\u001b[");
  t.ok((await show({})).endsWith(`\n${AUTHCODE}\n`), "never in the code");
  t.notMatch(await show({ NO_COLOR: "1" }), "\u001b");
  t.notMatch(await show({ TERM: "dumb" }), "\u001b");
  t.notMatch(await show({ FORCE_COLOR: "0" }), "\u001b");
  t.match(await show({ NO_COLOR: "" }), "\u001b[", "an empty NO_COLOR says nothing");
  t.end();
});

t.test("Ctrl-C while a message is read, and in the tour", together(), async (t) => {
  const cwd = directory(t);
  const reading = await atTerminal(["tag", "-kbob", "-pbob.pub"], [{ expect: "", send: `hello\r${CTRL_C}`, pause: 1 }], { cwd });
  t.match(reading, { status: 130, missed: null }, "while it reads a message");
  t.notMatch(reading.screen, /=$/m, "no tag");
  const home = temporaryDirectory(t);
  const tour = await atTerminal(["demo"], [{ expect: "$ keyhole pubkey", send: CTRL_C }], { cwd: home, env: { TMPDIR: home } });
  t.match(tour, { status: 130, missed: null }, "in the tour");
  t.same(listing(home), [], "which leaves nothing behind");
  t.end();
});
