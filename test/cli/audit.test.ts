import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { challengeFor } from "../support/glome-peer.ts";
import { BOB } from "../support/glome-vectors.ts";
import { checkFailure, keyhole, keyholeForEach, shell, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { bob: BOB.key });

/** An audit of five lines, one of them a refusal. */
const challenges = ["a", "b", "c", "d"].map((action) => challengeFor(BOB, { prefix: 0x80, message: `rack-7/${action}` }));
keyhole(["login", "--batch", "-kbob", "--audit", "audit"], { cwd, input: [...challenges, "nonsense"].map((line) => `${line}\n`).join("") });
const LINES = readFileSync(join(cwd, "audit"), "utf8").split("\n").slice(0, -1);

function verify(lines: readonly string[], ...words: readonly string[]): Outcome {
  writeFiles(cwd, { changed: lines.map((line) => `${line}\n`).join("") });
  return keyhole(["audit", "verify", "changed", ...words], { cwd });
}

/** The hash at the end of a chain, as verify prints it. */
function hashOf(lines: readonly string[]): string {
  return (JSON.parse(verify(lines, "--json").stdout) as { hash: string }).hash;
}

t.test("a whole chain", (t) => {
  t.equal(LINES.length, 5);
  const { status, stdout, stderr } = verify(LINES);
  t.same([status, stderr], [0, ""]);
  t.match(stdout, /^5 lines, hash [0-9a-f]{64}\n$/);
  t.ok(stdout.includes(hashOf(LINES)));
  t.equal(verify([]).status, 0, "an empty file");
  t.end();
});

t.test("a line that was changed, at any place", async (t) => {
  const changes: readonly (readonly [number, (line: string) => string])[] = [
    [1, (line) => line.replace('"a"', '"z"')],
    [2, (line) => line.replace("rack-7", "rack-8")],
    [3, (line) => line.replace('"answer"', '"refusal"')],
    [4, (line) => line.replace(/"time":"2/, '"time":"1')],
    [5, (line) => line.replace(/("hash":")(.)/, (_, before: string, digit: string) => `${before}${digit === "0" ? "1" : "0"}`)],
    [2, (line) => ` ${line}`],
    [3, (line) => line.replace('"host":', '"host": ')],
    [5, () => ""],
    [1, () => "not JSON"],
  ];
  const outcomes = await keyholeForEach(changes, ([number, change], i) => {
    const changed = LINES.map((line, i) => (i === number - 1 ? change(line) : line));
    t.notSame(changed, LINES);
    writeFiles(cwd, { [`changed-${i}`]: changed.map((line) => `${line}\n`).join("") });
    return [["audit", "verify", `changed-${i}`], { cwd }];
  });
  for (const [[number, change], { status, stdout }] of outcomes) {
    t.match([status, stdout], [1, new RegExp(`\\bline ${number}\\b`)], `line ${number}: ${String(change)}`);
  }
  t.end();
});

t.test("lines that were dropped, moved or added", async (t) => {
  const [a, b, c, d, e] = LINES as [string, string, string, string, string];
  const cases: readonly (readonly [string, readonly string[], number])[] = [
    ["the first dropped", [b, c, d, e], 1],
    ["one in the middle dropped", [a, b, d, e], 3],
    ["two changed places", [a, c, b, d, e], 2],
    ["the last two changed places", [a, b, c, e, d], 4],
    ["one twice", [a, b, b, c, d, e], 3],
    ["the whole twice", [...LINES, ...LINES], 6],
    ["an empty line between", [a, b, "", c, d, e], 3],
  ];
  const outcomes = await keyholeForEach(cases, ([, lines], i) => {
    writeFiles(cwd, { [`moved-${i}`]: lines.map((line) => `${line}\n`).join("") });
    return [["audit", "verify", `moved-${i}`], { cwd }];
  });
  for (const [[name, , number], { status, stdout }] of outcomes) t.match([status, stdout], [1, new RegExp(`\\bline ${number}\\b`)], name);
  const json = verify([a, b, d, e], "--json");
  t.match([json.status, JSON.parse(json.stdout)], [1, { line: 3 }], "as JSON");
  t.end();
});

t.test("lines dropped at the tail show by the hash that verify printed before", (t) => {
  const known = hashOf(LINES);
  t.equal(verify(LINES, "--known-hash", known).status, 0, "nothing dropped");
  t.equal(verify(LINES, `--known-hash=${hashOf(LINES.slice(0, 3))}`).status, 0, "lines added since");
  for (const length of [4, 0]) {
    t.equal(verify(LINES.slice(0, length)).status, 0, `${length} lines are a chain of their own`);
    const { status, stdout } = verify(LINES.slice(0, length), "--known-hash", known);
    t.match([status, stdout], [1, new RegExp(`\\bline ${length + 1}\\b`)], `${length} lines and the known hash`);
  }
  t.equal(verify([], "--known-hash", hashOf([])).status, 0, "the hash of an empty file");
  for (const hash of ["", "x".repeat(64), `${known}0`]) checkFailure(t, verify(LINES, "--known-hash", hash), 2, /--known-hash/, JSON.stringify(hash));
  t.end();
});

t.test("a last line that is cut", (t) => {
  const whole = LINES.map((line) => `${line}\n`).join("");
  for (const cut of [1, 30]) {
    writeFiles(cwd, { changed: whole.slice(0, -cut) });
    const { status, stdout } = keyhole(["audit", "verify", "changed"], { cwd });
    t.match([status, stdout], [1, /\bline 5\b/], `by ${cut}`);
  }
  t.end();
});

t.test("files of another kind", (t) => {
  for (const [name, contents] of Object.entries({ text: "hello\n", binary: Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff), "one long line": "x".repeat(3 * 1024 * 1024) })) {
    writeFiles(cwd, { changed: contents });
    const { status, stdout } = keyhole(["audit", "verify", "changed"], { cwd });
    t.match([status, stdout], [1, /\bline 1\b/], name);
  }
  t.end();
});

t.test("wrong usage, input that cannot be read, output that fails", (t) => {
  checkFailure(t, keyhole(["audit", "verify"], { cwd }), 2, /needs FILE/, "no file named");
  checkFailure(t, keyhole(["audit", "verify", "absent"], { cwd }), 2, /absent cannot be read: no such file/, "missing");
  checkFailure(t, keyhole(["audit", "verify", "."], { cwd }), 2, /it is a directory/, "directory");
  checkFailure(t, keyhole(["audit", "verify", "audit", "audit"], { cwd }), 2, /audit/, "two files");
  checkFailure(t, keyhole(["audit", "verify", "audit", "--bogus"], { cwd }), 2, /bogus/, "unknown option");
  checkFailure(t, keyhole(["audit", "verify", "audit", "--known-hash"], { cwd }), 2, /known-hash/, "an option without its value");
  checkFailure(t, keyhole(["audit", "verify", "audit", "--json=no"], { cwd }), 2, /json/, "a value for a flag");
  t.equal(shell("cp audit true; keyhole audit verify --json true", { cwd }).status, 0, "the word after a flag is no value of it");
  checkFailure(t, keyhole(["audit"], { cwd }), 2, /audit/, "half a command");
  checkFailure(t, keyhole(["audit", "burn", "audit"], { cwd }), 2, /audit/, "no such command");
  checkFailure(t, shell("keyhole audit verify audit >/dev/full", { cwd }), 3, /standard output cannot be written/, "full");
  t.match(JSON.parse(keyhole(["audit", "verify", "absent", "--json"], { cwd }).stdout), { error: { code: "FILE_READ", message: /absent/ } });
  t.match(JSON.parse(verify(LINES, "--json").stdout), { lines: 5, hash: /^[0-9a-f]{64}$/ });
  t.end();
});
