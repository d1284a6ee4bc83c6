import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import t from "tap";
import { compiledPath, openCompiled, parseProgram, sealCompiled } from "../../src/program.ts";
import { cleanEnvironment, runToEnd, temporaryDirectory } from "../support/keyhole.ts";

// What runs is several programs, some with V8's compiled code beside them.

const COMPILED = ["ctap", "invite", "full"];
/** A line of each that ends before anybody is met. */
const LINES = [
  ["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "you", "--device", "hidraw:/dev/null"],
  ["invite", "accept", "7-guitarist-revenge", "--mailbox", "wss://127.0.0.1:1/v1"],
  ["ctap", "info", "--device", "udp:127.0.0.1:1"],
];

t.test("compiled code is that of the program, for this Node", (t) => {
  for (const name of COMPILED) {
    const path = resolve(`dist/${name}.cjs`);
    const text = readFileSync(path, "utf8");
    const compiled = openCompiled(text, readFileSync(compiledPath(path)));
    t.equal(parseProgram(path, text, compiled).cachedDataRejected, false, name);
    t.notOk(/\bimport\(/.test(text), `${name} has no import(), which could not be carried out`);
  }
  t.end();
});

t.test("compiled code that is damaged, or of another program, is not taken", (t) => {
  const text = "(function () {})";
  const compiled = parseProgram("a.cjs", text).createCachedData();
  const sealed = sealCompiled(text, compiled);
  t.ok(openCompiled(text, sealed)?.equals(compiled));
  t.equal(openCompiled("(function () { })", sealed), undefined);
  t.equal(openCompiled("(function (){ })", sealed), undefined, "of the same length");
  for (let length = 0; length < sealed.length; length++) if (openCompiled(text, sealed.subarray(0, length)) !== undefined) t.fail(`its first ${length} bytes`);
  for (let i = 0; i < sealed.length; i++) {
    const damaged = Buffer.from(sealed);
    damaged[i]! ^= 1;
    if (openCompiled(text, damaged) !== undefined) t.fail(`byte ${i} is another`);
  }
  t.end();
});

t.test("a program runs the same without its compiled code, and where V8 refuses it", (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "dist"));
  for (const name of readdirSync("dist").filter((name) => name.endsWith(".cjs"))) copyFileSync(join("dist", name), join(directory, "dist", name));
  symlinkSync(resolve("node_modules"), join(directory, "node_modules"));
  t.notOk(COMPILED.some((name) => existsSync(compiledPath(join(directory, "dist", `${name}.cjs`)))));
  const run = (main: string, line: readonly string[], flags: readonly string[] = []): unknown => runToEnd([process.execPath, ...flags, main, ...line], directory, "", cleanEnvironment(directory));
  for (const line of LINES) {
    const expected = run(resolve("dist/main.cjs"), line);
    t.match(expected, { status: 3, stderr: /^error: .+\nhint: .+\n$/ }, line.join(" "));
    t.same(run(join(directory, "dist/main.cjs"), line), expected, "without it");
    const damaged = COMPILED.map((name) => compiledPath(join(directory, "dist", `${name}.cjs`)));
    for (const path of damaged) writeFileSync(path, "not compiled code");
    t.same(run(join(directory, "dist/main.cjs"), line), expected, "with a file that is no such code");
    for (const path of damaged) rmSync(path);
    for (const path of damaged) mkdirSync(path);
    t.same(run(join(directory, "dist/main.cjs"), line), expected, "with one that cannot be read");
    for (const path of damaged) rmSync(path, { recursive: true });
    t.same(run(resolve("dist/main.cjs"), line, ["--no-opt"]), expected, "with one that is for other settings of V8");
  }
  t.end();
});
