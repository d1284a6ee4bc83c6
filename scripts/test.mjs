// Compiles the tests by esbuild, which takes a second where tap's own
// TypeScript loader takes twenty, runs them by tap, and ends with a line
// `N passed, N failed`. Words on the command line choose the test files whose
// path has one of them; without any, all are run but those of SLOW.
import { build } from "esbuild";
import { spawn } from "node:child_process";
import { createWriteStream, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

function testsBelow(directory) {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) return testsBelow(path);
    return name.endsWith(".test.ts") ? [path] : [];
  });
}

const words = process.argv.slice(2);
/** Scripts of their own run these. */
const SLOW = [join("test", "interop"), join("test", "cli", "ctap-"), join("test", "cli", "invite-")];
const isChosen = (path) => (words.length === 0 ? !SLOW.some((slow) => path.startsWith(slow)) : words.some((word) => path.includes(word)));
const tests = testsBelow("test").filter(isChosen).sort();
if (tests.length === 0) {
  console.error(`error: no test file has any of ${words.join(", ")} in its path`);
  process.exit(2);
}

const output = "build";
rmSync(output, { recursive: true, force: true });
await build({
  entryPoints: tests,
  outdir: output,
  outbase: ".",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  packages: "external",
  platform: "node",
  target: "node20.19",
  format: "esm",
  logLevel: "warning",
  sourcemap: "inline",
});

const compiled = tests.map((path) => join(output, path.replace(/\.ts$/, ".mjs")));
const tapPath = fileURLToPath(new URL("run.mjs", import.meta.resolve("tap")));
const tap = spawn(process.execPath, [tapPath, "run", "--disable-coverage", "--jobs=2", "--reporter=tap", "--timeout=150", ...compiled], { stdio: ["ignore", "pipe", "inherit"] });

// Of what tap prints, show which files ran and everything about failures.
const results = createWriteStream(join(output, "results.tap"));
let last = "";
let isFailure = false;
createInterface({ input: tap.stdout }).on("line", (line) => {
  results.write(`${line}\n`);
  if (/^\s*not ok /.test(line)) isFailure = true;
  else if (/^\s*(ok |# )/.test(line)) isFailure = false;
  if (isFailure || /^ok /.test(line) || /# SKIP/.test(line)) console.log(line);
  if (line.startsWith("# {")) last = line;
});
tap.on("close", (status) => {
  const count = (name) => Number(new RegExp(`${name}: (\\d+)`).exec(last)?.[1] ?? 0);
  const skipped = count("skip");
  console.log(`${count("pass")} passed, ${count("fail")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = status ?? 3;
});
