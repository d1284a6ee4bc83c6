// npm run fuzz: gives mutated inputs to every parser of what cards, files,
// kernels, mailbox servers and their clients say, more than a million in all. No
// input may crash a parser, keep it busy or make it take memory without bound;
// what a parser reads must also mean the same once it is written again. Then the
// mailbox server and the client are given 100,000 malformed frames each over
// sockets, beside clients that must notice nothing. Ends with a line
// `N passed, N failed`, where each parser, server and client counts as one.
//
//   --quick       a twenty-fifth of the inputs and frames
//   --seed N      the same inputs as in the run that printed this seed; over
//                 sockets the same frames, though not at the same moments
//   --only NAME   one parser
//   --at I        one input, as a failure names it
import { build } from "esbuild";
import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

const QUICK_SHARE = 25;
/** Longer than any input takes, on a machine with much else to do. */
const HANG_MS = 20_000;
const HEAP_MB = 128;
/** Beside the heap: byte arrays, and what V8 itself takes. */
const RESIDENT_MB = 400;
/** For what is given over sockets, which takes less than a minute of a machine with nothing else to do. */
const LIVE_MS = 10 * 60_000;
const LIVE_HEAP_MB = 192;

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));

function option(name) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

const seed = Number(option("seed") ?? randomInt(2 ** 31));
const only = option("only");
const at = option("at") === undefined ? undefined : Number(option("at"));
const share = process.argv.includes("--quick") ? QUICK_SHARE : 1;

const output = join("build", "fuzz");
mkdirSync(output, { recursive: true });
await build({
  entryPoints: {
    worker: "test/fuzz/worker.ts",
    targets: "test/fuzz/targets.ts",
    "live-targets": "test/fuzz/live/targets.ts",
    live: "test/fuzz/live/run.ts",
    mailbox: "test/fuzz/live/mailbox.ts",
  },
  outdir: output,
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
const { TARGETS } = await import(new URL(`../${output}/targets.mjs`, import.meta.url));
const { LIVE_TARGETS } = await import(new URL(`../${output}/live-targets.mjs`, import.meta.url));
const isWanted = ({ name }) => only === undefined || name === only;
const live = LIVE_TARGETS.filter(isWanted);
const expected = TARGETS.filter(isWanted).length + live.length;
if (expected === 0) {
  console.error(`error: no parser is called ${only}`);
  console.error(`hint: one of ${[...TARGETS, ...LIVE_TARGETS].map(({ name }) => name).join(", ")}`);
  process.exit(2);
}
console.log(`seed ${seed}`);

const progress = new Int32Array(new SharedArrayBuffer(8));
const worker = new Worker(new URL(`../${output}/worker.mjs`, import.meta.url), {
  workerData: { seed, share, only, at, progress },
  resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 32 },
});

let passed = 0;
let inputs = 0;
const residentBegin = process.memoryUsage().rss;
let residentMost = 0;

function again(name, at) {
  return `again: npm run fuzz -- --seed ${seed} --only ${JSON.stringify(name)} --at ${at}`;
}

function fail(reason) {
  const name = TARGETS[progress[0]]?.name;
  console.log(`${name}, input ${progress[1]}: ${reason}`);
  console.log(again(name, progress[1]));
  void finish();
}

let isOver = false;
async function finish() {
  if (isOver) return;
  isOver = true;
  clearInterval(watch);
  void worker.terminate();
  for (const target of live) await runLive(target);
  console.log(`${inputs} inputs, ${Math.round((residentMost - residentBegin) / 2 ** 20)} MB more memory at most`);
  console.log(`${passed} passed, ${expected - passed} failed`);
  if (passed < expected) process.exitCode = 1;
}

/** In a process of its own, which is ended when it takes too long. */
async function runLive({ name }) {
  const child = fork(join(output, "live.mjs"), [name, String(seed), String(share)], { execArgv: ["--expose-gc", `--max-old-space-size=${LIVE_HEAP_MB}`], timeout: LIVE_MS });
  let result = { failure: "it said nothing" };
  child.on("message", (message) => (result = message));
  const [status, signal] = await once(child, "exit");
  const { count, seconds, slowestMs, detail, failure } = result;
  if (failure === undefined && status === 0) {
    inputs += count;
    passed += 1;
    console.log(`ok ${name}: ${count} malformed frames, ${seconds.toFixed(1)} s, the slowest answer ${slowestMs.toFixed(0)} ms, ${detail}`);
  } else {
    console.log(`not ok ${name}, ended with ${status ?? signal}: ${failure}`);
    console.log(`again: npm run fuzz -- --seed ${seed} --only ${JSON.stringify(name)}`);
  }
}

let last = "";
let lastChange = performance.now();
const watch = setInterval(() => {
  const now = `${progress[0]} ${progress[1]}`;
  if (now !== last) {
    last = now;
    lastChange = performance.now();
  } else if (performance.now() - lastChange > HANG_MS) fail(`has no end after ${HANG_MS / 1000} s`);
  residentMost = Math.max(residentMost, process.memoryUsage().rss);
  if (residentMost - residentBegin > RESIDENT_MB * 2 ** 20) fail(`takes more than ${RESIDENT_MB} MB`);
}, 100);

worker.on("message", ({ name, count, refused, seconds, slowestMs, failure }) => {
  inputs += count;
  if (failure === undefined) {
    passed += 1;
    console.log(`ok ${name}: ${count} inputs, ${refused} refused, ${seconds.toFixed(1)} s, the slowest ${slowestMs.toFixed(1)} ms`);
  } else {
    console.log(`not ok ${failure.reason}`);
    console.log(again(name, failure.at));
  }
});
// Beyond its heap the worker ends with ERR_WORKER_OUT_OF_MEMORY.
worker.on("error", (error) => fail(error.stack ?? String(error)));
worker.on("exit", () => void finish());
