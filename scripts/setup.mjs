// Brings a fresh clone, or one whose sources have changed, to where it can be
// run: `npm ci` and the build, each only where needed. Plain JavaScript, as
// nothing is installed yet.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`error: this is Node ${process.versions.node}, expected 20.19 or newer`);
  process.exit(2);
}

/** Runs a step whose inputs have changed since it last went well. */
function once(name, inputs, output, run) {
  const stamp = join("node_modules", ".keyhole", name);
  // Compiled code is for one version of Node.
  const hash = createHash("sha256").update(`${process.version}-${process.arch}\0`);
  for (const file of inputs) hash.update(`${file}\0`).update(readFileSync(file));
  const wanted = hash.digest("hex");
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  run();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

function filesBelow(directory) {
  return readdirSync(directory)
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      return statSync(path).isDirectory() ? filesBelow(path) : [path];
    });
}

function run(title, command, words) {
  console.error(`keyhole: ${title}`);
  const { status, stdout, stderr, error } = spawnSync(command, words, { encoding: "utf8", shell: process.platform === "win32" });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ""}${stderr ?? ""}`);
  console.error(`error: ${command} ${words.join(" ")} ended with ${error?.message ?? `status ${status}`}`);
  process.exit(3);
}

once("installed", ["package.json", "package-lock.json"], "node_modules/typescript", () => run("installing what it needs (npm ci)", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]));
once("built", [...filesBelow("src"), "scripts/build.mjs", "scripts/compile-program.mjs", "tsconfig.json", "tsconfig.build.json", "package-lock.json"], "dist/main.cjs", () => run("building", process.execPath, ["scripts/build.mjs"]));

