import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import t from "tap";
import fc from "fast-check";
import { EMPTY_CHAIN_HASH, encodeAuditLine, type AuditEvent } from "../../../src/lib/glome/audit.ts";
import { appendAudit, verifyAudit } from "../../../src/lib/glome/audit-log.ts";
import { listing, temporaryDirectory } from "../../support/keyhole.ts";
import { anyString } from "../arbitraries.ts";
import { runModule, startAtOnce } from "../processes.ts";

const event = (challenge: string): AuditEvent => ({ time: new Date(0), event: "refusal", challenge, code: "X", user: "ann" });

interface Sample {
  readonly directory: string;
  readonly path: string;
  readonly lines: readonly string[];
  readonly hashes: readonly string[];
}

function sampleLog(t: Parameters<typeof temporaryDirectory>[0], count: number): Sample {
  const directory = temporaryDirectory(t);
  const path = join(directory, "audit.jsonl");
  const hashes = Array.from({ length: count }, (_, i) => {
    appendAudit(path, [event(`challenge ${i} hést`)]);
    return verifyAudit(path, undefined).end.hash;
  });
  return { directory, path, hashes, lines: fs.readFileSync(path, "utf8").trimEnd().split("\n") };
}

t.test("events are added one after the other", (t) => {
  const { directory, path, lines, hashes } = sampleLog(t, 3);
  t.equal(lines.length, 3);
  t.same(verifyAudit(path, undefined), { end: { sequence: 3, hash: hashes[2] } });
  t.equal(fs.statSync(path).mode & 0o7777, 0o600, "for its owner alone");
  t.same(listing(directory), ["audit.jsonl"], "and nothing is left beside it");
  appendAudit(path, ["a", "b"].map(event));
  t.match(verifyAudit(path, undefined), { end: { sequence: 5 } }, "several at once");
  appendAudit(path, []);
  t.match(verifyAudit(path, undefined), { end: { sequence: 5 } });
  fs.writeFileSync(join(directory, "empty"), "");
  t.same(verifyAudit(join(directory, "empty"), undefined), { end: { sequence: 0, hash: EMPTY_CHAIN_HASH } });
  t.end();
});

t.test("a line changed in any byte is found where it stands", (t) => {
  const { path, lines } = sampleLog(t, 2);
  const bytes = fs.readFileSync(path);
  const starts = lines.map((_, i) => Buffer.byteLength(lines.slice(0, i).join("\n")) + (i === 0 ? 0 : 1));
  for (let at = 0; at < bytes.length; at++) {
    const line = starts.findLastIndex((start) => start <= at) + 1;
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1 + (at % 255);
    fs.writeFileSync(path, changed);
    assert.equal(verifyAudit(path, undefined).broken?.line, line, `byte ${at}`);
  }
  t.end();
});

t.test("lines dropped, doubled, added and moved are found where they are missed", (t) => {
  const { path, lines } = sampleLog(t, 6);
  const broken = (changed: readonly string[]): number | undefined => {
    fs.writeFileSync(path, changed.map((line) => `${line}\n`).join(""));
    return verifyAudit(path, undefined).broken?.line;
  };
  t.equal(broken(lines), undefined);
  for (let i = 0; i < lines.length; i++) {
    const last = lines.length - 1;
    t.equal(broken(lines.toSpliced(i, 1)), i === last ? undefined : i + 1, `without line ${i + 1}`);
    t.equal(broken(lines.toSpliced(i, 0, lines[i]!)), i + 2, `line ${i + 1} twice`);
    t.equal(broken(lines.toSpliced(i, 0, "")), i + 1, `a blank line before line ${i + 1}`);
    for (let j = i + 1; j < lines.length; j++) t.equal(broken(lines.with(i, lines[j]!).with(j, lines[i]!)), i + 1, `lines ${i + 1} and ${j + 1} changed places`);
  }
  t.equal(broken([...lines, ""]), 7);
  t.equal(broken(lines.toReversed()), 1);
  t.end();
});

t.test("a line made anew is found by the next one, and the last line by a hash that is known", (t) => {
  const { path, lines, hashes } = sampleLog(t, 4);
  for (let i = 0; i < 4; i++) {
    const { line, end } = encodeAuditLine(event("forged"), { sequence: i, hash: hashes[i - 1] ?? EMPTY_CHAIN_HASH });
    fs.writeFileSync(path, lines.with(i, line).map((line) => `${line}\n`).join(""));
    t.equal(verifyAudit(path, undefined).broken?.line, i === 3 ? undefined : i + 2, `line ${i + 1}`);
    t.match(verifyAudit(path, hashes[3]), { broken: { code: i === 3 ? "AUDIT_KNOWN_HASH" : "AUDIT_CHAIN" } });
    t.equal(verifyAudit(path, end.hash).broken === undefined, i === 3);
  }
  t.end();
});

t.test("lines dropped at the end are found by a hash that is known", (t) => {
  const { path, lines, hashes } = sampleLog(t, 4);
  for (let length = 0; length <= 4; length++) {
    fs.writeFileSync(path, lines.slice(0, length).map((line) => `${line}\n`).join(""));
    t.equal(verifyAudit(path, undefined).broken, undefined);
    t.equal(verifyAudit(path, EMPTY_CHAIN_HASH).broken, undefined, "the hash of an empty file is in each");
    for (const [i, hash] of hashes.entries()) {
      t.equal(verifyAudit(path, hash).broken?.line, i < length ? undefined : length + 1, `${length} lines, and the hash of line ${i + 1}`);
    }
  }
  t.match(verifyAudit(path, "f".repeat(64)), { broken: { code: "AUDIT_KNOWN_HASH", line: 5 } });
  t.end();
});

t.test("a file cut short is found wherever it is cut inside a line", (t) => {
  const { path, lines } = sampleLog(t, 2);
  const bytes = fs.readFileSync(path);
  const first = Buffer.byteLength(lines[0]!) + 1;
  for (let length = 0; length < bytes.length; length++) {
    fs.writeFileSync(path, bytes.subarray(0, length));
    const expected = length === 0 || length === first ? undefined : length < first ? 1 : 2;
    assert.equal(verifyAudit(path, undefined).broken?.line, expected, `${length} bytes`);
  }
  t.end();
});

t.test("no line is added to what is damaged", (t) => {
  const { path } = sampleLog(t, 2);
  const whole = fs.readFileSync(path);
  const damaged: Readonly<Record<string, Buffer>> = {
    "a cut line": whole.subarray(0, -10),
    "no newline": whole.subarray(0, -1),
    "a blank line": Buffer.concat([whole, Buffer.from("\n")]),
    "another text": Buffer.from("not an audit\n"),
    "a changed line": Buffer.from(whole.toString().replace("challenge 1", "challenge 7")),
    "no text": Buffer.from([0xff, 0x0a]),
    "a line without end": Buffer.alloc(3 * 1024 * 1024, "x\n".padStart(3 * 1024 * 1024, "x")),
  };
  for (const [name, contents] of Object.entries(damaged)) {
    fs.writeFileSync(path, contents);
    t.throws(() => void appendAudit(path, [event("new")]), { code: "AUDIT_TAIL", kind: "outside" }, name);
    t.ok(fs.readFileSync(path).equals(contents), `${name}: it stays as it was`);
    t.ok(verifyAudit(path, undefined).broken, `${name}: verify finds it too`);
  }
  t.end();
});

t.test("long lines and odd characters", (t) => {
  const { path } = sampleLog(t, 1);
  fc.assert(
    fc.property(anyString, (challenge) => void appendAudit(path, [event(challenge)])),
    { numRuns: 10 },
  );
  appendAudit(path, [event("\udcff".repeat(64 * 1024)), event("\u202e".repeat(100_000)), event("x")]);
  t.equal(verifyAudit(path, undefined).end.sequence, 14);
  t.end();
});

t.test("where nothing can be written, nothing is lost", (t) => {
  const { directory, path } = sampleLog(t, 1);
  for (const [name, bad] of [["a directory", directory], ["no directory", join(directory, "missing", "audit")], ["below a file", join(path, "audit")]] as const) {
    t.throws(() => void appendAudit(bad, [event("x")]), { code: "FILE_WRITE", kind: "outside" }, name);
    t.throws(() => verifyAudit(bad, undefined), { code: "FILE_READ" }, `${name}: verify`);
  }

  fs.linkSync(path, join(directory, "second"));
  t.throws(() => void appendAudit(path, [event("x")]), { code: "FILE_WRITE" }, "a file with two names, which two could lock at once");
  fs.rmSync(join(directory, "second"));
  const before = fs.readFileSync(path);
  // The shell's limit on the size of files, of 512 or 1024 bytes, stands in for a full disk.
  const script = `const event = (challenge) => ({ time: new Date(0), event: "answer", challenge, user: "ann" });
    for (const length of [5000, 1]) try { lib.appendAudit("audit.jsonl", [event("x".repeat(length))]); console.log("added"); } catch (error) { console.log(error.code); }`;
  const { stdout } = spawnSync("sh", ["-c", 'ulimit -f 1 && exec "$@"', "sh", process.execPath, ...runModule("glome/audit-log.js", script)], { cwd: directory, encoding: "utf8" });
  t.match(stdout, /^FILE_WRITE\n/);
  t.ok(fs.readFileSync(path).subarray(0, before.length).equals(before));
  t.equal(verifyAudit(path, undefined).broken, undefined, "the half of a line that went out was taken back");
  t.same(listing(directory), ["audit.jsonl"]);
  t.end();
});

t.test("processes that write at the same time make one chain", async (t) => {
  const { directory, path } = sampleLog(t, 1);
  fs.symlinkSync("audit.jsonl", join(directory, "link"));
  const script = (name: string): string => `for (let i = 0; i < 25; i++) lib.appendAudit("${name}", [{ time: new Date(), event: "answer", challenge: "${name} " + i, user: "ann" }]);`;
  const names = ["audit.jsonl", "link", "./audit.jsonl"];
  const ends = await startAtOnce("glome/audit-log.js", names.map(script), directory);
  t.same(ends.map(({ status }) => status), [0, 0, 0]);
  t.match(verifyAudit(path, undefined), { end: { sequence: 76 }, broken: undefined });
  const challenges = fs.readFileSync(path, "utf8").trimEnd().split("\n").map((line) => (JSON.parse(line) as { challenge: string }).challenge);
  for (const name of names) t.same(challenges.filter((challenge) => challenge.startsWith(`${name} `)), Array.from({ length: 25 }, (_, i) => `${name} ${i}`), `${name}: all, in their order`);
  t.same(listing(directory), ["audit.jsonl", "link"]);
});
