import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import t from "tap";
import { compiledPath, readProgram } from "../../src/program.ts";
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
    const compiled = readFileSync(compiledPath(path));
    t.equal(readProgram(path, compiled).cachedDataRejected, false, name);
    t.notOk(/\bimport\(/.test(readFileSync(path, "utf8")), `${name} has no import(), which could not be carried out`);
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
    t.same(run(resolve("dist/main.cjs"), line, ["--no-opt"]), expected, "with one that is for other settings of V8");
  }
  t.end();
});
