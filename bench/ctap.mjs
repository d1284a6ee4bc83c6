// Security keys: the way there and back, the start of `ctap probe`, and what
// `ctap make-credential` adds to the time of the card.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compareProcesses, median, timeProcess } from "./measure.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PYTHON = join(root, ".interop", "venv", "bin", "python");

const RATE_LIMIT = 5;
const PROBE_LIMIT = 2;
const OVERHEAD_LIMIT_MS = 15;

export async function ctap(program, directory, { runs, rounds, calls }) {
  const authenticator = await startAuthenticator(program);
  try {
    return [
      ...(await roundTrips(authenticator.device, { rounds, calls })),
      probeStart(program, runs),
      makeCredentialOverhead(program, directory, authenticator.device, runs),
    ];
  } finally {
    authenticator.stop();
  }
}

async function startAuthenticator(program) {
  const child = spawn(process.execPath, [program, "ctap", "virtual", "--udp", "0", "--json"], { stdio: ["ignore", "pipe", "ignore"] });
  const ready = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", (line) => resolve(JSON.parse(line)));
    child.once("exit", () => reject(new Error("the software authenticator ended")));
  });
  return { device: ready.device, stop: () => child.kill() };
}

/** Both clients against one authenticator, in turn. */
async function roundTrips(device, { rounds, calls }) {
  const { openTransport, CtapDevice, Ctap2 } = await import(pathToFileURL(join(root, "dist/lib/ctap/index.js")));
  if (!existsSync(PYTHON)) {
    console.log("python-fido2 is not there, so getInfo is not compared; scripts/interop-setup.sh installs it");
    return [];
  }
  const card = await CtapDevice.open(await openTransport(device));
  const pairs = [];
  try {
    const ctap2 = new Ctap2(card);
    const ours = async () => {
      const begin = performance.now();
      for (let i = 0; i < calls; i++) await ctap2.refresh();
      return calls / ((performance.now() - begin) / 1000);
    };
    await ours();
    for (let round = 0; round < rounds; round++) pairs.push([await ours(), pythonRate(device, calls)]);
  } finally {
    await card.close();
  }
  return [
    {
      name: "getInfo round trips over UDP / python-fido2",
      ratio: median(pairs.map(([one, other]) => one / other)),
      limit: RATE_LIMIT,
      isMost: false,
      detail: `${median(pairs.map(([one]) => one)).toFixed(0)} / ${median(pairs.map(([, other]) => other)).toFixed(0)} a second`,
    },
  ];
}

function pythonRate(device, calls) {
  const [, host, port] = /^udp:([^:]+):(\d+)/.exec(device);
  const { status, stdout, stderr } = spawnSync(PYTHON, [join(root, "bench/fido2_getinfo.py"), host, port, String(calls)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`fido2_getinfo.py ended with ${status}: ${stderr}`);
  return Number(stdout);
}

function probeStart(program, runs) {
  const { ratio, ms, otherMs } = compareProcesses([program, "ctap", "probe", "--device", "virtual:"], ["-e", "0"], { runs });
  return { name: "ctap probe --device virtual:, whole process / node -e 0", ratio, limit: PROBE_LIMIT, isMost: true, detail: `${ms.toFixed(0)} ms / ${otherMs.toFixed(0)} ms` };
}

/**
 * What is left of the command's time without the card's: from each request's
 * last packet to the last of its answer, as a trace has them, and without
 * what Node takes to start.
 */
function makeCredentialOverhead(program, directory, device, runs) {
  const trace = join(directory, "trace.jsonl");
  const words = ["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "bench", "--device", device, "--quiet"];
  const overheads = [];
  const parts = [];
  for (let run = 0; run <= runs; run++) {
    rmSync(trace, { force: true });
    const whole = timeProcess([program, ...words, "--trace", trace]);
    const node = timeProcess(["-e", "0"]);
    const card = cardMs(readFileSync(trace, "utf8"));
    if (run === 0) continue;
    overheads.push(whole - node - card);
    parts.push([whole, node, card]);
  }
  const part = (i) => median(parts.map((all) => all[i])).toFixed(0);
  return {
    name: "ctap make-credential, ms beyond the card's and node -e 0",
    ratio: median(overheads),
    limit: OVERHEAD_LIMIT_MS,
    isMost: true,
    detail: `${part(0)} ms, of which the card ${part(2)} and node -e 0 ${part(1)}`,
  };
}

function cardMs(trace) {
  let sum = 0;
  let asked;
  for (const line of trace.trimEnd().split("\n").map((text) => JSON.parse(text))) {
    const at = Date.parse(line.time.replace(/\d{3}Z$/, "Z")) + Number(line.time.slice(-4, -1)) / 1000;
    if (line.direction === "to-card") asked = at;
    if (line.direction === "from-card" && line.payload !== undefined) sum += at - asked;
  }
  return sum;
}
