// Boots Debian's kernel in an emulated machine, runs test/hidraw/ there with
// the packed package, shows what it prints, and ends with a line
// `N passed, N failed`. scripts/hidraw-setup.sh has got the machine's parts.
import { build } from "esbuild";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, cpSync, createReadStream, createWriteStream, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

/** From power-up to power-off; two idle processors need a fifth of it. */
const TIMEOUT_MS = 600_000;

/** What TAP prints beside results, failures and remarks. */
const TAP_NOISE = /^\s*(TAP version 13|# (Subtest:|tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) .*|---|duration_ms: .*|\.\.\.|1\.\.\d+)\s*$/;

const CACHE = join(root, ".interop", "hidraw");
const work = mkdtempSync(join(tmpdir(), "keyhole-hidraw-"));
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const files = join(work, "files");
installPackage(join(files, "keyhole"));
await compileTests(join(files, "test"));
cpSync("test/hidraw/init", join(files, "init"));
chmodSync(join(files, "init"), 0o755);
const initramfs = await pack(files);
const { passed, failed } = await boot(initramfs);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** As `npm install --omit=optional` would leave it, with the very packages that are installed here. */
function installPackage(directory) {
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", work], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  execFileSync("tar", ["-xf", join(work, filename), "-C", work]);
  mkdirSync(dirname(directory), { recursive: true });
  renameSync(join(work, "package"), directory);
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
  for (const [path, { dev, devOptional, optional }] of Object.entries(packages)) {
    if (path === "" || dev || devOptional || optional) continue;
    cpSync(path, join(directory, path), { recursive: true });
  }
}

async function compileTests(outdir) {
  await build({
    absWorkingDir: root,
    entryPoints: ["test/hidraw/guest.ts"],
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    packages: "external",
    platform: "node",
    target: "node20.19",
    format: "esm",
    logLevel: "warning",
    sourcemap: "inline",
  });
}

/** The kernel takes several archives, one after the other. */
async function pack(directory) {
  const names = execFileSync("find", ["."], { cwd: directory });
  const archive = join(work, "files.cpio");
  execFileSync("cpio", ["-o", "-H", "newc", "--quiet", "-F", archive], { cwd: directory, input: names });
  const initramfs = join(work, "initramfs");
  await pipeline(createReadStream(join(CACHE, "base.cpio")), createWriteStream(initramfs));
  await pipeline(createReadStream(archive), createWriteStream(initramfs, { flags: "a" }));
  return initramfs;
}

/** @returns how many tests passed and failed; a machine that does not come to its end is a failure */
async function boot(initramfs) {
  const machine = ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1G"];
  const bare = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"];
  const kernel = ["-kernel", join(CACHE, "kernel"), "-initrd", initramfs, "-append", "console=ttyS0 quiet panic=-1"];
  const begin = performance.now();
  const qemu = spawn("qemu-system-x86_64", [...machine, ...bare, ...kernel], { stdio: ["ignore", "pipe", "inherit"] });
  process.on("exit", () => qemu.kill("SIGKILL"));
  const timer = setTimeout(() => {
    console.log(`not ok - the machine did not end within ${TIMEOUT_MS / 1000} s`);
    qemu.kill("SIGKILL");
  }, TIMEOUT_MS);
  const count = {};
  const ended = new Promise((resolve) => qemu.on("close", resolve));
  for await (const line of createInterface({ input: qemu.stdout })) {
    const [, name, number] = /^# (pass|fail|cancelled|skipped|todo) (\d+)\s*$/.exec(line) ?? [];
    if (name !== undefined) count[name] = Number(number);
    if (!TAP_NOISE.test(line)) console.log(line.trimEnd());
  }
  await ended;
  clearTimeout(timer);
  console.log(`# the machine ran ${Math.round((performance.now() - begin) / 1000)} s`);
  if (count.pass === undefined || count.fail === undefined) return { passed: count.pass ?? 0, failed: 1 };
  return { passed: count.pass, failed: count.fail + (count.cancelled ?? 0) + (count.skipped ?? 0) + (count.todo ?? 0) };
}
