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
 * What the command adds to the card's time, from when it opens the card to when
 * it lets go of it, as a trace has them. The card's time is that from each
 * request's last packet to its answer's last one.
 */
function makeCredentialOverhead(program, directory, device, runs) {
  const trace = join(directory, "trace.jsonl");
  const words = ["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "bench", "--device", device, "--quiet", "--trace", trace];
  const measured = [];
  for (let run = 0; run <= runs; run++) {
    rmSync(trace, { force: true });
    const whole = timeProcess([program, ...words]);
    if (run > 0) measured.push({ whole, ...times(readFileSync(trace, "utf8")) });
  }
  const of = (name) => median(measured.map((one) => one[name]));
  return {
    name: "ctap make-credential, ms beyond the card's",
    ratio: median(measured.map(({ all, card }) => all - card)),
    limit: OVERHEAD_LIMIT_MS,
    isMost: true,
    detail: `${of("all").toFixed(1)} ms from open to close, of which the card ${of("card").toFixed(1)}; whole process ${of("whole").toFixed(0)} ms`,
  };
}

/** Of a trace in milliseconds: all from open to close, and the card's part. */
function times(trace) {
  const lines = trace
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text))
    .map((line) => ({ ...line, at: Date.parse(line.time.replace(/\d{3}Z$/, "Z")) + Number(line.time.slice(-4, -1)) / 1000 }));
  let card = 0;
  let asked;
  for (const { direction, payload, at } of lines) {
    if (direction === "to-card") asked = at;
    if (direction === "from-card" && payload !== undefined) card += at - asked;
  }
  return { all: lines.at(-1).at - lines[0].at, card };
}
