// Invites: `invite accept` beside the other programs that receive, and the
// mailbox server beside magic-wormhole's.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { median } from "./measure.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const GO = join(root, ".interop", "go", "wormhole-william");
const PYTHON = join(root, ".interop", "wormhole", "bin", "wormhole");
const TWIST = join(root, ".interop", "wormhole", "bin", "twist");
const LOAD = join(root, "bench", "mailbox-load.mjs");

const GO_LIMIT = 1;
const PYTHON_LIMIT = 0.33;
const EXCHANGES_LIMIT = 5;
const MEMORY_LIMIT_MB = 120;
const FLAT_LIMIT = 1.2;

const APPID = "lothar.com/wormhole/text-or-file-xfer";
const CLIENTS = 5000;
const FEW = 100;
const MANY = 10_000;
const WAIT_MS = 60_000;
/** For what a server does after the last of many clients has come. */
const SETTLE_MS = 2000;

/**
 * @param runs - of `invite accept` and of the Go program; `slowRuns` of them are Python's, too
 * @param rounds - of `seconds` each, for both servers
 */
export async function invite(program, directory, { runs, slowRuns, rounds, seconds }) {
  const peers = [GO, PYTHON, TWIST].filter((path) => !existsSync(path));
  if (peers.length > 0) console.log(`not there, so not compared with: ${peers.join(", ")}; scripts/interop-setup.sh installs them`);
  return [
    ...(await accepting(program, directory, { runs, slowRuns })),
    ...(await exchanging(program, directory, { rounds, seconds })),
    await idling(program, directory),
    await crowding(program, directory, { rounds, seconds }),
  ];
}

/** All receive the same text from the same kind of sender, which already waits, over `keyhole invite mailbox`. */
async function accepting(program, directory, { runs, slowRuns }) {
  const server = await startOurs(program, join(directory, "accept.db"));
  const keyhole = (code) => [process.execPath, program, "invite", "accept", code, "--mailbox", server.url, "--format", "text"];
  const go = (code) => [GO, "--relay-url", server.url, "receive", code];
  const python = (code) => [PYTHON, "--relay-url", server.url, "receive", "--only-text", code];
  const bare = [];
  const times = { keyhole: [], go: [], python: [] };
  try {
    await receive(server.url, keyhole);
    for (let run = 0; run < runs; run++) {
      bare.push(await timeCommand([process.execPath, "-e", "0"]));
      const others = [...(existsSync(GO) ? ["go"] : []), ...(existsSync(PYTHON) && run < slowRuns ? ["python"] : [])];
      // By turns the first and the last.
      const order = run % 2 === 0 ? ["keyhole", ...others] : [...others, "keyhole"];
      for (const name of order) times[name].push(await receive(server.url, { keyhole, go, python }[name]));
    }
  } finally {
    await server.stop();
  }
  const beyond = times.keyhole.map((ms, run) => ms - bare[run]);
  const whole = `${median(times.keyhole).toFixed(0)} ms, of which node -e 0 ${median(bare).toFixed(0)}`;
  return [
    ...compare("invite accept less node -e 0 / wormhole-william receive", beyond, times.go, GO_LIMIT, whole),
    ...compare("invite accept / Python's wormhole receive", times.keyhole, times.python, PYTHON_LIMIT, whole),
  ];
}

function compare(name, ours, theirs, limit, whole) {
  if (theirs.length === 0) return [];
  const ratio = median(theirs.map((ms, run) => ours[run] / ms));
  return [{ name, ratio, limit, isMost: true, detail: `${median(ours).toFixed(0)} ms / ${median(theirs).toFixed(0)} ms; whole process ${whole}` }];
}

/** @returns milliseconds of a whole process that receives; its sender's part is that of the same library each time */
async function receive(url, commandFor) {
  const { Wormhole, newIssuer } = await import(pathToFileURL(join(root, "dist/lib/wormhole/index.js")));
  const sender = new Wormhole(newIssuer({ appid: APPID }), { url });
  const until = async (wanted) => {
    for (;;) {
      const event = await sender.next(Date.now() + WAIT_MS);
      if (event === "timeout" || event.type === "ended") throw new Error(`no receiver came: ${JSON.stringify(event)}`);
      if (event.type === wanted) return event;
    }
  };
  const { code } = await until("code");
  const sending = (async () => {
    await until("verified");
    sender.send(new TextEncoder().encode(JSON.stringify({ offer: { message: "the door code is 4711" } })));
    await until("message");
    await sender.close("happy");
  })();
  sending.catch(() => undefined);
  const ms = await timeCommand(commandFor(code));
  await sending;
  return ms;
}

/** @returns wall-clock milliseconds of a whole process, while this one goes on with its work */
async function timeCommand([command, ...words]) {
  const begin = performance.now();
  const child = spawn(command, words, { stdio: ["ignore", "ignore", "pipe"], timeout: WAIT_MS });
  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  const status = await new Promise((resolve) => child.once("exit", resolve));
  const ms = performance.now() - begin;
  if (status !== 0) throw new Error(`${command} ${words.join(" ")} ended with ${status}: ${errors}`);
  return ms;
}

/** Both servers in turn, each with its database in a file. */
async function exchanging(program, directory, { rounds, seconds }) {
  if (!existsSync(TWIST)) return [];
  const ours = await startOurs(program, join(directory, "exchanges.db"));
  const python = await startPythons(join(directory, "exchanges.sqlite"));
  const pairs = [];
  try {
    for (let round = 0; round < rounds; round++) pairs.push([(await exchange(ours, seconds)).perSecond, (await exchange(python, seconds)).perSecond]);
  } finally {
    await ours.stop();
    await python.stop();
  }
  return [
    {
      name: "mailbox server, exchanges a second / magic-wormhole-mailbox-server",
      ratio: median(pairs.map(([one, other]) => one / other)),
      limit: EXCHANGES_LIMIT,
      isMost: false,
      detail: `${median(pairs.map(([one]) => one)).toFixed(0)} / ${median(pairs.map(([, other]) => other)).toFixed(0)} a second, 32 pairs at a time`,
    },
  ];
}

async function idling(program, directory) {
  const measure = async (server) => {
    const before = server.residentMb();
    const load = spawn(process.execPath, [LOAD, "idle", server.url, "--clients", String(CLIENTS)], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      await firstLine(load, load.stdout);
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return { before, after: server.residentMb() };
    } finally {
      load.stdin.end();
      await server.stop();
    }
  };
  const ours = await measure(await startOurs(program, join(directory, "idle.db")));
  const theirs = existsSync(TWIST) ? await measure(await startPythons(join(directory, "idle.sqlite"))) : undefined;
  const beside = theirs === undefined ? "" : `; magic-wormhole-mailbox-server ${theirs.before.toFixed(0)} and ${theirs.after.toFixed(0)}`;
  return { name: "mailbox server, MiB with 5,000 idle clients", ratio: ours.after, limit: MEMORY_LIMIT_MB, isMost: true, detail: `${ours.before.toFixed(0)} before they came${beside}` };
}

/** By the server's processor time, as the rest of the machine is in every other one. */
async function crowding(program, directory, { rounds, seconds }) {
  const few = await startOurs(program, join(directory, "few.db"));
  const many = await startOurs(program, join(directory, "many.db"));
  const cost = async (server) => {
    const begin = server.cpuMs();
    const { exchanges, perSecond } = await exchange(server, seconds);
    return { ms: (server.cpuMs() - begin) / exchanges, perSecond };
  };
  const pairs = [];
  try {
    await exchange(few, 1, FEW);
    await exchange(many, 1, MANY);
    for (let round = 0; round < rounds; round++) pairs.push([await cost(many), await cost(few)]);
  } finally {
    await few.stop();
    await many.stop();
  }
  const of = (at, name) => median(pairs.map((pair) => pair[at][name]));
  return {
    name: "mailbox server, processor time of an exchange beside 10,000 mailboxes / 100",
    ratio: median(pairs.map(([one, other]) => one.ms / other.ms)),
    limit: FLAT_LIMIT,
    isMost: true,
    detail: `${of(0, "ms").toFixed(2)} ms / ${of(1, "ms").toFixed(2)} ms; ${of(0, "perSecond").toFixed(0)} / ${of(1, "perSecond").toFixed(0)} a second`,
  };
}

async function exchange({ url }, seconds, live = 0) {
  const child = spawn(process.execPath, [LOAD, "exchanges", url, "--pairs", "32", "--seconds", String(seconds), "--live", String(live)], { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await firstLine(child, child.stdout));
}

async function startOurs(program, db) {
  const child = spawn(process.execPath, [program, "invite", "mailbox", "--listen", "127.0.0.1:0", "--db", db, "--idle", "1h", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const { url } = JSON.parse(await firstLine(child, child.stdout));
  return new Server(child, url);
}

async function startPythons(db) {
  const port = await freePort();
  const words = ["--log-level=error", "wormhole-mailbox", `--port=tcp:${port}:interface=127.0.0.1`, `--channel-db=${db}`];
  const child = spawn(TWIST, words, { stdio: ["ignore", "ignore", "inherit"], cwd: dirname(db) });
  const url = `ws://127.0.0.1:${port}/v1`;
  await untilListens(child, url.replace("ws", "http"));
  return new Server(child, url);
}

class Server {
  #child;

  constructor(child, url) {
    this.#child = child;
    this.url = url;
  }

  /** Source: proc(5). */
  residentMb() {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.#child.pid}/status`, "utf8"))[1]) / 1024;
  }

  cpuMs() {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) * (1000 / TICKS_PER_SECOND);
  }

  async stop() {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill();
    await ended;
  }
}

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

function firstLine(child, stream) {
  return new Promise((resolve, reject) => {
    createInterface({ input: stream }).once("line", resolve);
    child.once("exit", (status) => reject(new Error(`${child.spawnargs.join(" ")} ended with ${status}`)));
  });
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilListens(child, url) {
  for (let tries = 0; child.exitCode === null && tries < 600; tries++) {
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  throw new Error(`nothing listens at ${url}`);
}
