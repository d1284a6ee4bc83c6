// Security keys: the way there and back, the start of `ctap probe`, and what
// `ctap make-credential` adds to the time of the card.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
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
      ...(await makeCredentialOverhead(program, directory, authenticator.device, runs)),
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
 * What the command adds to the card's time, in two readings: of the process, and
 * from when the command opens the card to when it lets go of it.
 */
async function makeCredentialOverhead(program, directory, device, runs) {
  const trace = join(directory, "trace.jsonl");
  const words = ["ctap", "make-credential", "--rp-id", "example.com", "--user-name", "bench", "--device", device, "--quiet"];
  const measured = [];
  for (let run = -WARM_UPS; run < runs; run++) {
    rmSync(trace, { force: true });
    const node = timeProcess(["-e", "0"]);
    const whole = timeProcess([program, ...words]);
    const card = await cardTime(device);
    timeProcess([program, ...words, "--trace", trace]);
    if (run >= 0) measured.push({ node, whole, card, beyond: whole - node - card, ...openToClose(readFileSync(trace, "utf8")) });
  }
  const of = (name) => median(measured.map((one) => one[name]));
  const ms = (name) => `${of(name).toFixed(1)} ms`;
  return [
    {
      name: "ctap make-credential, whole process less node -e 0 less the card, ms",
      ratio: of("beyond"),
      limit: OVERHEAD_LIMIT_MS,
      isMost: true,
      detail: `${ms("whole")} - ${ms("node")} - ${ms("card")}`,
    },
    {
      name: "ctap make-credential, from open to close less the card, ms",
      ratio: median(measured.map(({ open, waited }) => open - waited)),
      limit: OVERHEAD_LIMIT_MS,
      isMost: true,
      detail: `${ms("open")}, of which ${ms("waited")} from request to answer`,
    },
  ];
}

/** The first answers of a card take several times as long. */
const WARM_UPS = 5;

/**
 * How long the card takes for what the command asks of it, for a host that has
 * done so before: from each request's last packet to its answer's last one.
 */
async function cardTime(device) {
  const { openTransport, CtapDevice, Ctap2 } = await import(pathToFileURL(join(root, "dist/lib/ctap/index.js")));
  const transport = await openTransport(device);
  let ms = 0;
  let asked = 0;
  let heard = 0;
  const timed = {
    name: transport.name,
    send: (report) => {
      ms += heard;
      heard = 0;
      asked = performance.now();
      return transport.send(report);
    },
    receive: async (signal) => {
      const report = await transport.receive(signal);
      heard = performance.now() - asked;
      return report;
    },
    close: () => transport.close(),
  };
  const card = await CtapDevice.open(timed);
  try {
    const ctap2 = new Ctap2(card);
    await ctap2.getInfo();
    await ctap2.makeCredential({ clientDataHash: randomBytes(32), rp: { id: "example.com" }, user: { id: randomBytes(32), name: "bench" }, algorithms: [-7] });
  } finally {
    await card.close();
  }
  return ms + heard;
}

/** Of a trace in milliseconds: all of it, and the part from requests to their answers. */
function openToClose(trace) {
  const lines = trace
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text))
    .map((line) => ({ ...line, at: Date.parse(line.time.replace(/\d{3}Z$/, "Z")) + Number(line.time.slice(-4, -1)) / 1000 }));
  let waited = 0;
  let asked;
  for (const { direction, payload, at } of lines) {
    if (direction === "to-card") asked = at;
    if (direction === "from-card" && payload !== undefined) waited += at - asked;
  }
  return { open: lines.at(-1).at - lines[0].at, waited };
}
