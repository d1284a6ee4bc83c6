import { spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import t from "tap";
import { describeSystemError, readFile, takeFile, writeNewFile } from "../../src/lib/files.ts";
import { listing, temporaryDirectory } from "../support/keyhole.ts";
import { runModule, startAtOnce } from "./processes.ts";

const CONTENTS = Buffer.from("thirty-two bytes of a private key");

t.test("a file is read whole, and never more than it may have", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "f");
  fs.writeFileSync(path, CONTENTS);
  t.ok(CONTENTS.equals(readFile(path, "private key", CONTENTS.length).bytes), "up to the limit");
  t.throws(() => readFile(path, "private key", CONTENTS.length - 1), { code: "FILE_TOO_LONG", kind: "input", message: `private key ${path} is longer than 32 bytes` });
  t.throws(() => readFile("/dev/zero", "key", 100_000), { code: "FILE_TOO_LONG" }, "where there is no end");

  const long = Buffer.alloc(200_000, "abc");
  fs.writeFileSync(path, long);
  t.ok(long.equals(readFile(path, "key", long.length).bytes), "longer than one read");
  fs.writeFileSync(path, "");
  t.equal(readFile(path, "key", 0).bytes.length, 0, "empty");
  t.end();
});

t.test("what cannot be read is an error that names it", (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, "file");
  fs.writeFileSync(file, "");
  fs.symlinkSync("loop", join(directory, "loop"));
  const cases = [
    ["missing", join(directory, "missing"), /no such file or directory \(ENOENT\)$/],
    ["a directory", directory, /it is a directory \(EISDIR\)$/],
    ["below a file", join(file, "x"), /not a directory \(ENOTDIR\)$/],
    ["a loop of links", join(directory, "loop"), /symbolic links \(ELOOP\)$/],
    ["a name too long", join(directory, "n".repeat(300)), /name too long \(ENAMETOOLONG\)$/],
    ["no name", "", /\(ENOENT\)$/],
  ] as const;
  for (const [name, path, message] of cases) {
    t.throws(() => readFile(path, "policy", 10), { code: "FILE_READ", kind: "input", message }, name);
    t.throws(() => readFile(path, "policy", 10), { message: new RegExp(`^policy ${path}`) }, `${name}: named`);
  }
  t.end();
});

t.test("who else can read a file", (t) => {
  const path = join(temporaryDirectory(t), "f");
  fs.writeFileSync(path, CONTENTS);
  const cases = [
    [0o600, false],
    [0o400, false],
    [0o711, false],
    [0o622, false],
    [0o640, true],
    [0o604, true],
    [0o644, true],
  ] as const;
  for (const [mode, byOthers] of cases) {
    fs.chmodSync(path, mode);
    t.equal(readFile(path, "key", 100).readableByOthers, byOthers, `0${mode.toString(8)}`);
  }
  t.equal(readFile("/dev/null", "key", 100).readableByOthers, false, "a device is not kept");
  t.end();
});

t.test("a new file is its owner's alone, whatever the mask", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "k.key");
  const mask = process.umask(0);
  try {
    writeNewFile(path, "private key", CONTENTS);
  } finally {
    process.umask(mask);
  }
  t.equal(fs.statSync(path).mode & 0o7777, 0o600);
  t.ok(fs.readFileSync(path).equals(CONTENTS));
  t.same(listing(directory), ["k.key"], "and nothing is left beside it");
  t.end();
});

t.test("a new file never takes the place of another", (t) => {
  const directory = temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  fs.writeFileSync(path("file"), "before");
  fs.mkdirSync(path("directory"));
  fs.symlinkSync("nowhere", path("dangling"));
  fs.symlinkSync("file", path("link"));
  const before = listing(directory);
  for (const name of before) {
    t.throws(() => void writeNewFile(path(name), "private key", CONTENTS), { code: "FILE_EXISTS", kind: "outside" }, name);
  }
  t.same(listing(directory), before);
  t.equal(fs.readFileSync(path("file"), "utf8"), "before");
  t.throws(() => void writeNewFile("/dev/null", "private key", CONTENTS), { code: "FILE_EXISTS" }, "a device");
  t.end();
});

t.test("where a new file cannot be, nothing is left", (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(join(directory, "file"), "");
  const cases = [
    ["no directory", join(directory, "missing", "k")],
    ["below a file", join(directory, "file", "k")],
    ["a name too long", join(directory, "n".repeat(300))],
    ["no name", ""],
  ] as const;
  for (const [name, path] of cases) t.throws(() => void writeNewFile(path, "private key", CONTENTS), { code: "FILE_WRITE", kind: "outside" }, name);
  t.same(listing(directory), ["file"]);
  t.end();
});

t.test("a disk that is full leaves nothing behind", (t) => {
  const directory = temporaryDirectory(t);
  // The shell's limit on the size of files stands in for the disk; 1 is 512 or 1024 bytes.
  const { status, stdout, stderr } = spawnSync(
    "sh",
    ["-c", 'ulimit -f 1 && exec "$@"', "sh", process.execPath, ...runModule("files.js", `try { lib.writeNewFile("k", "private key", Buffer.alloc(5000)); } catch (error) { console.log(error.code, error.message); }`)],
    { cwd: directory, encoding: "utf8" },
  );
  t.match({ status, stdout, stderr }, { status: 0, stdout: /^FILE_WRITE private key k cannot be written: file too large \(EFBIG\)\n$/ });
  t.same(listing(directory), []);
  t.end();
});

t.test("of many who write one new file, one does", async (t) => {
  const directory = temporaryDirectory(t);
  const contents = (i: number): string => String(i).repeat(100_000);
  const run = (i: number): string => `try { lib.writeNewFile("k", "private key", Buffer.from("${i}".repeat(100_000))); console.log("wrote"); } catch (error) { console.log(error.code); }`;
  const results = await startAtOnce("files.js", [1, 2, 3, 4].map(run), directory);
  const winners = results.flatMap(({ stdout }, i) => (stdout === "wrote\n" ? [i + 1] : []));
  t.equal(winners.length, 1);
  t.same(
    results.map(({ stdout }) => stdout).filter((stdout) => stdout !== "wrote\n"),
    Array<string>(3).fill("FILE_EXISTS\n"),
  );
  t.equal(fs.readFileSync(join(directory, "k"), "utf8"), contents(winners[0]!));
  t.same(listing(directory), ["k"]);
});

t.test("of many who take one file, one gets it", async (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(join(directory, "state"), CONTENTS);
  const run = `const bytes = lib.takeFile("state", "state file", 100); console.log(bytes === undefined ? "none" : Buffer.from(bytes).toString());`;
  const results = await startAtOnce("files.js", Array<string>(4).fill(run), directory);
  t.same(results.map(({ stdout }) => stdout).sort(), [...Array<string>(3).fill("none\n"), `${CONTENTS.toString()}\n`].sort());
  t.same(listing(directory), []);
});

t.test("what is no file, or has another name by which it could be taken again, is not taken", (t) => {
  const directory = temporaryDirectory(t);
  const path = (name: string): string => join(directory, name);
  fs.mkdirSync(path("directory"));
  fs.writeFileSync(path("file"), CONTENTS);
  fs.linkSync(path("file"), path("other"));
  fs.symlinkSync("file", path("link"));
  const before = listing(directory);
  for (const name of before) t.throws(() => takeFile(path(name), "state file", 100), { code: "FILE_READ" }, name);
  t.same(listing(directory), before);
  t.end();
});

t.test("what the system says, in words; what it did not say is a bug", async (t) => {
  const { error } = spawnSync("/nonexistent/program");
  t.equal(describeSystemError(error), "no such file or directory (ENOENT)");
  t.equal(describeSystemError(Object.assign(new Error("x"), { code: "EWHATEVER" })), "EWHATEVER");
  t.throws(() => describeSystemError(new TypeError("a bug")), { message: "a bug" });

  const reader = fs.createReadStream("/nonexistent/file");
  const [failure] = (await once(reader, "error")) as [unknown];
  t.match(describeSystemError(failure), /ENOENT/);
});
