import { createInterface } from "node:readline";
import t, { type Test } from "tap";
import { parseAnswers, type Answer } from "../support/batch.ts";
import { authcodeFor, challengeFor, partyOf } from "../support/glome-peer.ts";
import { BOB } from "../support/glome-vectors.ts";
import { checkFailure, finish, keyhole, listing, shell, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { bob: BOB.key, "1-bob.key": BOB.key });

const challengeOf = (action: string): string => challengeFor(BOB, { prefix: 0x81, message: `serial:rack-7/${action}` });
const CHALLENGE = challengeOf("reboot");
const AUTHCODE = authcodeFor(BOB, "serial:rack-7/reboot");

function batch(input: string | Uint8Array, ...words: readonly string[]): Outcome & { readonly answers: readonly Answer[] } {
  const outcome = keyhole(["login", "--batch", "-k1-bob.key", ...words], { cwd, input });
  return { ...outcome, answers: parseAnswers(outcome.stdout) };
}

t.test("one JSON line for each line, in order; a bad one does not stop the rest", (t) => {
  const { status, answers, stderr } = batch(`${CHALLENGE}\nnonsense\n${challengeOf("a%2Fb")}\n`);
  t.equal(status, 1);
  t.same(answers[0], { challenge: CHALLENGE, hostType: "serial", host: "rack-7", action: "reboot", key: "1-bob", authcode: AUTHCODE });
  t.match(answers[1], { challenge: "nonsense", error: { code: /^CHALLENGE_/, message: /./ }, authcode: undefined, host: undefined });
  t.match(answers[2], { action: "a/b", authcode: authcodeFor(BOB, "serial:rack-7/a%2Fb") });
  t.equal(answers.length, 3);
  t.notMatch(stderr, AUTHCODE.slice(0, 10));

  const good = batch(`${CHALLENGE}\n`);
  t.same([good.status, good.answers.length, good.stderr], [0, 1, ""], "without a bad line the exit status is 0");
  t.end();
});

t.test("lines of all kinds", (t) => {
  const one = (input: string | Uint8Array): readonly unknown[] => {
    const { status, answers } = batch(input);
    return [status, ...answers];
  };
  const answered = [0, { authcode: AUTHCODE }] as const;
  t.match(one(CHALLENGE), answered, "no newline at the end");
  t.match(one(`${CHALLENGE}\r\n`), [0, { challenge: CHALLENGE, authcode: AUTHCODE }], "CR LF");
  t.match(one(`myhost ttyS0 GLOME: https://example.com/${CHALLENGE}\n`), answered, "text before it");
  t.same(one(""), [0], "no line");
  t.match(one("\n"), [1, { challenge: "", error: { code: /./ } }], "a blank line");
  t.match(one(`\n${CHALLENGE}\n\r\n`), [1, { error: {} }, { authcode: AUTHCODE }, { error: {} }], "blank lines around");
  t.match(one(`${CHALLENGE} ${CHALLENGE}\n`), [1, { error: { code: "CHALLENGE_SEVERAL" } }], "two in a line");
  t.match(one(`${CHALLENGE.slice(0, -1)}\n`), [1, { error: { message: /slash/ } }], "no last slash");
  t.match(one(challengeFor(partyOf("other"), { prefix: 0x81, tagLength: 2 })), [1, { error: { code: "MESSAGE_TAG" } }], "a message tag that does not match");
  t.match(one(Buffer.concat([Uint8Array.of(0xff, 0, 0x1b), Buffer.from(`[2J\n${CHALLENGE}\n`)])), [1, { error: {} }, { authcode: AUTHCODE }], "binary");
  const hostile = batch(`v2/\u001b[2J\u202e/\n`);
  t.match(hostile.stdout, /^[\x20-\x7e\n]*$/, "what comes back does nothing to a terminal");
  t.equal(hostile.answers[0]?.challenge, "v2/\u001b[2J\u202e/");
  t.end();
});

t.test("a line that is too long is refused, and the next one answered", (t) => {
  for (const length of [65_536, 65_537, 1_000_000, 5_000_000]) {
    const { status, answers } = batch(`${"x".repeat(length)}\n${CHALLENGE}\n${"y".repeat(length)}`);
    t.match([status, answers], [1, [{ error: { code: /^CHALLENGE_/ } }, { authcode: AUTHCODE }, { error: {} }]], `${length} characters`);
    t.equal(answers.length, 3);
  }
  const long = challengeOf("x".repeat(60_000));
  t.match(batch(`${long}\n`).answers, [{ challenge: long, authcode: authcodeFor(BOB, `serial:rack-7/${"x".repeat(60_000)}`) }], "one that is long, and not too long");
  t.end();
});

t.test("the answer to a line comes before the next one is sent", async (t) => {
  const child = startKeyhole(["login", "--batch", "-k1-bob.key"], { cwd });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value } = (await lines.next()) as { value: string };
    return JSON.parse(value);
  };
  for (const action of ["a", "b", "c"]) {
    child.stdin.write(`${challengeOf(action)}\n`);
    t.match(await next(), { action, authcode: authcodeFor(BOB, `serial:rack-7/${action}`) });
  }
  child.stdin.write(CHALLENGE.slice(0, 20));
  await new Promise((resolve) => setTimeout(resolve, 50));
  child.stdin.write(`${CHALLENGE.slice(20)}\nnonsense\n`);
  t.match(await next(), { action: "reboot", authcode: AUTHCODE }, "a line that comes in two parts");
  t.match(await next(), { error: {} });
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.stdin.end();
  t.equal(await ended, 1);
  t.end();
});

t.test("many lines, over all processors, come back in order", (t) => {
  const actions = Array.from({ length: 3000 }, (_, i) => `action-${i}`);
  const { status, answers } = batch(actions.map((action, i) => (i % 1000 === 999 ? "nonsense\n" : `${challengeOf(action)}\n`)).join(""), "--audit", "audit-many");
  t.equal(status, 1);
  t.same(answers.map(({ action, challenge }) => action ?? challenge), actions.map((action, i) => (i % 1000 === 999 ? "nonsense" : action)));
  for (const i of [0, 1234, 2998]) t.equal(answers[i]?.authcode, authcodeFor(BOB, `serial:rack-7/action-${i}`));
  t.match(keyhole(["audit", "verify", "audit-many"], { cwd }).stdout, /^3000 lines/, "and are all on record");
  t.end();
});

t.test("options that go with --batch", (t) => {
  t.equal(batch(CHALLENGE, "--length", "12").answers[0]?.authcode, AUTHCODE.slice(0, 12));
  writeFiles(cwd, { policy: '{"allow": [{"action": "reboot"}]}' });
  t.match(batch(`${CHALLENGE}\n${challengeOf("shell")}\n`, "--policy", "policy").answers, [{ authcode: AUTHCODE }, { error: { code: "POLICY_REFUSED" }, authcode: undefined }]);
  t.equal(batch(CHALLENGE, "--yes", "--json", "--quiet").status, 0);
  for (const words of [[CHALLENGE], ["--show"], ["--group"], ["--qr"], ["--length", "9"], ["--policy", "absent"], ["--key", "absent"], ["--keyring", "absent"]]) {
    checkFailure(t, batch(CHALLENGE, ...words), 2, /./, words.join(" "));
  }
  checkFailure(t, keyhole(["login", "--batch"], { cwd, input: CHALLENGE }), 2, /no private key/, "no key");
  t.end();
});

t.test("an encrypted key is opened once", (t) => {
  writeFiles(cwd, { pass: "secret\n" });
  const script = `keyhole genkey --encrypt --passphrase-file pass --out locked
    keyhole pubkey -klocked --passphrase-file pass >locked.pub
    for i in 1 2 3; do keyhole challenge new --peer locked.pub --host h --action $i --state state-$i; done >challenges
    keyhole login --batch -klocked --passphrase-file pass <challenges`;
  const { status, stdout } = shell(script, { cwd });
  const answers = parseAnswers(stdout);
  t.match([status, answers], [0, [{ action: "1" }, { action: "2" }, { action: "3" }]]);
  for (const { action, authcode } of answers) t.equal(keyhole(["challenge", "check", "--state", `state-${action!}`, "--", authcode!], { cwd }).status, 0);
  checkFailure(t, keyhole(["login", "--batch", "-klocked"], { cwd, input: CHALLENGE }), 2, /needs a passphrase/, "nobody to ask");
  t.end();
});

/** Ends within reason though its input stays open. */
async function endOf(t: Test, child: ReturnType<typeof startKeyhole>): Promise<Outcome & { readonly signal: NodeJS.Signals | null }> {
  const started = Date.now();
  const outcome = await finish(child);
  t.ok(Date.now() - started < 30_000, "soon");
  return outcome;
}

t.test("output that fails ends the batch, though input goes on", async (t) => {
  const before = listing(cwd);
  const reader = startKeyhole(["login", "--batch", "-k1-bob.key"], { cwd });
  reader.stdin.on("error", () => undefined);
  reader.stdin.write(`${CHALLENGE}\n`);
  await new Promise((resolve) => reader.stdout.once("data", resolve));
  reader.stdout.destroy();
  reader.stdin.write(`${CHALLENGE}\n`);
  checkFailure(t, await endOf(t, reader), 3, /standard output cannot be written: the reader has gone/, "the reader goes away");

  checkFailure(t, shell(`{ echo '${CHALLENGE}'; sleep 20 & echo $! >sleeper; wait; } | { keyhole login --batch -k1-bob.key >/dev/full; status=$?; kill $(cat sleeper); exit $status; }`, { cwd }), 3, /standard output cannot be written: no space left/, "full");
  const flood = shell(`yes '${CHALLENGE}' | keyhole login --batch -k1-bob.key | head -n 3`, { cwd });
  t.equal(parseAnswers(flood.stdout).length, 3, "head takes what it wants, and yes comes to an end");
  t.match(flood.stderr, /error: standard output cannot be written: the reader has gone/);
  t.same(listing(cwd).filter((name) => name !== "sleeper"), before);
  t.end();
});

t.test("input that cannot be read", (t) => {
  checkFailure(t, shell("keyhole login --batch -k1-bob.key <.", { cwd }), 2, /standard input cannot be read/, "directory");
  const closed = shell("keyhole login --batch -k1-bob.key <&-", { cwd });
  t.equal(closed.stdout, "", "closed");
  const file = shell(`echo '${CHALLENGE}' >lines; keyhole login --batch -k1-bob.key <lines`, { cwd });
  t.match(parseAnswers(file.stdout), [{ authcode: AUTHCODE }], "a file is read as a pipe is");
  t.end();
});

t.test("Ctrl-C ends it", async (t) => {
  const child = startKeyhole(["login", "--batch", "-k1-bob.key", "--audit", "audit-interrupted"], { cwd });
  child.stdin.write(`${CHALLENGE}\n${CHALLENGE.slice(0, 30)}`);
  child.stdout.once("data", () => void child.kill("SIGINT"));
  const { status, signal } = await endOf(t, child);
  t.ok(signal === "SIGINT" || status === 130);
  t.match(keyhole(["audit", "verify", "audit-interrupted"], { cwd }).stdout, /^1 lines?,/);
  t.notOk(listing(cwd).some((name) => name.startsWith("audit-interrupted.")), "no lock is left");
  t.end();
});
