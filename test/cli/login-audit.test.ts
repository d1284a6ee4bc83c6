import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { answerAll } from "../support/batch.ts";
import { authcodeFor, challengeFor, partyOf } from "../support/glome-peer.ts";
import { BOB } from "../support/glome-vectors.ts";
import { checkFailure, finish, keyhole, listing, shell, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";

const MESSAGE = "serial:rack-7/reboot";
const CHALLENGE = challengeFor(BOB, { prefix: 0x81, message: MESSAGE });
const AUTHCODE = authcodeFor(BOB, MESSAGE);

interface Line {
  readonly event: string;
  readonly challenge: string;
  readonly hostType?: string;
  readonly host?: string;
  readonly action?: string;
  readonly key?: string;
  readonly code?: string;
}

function directory(t: Test): string {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { "1-bob.key": BOB.key, deny: '{"allow": []}' });
  return cwd;
}

function login(cwd: string, challenge: string, ...words: readonly string[]): Outcome {
  return keyhole(["login", "-k1-bob.key", "--audit", "audit", ...words, challenge], { cwd });
}

function readAudit(cwd: string): readonly Line[] {
  return readFileSync(join(cwd, "audit"), "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line) as Line);
}

function checkChain(t: Test, cwd: string, count: number): void {
  const { status, stdout } = keyhole(["audit", "verify", "--json", "audit"], { cwd });
  t.match([status, JSON.parse(stdout)], [0, { lines: count }], `a chain of ${count} lines`);
}

t.test("a line for every answer and refusal, and never the code", (t) => {
  const cwd = directory(t);
  const answered = login(cwd, CHALLENGE, "--length", "10");
  t.same([answered.status, answered.stdout], [0, `${AUTHCODE.slice(0, 10)}\n`]);
  t.equal(login(cwd, CHALLENGE, "--policy", "deny").status, 1);
  t.equal(login(cwd, challengeFor(BOB, { prefix: 0x82, message: MESSAGE })).status, 1);
  t.equal(login(cwd, challengeFor(partyOf("other"), { prefix: 0x81, message: MESSAGE, tagLength: 3 })).status, 1);
  t.equal(login(cwd, CHALLENGE.slice(0, -1)).status, 2);
  t.equal(login(cwd, "no challenge \u001b[2J \u202e").status, 2);
  t.equal(keyhole(["login", "-k1-bob.key", "--audit", "audit"], { cwd }).status, 2);

  const request = { hostType: "serial", host: "rack-7", action: "reboot" };
  t.match(readAudit(cwd), [
    { event: "answer", challenge: CHALLENGE, ...request, key: "1-bob" },
    { event: "refusal", challenge: CHALLENGE, ...request, code: "POLICY_REFUSED" },
    { event: "refusal", ...request, code: "KEY_NOT_FOUND" },
    { event: "refusal", ...request, code: "MESSAGE_TAG" },
    { event: "refusal", code: /^CHALLENGE_/ },
    { event: "refusal", challenge: "no challenge \u001b[2J \u202e", code: /^CHALLENGE_/ },
    { event: "refusal", challenge: "", code: /^CHALLENGE_/ },
  ]);
  const text = readFileSync(join(cwd, "audit"), "latin1");
  t.notOk(text.includes(AUTHCODE.slice(0, 6)), "no part of the code");
  t.match(text, /^[\x20-\x7e\n]*$/, "nothing that would change what a terminal shows");
  checkChain(t, cwd, 7);
  t.same(listing(cwd), ["1-bob.key", "audit", "deny"], "and nothing else is left");
  t.end();
});

t.test("the line is written before the code is shown", async (t) => {
  const cwd = directory(t);
  checkFailure(t, shell(`keyhole login -k1-bob.key --audit audit ${CHALLENGE} >/dev/full`, { cwd }), 3, /standard output cannot be written/);
  t.match(readAudit(cwd), [{ event: "answer", challenge: CHALLENGE }], "so it is there when the code could not be shown");

  const child = startKeyhole(["login", "-k1-bob.key", "--audit", "audit", "--batch"], { cwd });
  child.stdin.write(`${CHALLENGE}\n`);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  t.equal(readAudit(cwd).length, 2, "and in a batch when the answer comes");
  const ended = finish(child);
  child.stdin.end();
  t.equal((await ended).status, 0);
  t.end();
});

t.test("if the line cannot be written, no code leaves", (t) => {
  const cwd = directory(t);
  mkdirSync(join(cwd, "directory"));
  const audits: Readonly<Record<string, RegExp>> = {
    "/dev/full": /audit file \/dev\/full/,
    directory: /directory/,
    "absent/audit": /no such file or directory/,
    "deny/audit": /cannot be written/,
  };
  for (const [path, error] of Object.entries(audits)) {
    checkFailure(t, keyhole(["login", "-k1-bob.key", "--audit", path, CHALLENGE], { cwd }), 3, error, `--audit ${path}`);
  }
  for (const path of ["/dev/full", "absent/audit"]) {
    const batch = keyhole(["login", "-k1-bob.key", "--batch", "--audit", path], { cwd, input: `${CHALLENGE}\n` });
    checkFailure(t, batch, 3, /audit file/, `--audit ${path} in a batch`);
    checkFailure(t, keyhole(["login", "-k1-bob.key", "--audit", path, "nonsense"], { cwd }), 3, /audit file/, `--audit ${path} for a refusal`);
  }
  t.same(listing(cwd), ["1-bob.key", "deny", "directory"]);
  t.end();
});

t.test("a line that does not fit on the disk leaves the file as it was", (t) => {
  const cwd = directory(t);
  const script = `trap '' XFSZ; ulimit -f 1; keyhole login -k1-bob.key --audit audit ${CHALLENGE}`;
  let before = "";
  let outcome = shell(script, { cwd });
  for (let i = 0; i < 4 && outcome.status === 0; i++) {
    before = readFileSync(join(cwd, "audit"), "utf8");
    outcome = shell(script, { cwd });
  }
  checkFailure(t, outcome, 3, /audit file audit cannot be written/);
  t.not(before, "", "there were lines that did fit");
  t.equal(readFileSync(join(cwd, "audit"), "utf8"), before);
  t.equal(login(cwd, CHALLENGE).status, 0, "and it goes on when there is room");
  t.same(listing(cwd), ["1-bob.key", "audit", "deny"]);
  t.end();
});

t.test("a full file system leaves the audit as it was", (t) => {
  const cwd = directory(t);
  mkdirSync(join(cwd, "disk"));
  if (!mountSmallDisk(t, join(cwd, "disk"))) return t.end();
  const run = (): Outcome => keyhole(["login", "-k1-bob.key", "--audit", "disk/audit", CHALLENGE], { cwd });
  t.equal(run().status, 0);
  const before = readFileSync(join(cwd, "disk/audit"), "utf8");
  fillDisk(join(cwd, "disk"));
  for (let i = 0; i < 16 && run().status === 0; i++);
  const full = readFileSync(join(cwd, "disk/audit"), "utf8");
  t.ok(full.startsWith(before));
  checkFailure(t, run(), 3, /no space left on device/);
  t.equal(readFileSync(join(cwd, "disk/audit"), "utf8"), full);
  t.equal(keyhole(["audit", "verify", "disk/audit"], { cwd }).status, 0);
  t.same(listing(join(cwd, "disk")), ["audit", "filler"]);
  t.end();
});

t.test("nothing is added to a file that does not end in a line of its own", (t) => {
  const whole = (cwd: string): string => {
    login(cwd, CHALLENGE);
    login(cwd, CHALLENGE);
    return readFileSync(join(cwd, "audit"), "utf8");
  };
  const damages: Readonly<Record<string, (text: string) => string>> = {
    "another kind of file": () => "127.0.0.1 localhost\n",
    "a line without its end": (text) => text.slice(0, -1),
    "half a line": (text) => text.slice(0, -40),
    "a changed line": (text) => text.replace(/reboot(?=[^\n]*\n$)/, "reb00t"),
    "an empty line": (text) => `${text}\n`,
  };
  const cwd = directory(t);
  const good = whole(cwd);
  for (const [name, damage] of Object.entries(damages)) {
    writeFileSync(join(cwd, "audit"), damage(good));
    checkFailure(t, login(cwd, CHALLENGE), 3, /audit file \S*audit /, name);
    t.equal(readFileSync(join(cwd, "audit"), "utf8"), damage(good), "it is left as it was");
  }
  t.end();
});

t.test("the audit of environment and configuration", (t) => {
  const cwd = directory(t);
  const run = (env: Readonly<Record<string, string>>, ...words: readonly string[]): number | null => keyhole(["login", "-k1-bob.key", ...words, CHALLENGE], { cwd, env }).status;
  t.equal(run({ KEYHOLE_AUDIT: "from-environment" }), 0);
  t.ok(existsSync(join(cwd, "from-environment")), "KEYHOLE_AUDIT");
  t.equal(run({ KEYHOLE_AUDIT: "unused" }, "--audit", "from-option"), 0);
  t.ok(existsSync(join(cwd, "from-option")), "--audit");
  mkdirSync(join(cwd, "config/keyhole"), { recursive: true });
  writeFiles(join(cwd, "config/keyhole"), { "config.json": '{"audit": "log.jsonl"}' });
  t.equal(run({}), 0);
  t.ok(existsSync(join(cwd, "config/keyhole/log.jsonl")), "config.json");
  t.notOk(existsSync(join(cwd, "unused")));
  t.end();
});

t.test("the audit of a batch", (t) => {
  const cwd = directory(t);
  const { status, answers } = answerAll([CHALLENGE, "nonsense", CHALLENGE], ["-k1-bob.key", "--audit", "audit"], { cwd });
  t.match([status, answers], [1, [{ authcode: AUTHCODE }, { error: {} }, { authcode: AUTHCODE }]]);
  t.match(readAudit(cwd), [{ event: "answer", challenge: CHALLENGE, host: "rack-7" }, { event: "refusal", challenge: "nonsense" }, { event: "answer" }]);
  t.notOk(readFileSync(join(cwd, "audit"), "utf8").includes(AUTHCODE.slice(0, 6)));
  checkChain(t, cwd, 3);
  t.end();
});

t.test("writers at the same time make one chain", async (t) => {
  const cwd = directory(t);
  const singles = Array.from({ length: 8 }, () => finish(startKeyhole(["login", "-k1-bob.key", "--audit", "audit", CHALLENGE], { cwd })));
  const batches = Array.from({ length: 2 }, () => {
    const child = startKeyhole(["login", "-k1-bob.key", "--audit", "./audit", "--batch"], { cwd });
    const ended = finish(child);
    child.stdin.end(`${CHALLENGE}\n`.repeat(20));
    return ended;
  });
  for (const { status, stderr } of await Promise.all([...singles, ...batches])) t.equal(status, 0, stderr);
  checkChain(t, cwd, 8 + 2 * 20);
  t.same(listing(cwd), ["1-bob.key", "audit", "deny"], "no lock is left");
  t.end();
});

/**
 * Kills writers until one dies while it holds the lock, which it then cannot
 * give back.
 *
 * @returns what the lock file says
 */
async function leaveLock(cwd: string): Promise<string> {
  const lock = join(cwd, "audit.lock");
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const child = startKeyhole(["login", "-k1-bob.key", "--audit", "audit", "--batch"], { cwd });
    const ended = finish(child);
    child.stdin.on("error", () => undefined);
    child.stdin.write(`${CHALLENGE}\n`.repeat(20_000));
    while (!existsSync(lock) && child.exitCode === null && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
    child.kill("SIGKILL");
    await ended;
    if (existsSync(lock)) return readFileSync(lock, "utf8");
  }
  throw new Error("no writer died while it held the lock");
}

t.test("the lock of a process that has died is no obstacle", async (t) => {
  const cwd = directory(t);
  await leaveLock(cwd);
  // The one who was killed may have left half a line, which is another matter.
  rmSync(join(cwd, "audit"), { force: true });
  const writers = Array.from({ length: 4 }, () => finish(startKeyhole(["login", "-k1-bob.key", "--audit", "audit", CHALLENGE], { cwd })));
  for (const { status, stderr } of await Promise.all(writers)) t.equal(status, 0, stderr);
  checkChain(t, cwd, 4);
  t.notOk(existsSync(join(cwd, "audit.lock")));
  t.end();
});

t.test("the lock of a process that lives is waited for, and Ctrl-C ends that and leaves nothing", async (t) => {
  const cwd = directory(t);
  const dead = await leaveLock(cwd);
  // The same lock, held by this process.
  writeFiles(cwd, { "audit.lock": dead.replace(/:[0-9]+:/, `:${process.pid}:`) });
  const before = listing(cwd);
  const child = startKeyhole(["login", "-k1-bob.key", "--audit", "audit", CHALLENGE], { cwd });
  const ended = finish(child);
  // The request is shown before the audit is written.
  child.stderr.once("data", () => setTimeout(() => void child.kill("SIGINT"), 500));
  const { status, signal, stdout } = await ended;
  t.ok(signal === "SIGINT" || status === 130, "is interrupted");
  t.equal(stdout, "", "no code");
  t.same(listing(cwd), before, "no file of its own is left beside the lock");
  t.end();
});

t.test("a link to the audit is the audit", (t) => {
  const cwd = directory(t);
  t.equal(shell(`ln -s audit link; for name in audit link ./audit; do keyhole login -k1-bob.key --audit $name ${CHALLENGE}; done`, { cwd }).status, 0);
  checkChain(t, cwd, 3);
  t.end();
});

t.test("an audit is for its owner alone", (t) => {
  const cwd = directory(t);
  t.equal(shell(`umask 0; keyhole login -k1-bob.key --audit audit ${CHALLENGE}`, { cwd }).status, 0);
  t.equal(statSync(join(cwd, "audit")).mode & 0o777, 0o600);
  t.end();
});
