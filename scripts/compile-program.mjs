// Leaves V8's compiled code of a program beside it in dist/, as it is once lines
// have run that are typical of it: functions that nobody called are not in it.
//
//   node scripts/compile-program.mjs ctap|invite|full
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");
const load = (path) => import(pathToFileURL(join(dist, path)));
const { compiledPath, parseProgram, runProgram, sealCompiled } = await load("program.js");

const [name = ""] = process.argv.slice(2);
const path = join(dist, `${name}.cjs`);
const text = readFileSync(path, "utf8");
const program = parseProgram(path, text);
const { run } = runProgram(path, program, createRequire(path));

const LINES = { ctap: runCtap, invite: runInvite, full: runFull };

async function good(...words) {
  const status = await run(words);
  if (status !== 0) throw new Error(`keyhole ${words.join(" ")} ended with ${status}`);
}

async function runCtap(directory) {
  const [{ openUdp }, { runCard }, { Authenticator }, { MemoryStore }, { approveAlways }] = await Promise.all(["udp", "run-card", "authenticator", "state", "approval"].map((file) => load(`lib/ctap/authenticator/${file}.js`)));
  const door = await openUdp({ port: 0 });
  const card = runCard(door, new Authenticator({ store: new MemoryStore() }), { approve: approveAlways });
  const credential = join(directory, "credential");
  await good("ctap", "make-credential", "--device", door.name, "--rp-id", "example.com", "--user-name", "you", "--out", credential);
  await good("ctap", "get-assertion", "--device", door.name, "--rp-id", "example.com", "--credential", credential);
  await card.close();
}

async function runInvite() {
  const { startLocalServer } = await load("lib/invite/local-server.js");
  const server = await startLocalServer({ listen: { host: "127.0.0.1", port: 0 }, count: 2, maxPlaintext: 16_000 });
  const to = ["--format", "text", "--mailbox", server.ownUrl];
  await Promise.all([good("invite", "create", "--text", "the door code is 4711", "--code", "1-guitarist-revenge", ...to), good("invite", "accept", "1-guitarist-revenge", ...to)]);
  await server.finish(new AbortController().signal);
}

async function runFull() {
  await good("ctap", "probe", "--device", "virtual:");
  await good("ctap", "info", "--device", "virtual:");
  await good("invite", "code", "check", "1-guitarist-revenge");
}

const directory = mkdtempSync(join(tmpdir(), "keyhole-"));
try {
  await LINES[name](directory);
  writeFileSync(compiledPath(path), sealCompiled(text, program.createCachedData()));
} finally {
  rmSync(directory, { recursive: true });
}
process.exit(0);
