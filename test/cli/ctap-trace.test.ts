import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { parseCbor } from "../../src/lib/ctap/cbor.ts";
import { encodeUtf8 } from "../../src/lib/text.ts";
import { parseTrace } from "../../src/lib/ctap/trace/parse.ts";
import type { Report } from "../../src/lib/ctap/trace/report.ts";
import { newFidoDebug } from "../lib/ctap/trace/fido-debug.ts";
import { bytesIn, secretsIn } from "../lib/ctap/trace/secrets.ts";
import { ctap, virtualCard } from "../support/ctap.ts";
import { goodBut, hidError, udpCard, type Script } from "../support/hid-card.ts";
import { checkFailure, finish, keyhole, shell, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";

const cwd = temporaryDirectory(t);

function linesOf(name: string, directory = cwd): readonly string[] {
  return readFileSync(join(directory, name), "utf8").split("\n").slice(0, -1);
}

function reportsOf(lines: readonly string[]): readonly Report[] {
  return parseTrace(encodeUtf8(`${lines.join("\n")}\n`)).events.flatMap((event) => (event.kind === "report" ? [event.report] : []));
}

function run(...words: readonly string[]): Outcome {
  return keyhole(["ctap", ...words], { cwd });
}

t.test("a recorded command", (t) => {
  t.equal(run("send", "--cbor", "04", "--device", "virtual:", "--trace", "info.jsonl").status, 0);
  t.equal(statSync(join(cwd, "info.jsonl")).mode & 0o777, 0o600);
  const lines = linesOf("info.jsonl").map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(lines[0], { time: String, event: "open", trace: 1, device: "virtual:" });
  t.match(lines[1], { time: String, direction: "to-card", channel: "ffffffff", command: "init", bytes: /^ffffffff860008/, payload: /^[0-9a-f]{16}$/ });
  t.match(lines[2], { direction: "from-card", channel: "ffffffff", command: "init" });
  t.match(lines[3], { direction: "to-card", command: "cbor", payload: "04", name: "authenticatorGetInfo" });
  const last = lines.at(-2);
  t.match(last, { direction: "from-card", command: "cbor", sequence: Number, status: "CTAP2_OK", cbor: { 1: ["U2F_V2", "FIDO_2_0", "FIDO_2_1"] } });
  t.match(lines.at(-1), { event: "close" });

  const shown = run("trace", "show", "info.jsonl");
  t.match(shown, { status: 0, stderr: "" });
  for (const words of [/^ {3}0\.000000 opened virtual: at 20/m, /> [0-9a-f]{8} cbor, 1 byte: 04$/m, /cbor, packet 0: /, /authenticatorGetInfo: CTAP2_OK \(0x00\)$/m, /1 versions: \["U2F_V2"/]) t.match(shown.stdout, words);
  const json = JSON.parse(run("trace", "show", "--json", "info.jsonl").stdout) as { events: readonly unknown[] };
  t.match(json, { format: "keyhole", cut: false });
  t.equal(json.events.length, lines.length);
  t.end();
});

t.test("an existing file is refused and nothing is sent", async (t) => {
  let asked = 0;
  const count: Script = () => (asked += 1);
  const uri = `udp:127.0.0.1:${await udpCard(t, count)}`;
  writeFiles(cwd, { taken: "mine" });
  const outcomes = await ctap(
    cwd,
    ["send", "--cbor", "04", "--device", uri, "--trace", "taken"],
    ["info", "--device", uri, "--trace", "/dev/full"],
    ["send", "--cbor", "04", "--device", uri, "--trace", "absent/trace"],
    ["send", "--cbor", "04", "--device", uri, "--trace", "."],
  );
  const messages = [/taken exists, and a trace is never written over another file/, /\/dev\/full exists/, /absent\/trace cannot be written: no such file or directory/, /exists/];
  for (const [i, message] of messages.entries()) checkFailure(t, outcomes[i]!, 3, message);
  t.equal(asked, 0);
  t.equal(readFileSync(join(cwd, "taken"), "utf8"), "mine");
});

t.test("a conversation that fails is recorded to its end", async (t) => {
  const uri = `udp:127.0.0.1:${await udpCard(t, goodBut([0x10, (request, wire) => hidError(request, wire, 0x7f)]))}`;
  const [outcome] = await ctap(cwd, ["send", "--cbor", "04", "--device", uri, "--trace", "failed.jsonl"]);
  t.match(outcome, { status: 3, stderr: /card failed and does not say why \(0x7f\)/ });
  const lines = linesOf("failed.jsonl").map((line) => JSON.parse(line) as Record<string, unknown>);
  t.match(lines, [{ event: "open" }, { command: "init" }, { command: "init" }, { command: "cbor" }, { command: "error", status: "CTAP1_ERR_OTHER" }, { event: "close" }]);
});

t.test("a process that is killed leaves whole lines", async (t) => {
  const uri = await virtualCard(t, "--approve", "never");
  const child = startKeyhole(["ctap", "selection", "--device", uri, "--trace", "killed.jsonl"], { cwd });
  const ended = finish(child);
  const path = join(cwd, "killed.jsonl");
  while (!existsSync(path) || !readFileSync(path, "utf8").includes("keepalive")) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill("SIGKILL");
  t.match(await ended, { signal: "SIGKILL" });
  t.ok(readFileSync(path, "utf8").endsWith("}\n"));
  t.match(run("trace", "show", "killed.jsonl"), { status: 0, stdout: /authenticatorSelection[^]*keepalive, 1 byte: 02/ });
});

t.test("Ctrl-C is recorded too", async (t) => {
  const uri = await virtualCard(t, "--approve", "never");
  const child = startKeyhole(["ctap", "selection", "--device", uri, "--trace", "cancelled.jsonl"], { cwd });
  const ended = finish(child);
  child.stderr.once("data", () => child.kill("SIGINT"));
  t.match(await ended, { status: 130 });
  const commands = linesOf("cancelled.jsonl").map((line) => (JSON.parse(line) as { command?: string }).command);
  t.ok(commands.includes("cancel"));
  t.match(JSON.parse(linesOf("cancelled.jsonl").at(-1) ?? ""), { event: "close" });
});

t.test("a full disk ends the recording, not the conversation", (t) => {
  const directory = temporaryDirectory(t);
  if (mountSmallDisk(t, directory)) {
    const words = ["ctap", "ping", "--count", "20", "--size", "1024", "--device", "virtual:"];
    const { status, stdout, stderr } = keyhole([...words, "--trace", join(directory, "trace")], { cwd });
    t.equal(status, 0);
    t.not(stdout, "");
    t.match(stderr, /^warning: trace \S+ cannot be written: no space left on device \(ENOSPC\); the conversation goes on unrecorded$/m);
    t.equal(stderr.split("unrecorded").length, 2, "said once");
    const text = readFileSync(join(directory, "trace"), "utf8");
    t.ok(text.endsWith("}\n"), "only whole lines are left");
    t.match(run("trace", "show", join(directory, "trace")), { status: 0, stdout: /ping, 1024 bytes/ });

    fillDisk(directory);
    t.match(keyhole(["ctap", "send", "--cbor", "04", "--device", "virtual:", "--trace", join(directory, "other")], { cwd }).status, 0, "not a byte to spare");
  }
  t.match(shell("ulimit -f 4; keyhole ctap ping --count 20 --size 1024 --device virtual: --trace limited", { cwd }), { status: 0, stderr: /unrecorded/ }, "a limit on the size of files");
  t.match(run("trace", "show", "limited"), { status: 0 });
  t.end();
});

/** One command after another on one card, each recorded. @returns the name of each trace */
function recordAll(t: Test, directory: string, commands: readonly (readonly string[])[]): readonly string[] {
  return commands.map((words, i) => {
    const name = `trace-${i}`;
    const outcome = keyhole(["ctap", ...words, "--device", "virtual:card", "--trace", name], { cwd: directory });
    t.match(outcome, { status: 0 }, words.join(" "), { stderr: outcome.stderr });
    return name;
  });
}

const PIN = "correct horse";
const USER = { name: "alice.liddell@wonderland.example", display: "Alice Pleasance Liddell", id: "c0ffee00c0ffee11c0ffee22c0ffee33" };
const RENAMED = "queen.of.hearts@wonderland.example";
const BLOB = "off with their heads, said the queen";

t.test("all that a card does, recorded and redacted: no secret is left", (t) => {
  const directory = temporaryDirectory(t);
  writeFiles(directory, { pin: `${PIN}\n`, next: `${PIN} battery\n`, salt: Uint8Array.from({ length: 32 }, (_, i) => i * 5), blob: BLOB });
  const rp = ["--rp-id", "example.com"];
  const pin = ["--pin-file", "pin"];
  const traces = recordAll(t, directory, [
    ["pin", "set", "--new-pin-file", "pin"],
    ["make-credential", ...rp, "--rp-name", "Wonderland Inc", "--user-name", USER.name, "--user-display-name", USER.display, "--user-id", USER.id, "--discoverable", "--hmac-secret", "--large-blob-key", "--out", "alice.cred", ...pin],
    ["make-credential", ...rp, "--user-name", USER.name, "--alg", "eddsa", "--out", "eddsa.cred", ...pin],
    ["get-assertion", ...rp, "--credential", "eddsa.cred", ...pin],
    ["get-assertion", ...rp, "--credential", "alice.cred", "--hmac-secret", "salt", "--hmac-secret-out", "secret", "--large-blob-key", ...pin],
    ["get-assertion", ...rp, ...pin],
    ["make-credential", ...rp, "--user-name", USER.name, "--u2f", "--out", "u2f.cred"],
    ["get-assertion", ...rp, "--u2f", "--credential", "u2f.cred"],
    ["blobs", "set", "--credential", "alice.cred", "--in", "blob", ...pin],
    ["blobs", "get", "--credential", "alice.cred", "--out", "blob.out"],
    ["credentials", "list", ...pin],
    ["config", "min-pin-length", "5", "--rp-id", "example.com", ...pin],
    ["pin", "change", ...pin, "--new-pin-file", "next"],
    ["ping", "--count", "1", "--size", "200"],
  ]);
  const credential = JSON.parse(readFileSync(join(directory, "alice.cred"), "utf8")) as Record<"id" | "publicKey" | "largeBlobKey", string>;
  const bytesOf = (text: string): Uint8Array => Buffer.from(text, "base64url");
  const update = keyhole(["ctap", "credentials", "update-user", credential.id, "--user-name", RENAMED, "--pin-file", "next", "--device", "virtual:card", "--trace", "update"], { cwd: directory });
  const remove = keyhole(["ctap", "credentials", "delete", credential.id, "--pin-file", "next", "--device", "virtual:card", "--trace", "delete"], { cwd: directory });
  t.match([update.status, remove.status], [0, 0], "update and delete", { stderr: `${update.stderr}${remove.stderr}` });

  const key = parseCbor(bytesOf(credential.publicKey)).value as ReadonlyMap<number, Uint8Array>;
  const known: Readonly<Record<string, Uint8Array>> = {
    PIN: Buffer.from(PIN),
    "user name": Buffer.from(USER.name),
    "display name": Buffer.from(USER.display),
    "user handle": Buffer.from(USER.id, "hex"),
    "new user name": Buffer.from(RENAMED),
    "rp name": Buffer.from("Wonderland Inc"),
    "credential id": bytesOf(credential.id),
    "large-blob key": bytesOf(credential.largeBlobKey),
    "public key x": key.get(-2)!,
    "public key y": key.get(-3)!,
    "hmac-secret output": readFileSync(join(directory, "secret")),
    "large blob": Buffer.from(BLOB),
  };
  // One after the other they are a trace too.
  const original = [...traces, "update", "delete"].flatMap((name) => linesOf(name, directory));
  writeFiles(directory, { original: `${original.join("\n")}\n` });
  const secrets = [...Object.entries(known), ...secretsIn(reportsOf(original)).map(({ what, bytes }) => [what, bytes] as const)];
  t.ok(secrets.length > 90, `${secrets.length} secrets`);
  const readable = bytesIn(original);
  for (const name of ["user name", "display name", "user handle", "new user name", "rp name", "credential id", "large-blob key", "public key x"]) {
    t.ok(readable.some((text) => text.includes(Buffer.from(known[name]!))), `${name} was there`);
  }

  const redacted = keyhole(["ctap", "trace", "redact", "original"], { cwd: directory });
  t.match(redacted, { status: 0, stderr: "" });
  const lines = redacted.stdout.split("\n").slice(0, -1);
  t.equal(lines.length, original.length, "as many lines");
  const left = bytesIn(lines);
  const found = secrets.filter(([, bytes]) => bytes.length >= 8 && left.some((text) => text.includes(Buffer.from(bytes))));
  t.same(found.map(([what]) => what), [], "nothing is left");

  writeFiles(directory, { redacted: redacted.stdout });
  const [before, after] = ["original", "redacted"].map((name) => keyhole(["ctap", "trace", "show", name], { cwd: directory }));
  t.match([before?.status, after?.status], [0, 0]);
  t.equal(after?.stdout.split("\n").filter((line) => !line.includes("redacted: ")).length, before?.stdout.split("\n").length, "it is shown with the same lines");
  t.notMatch(after?.stdout, /problem/);
  t.end();
});

t.test("what libfido2 says with FIDO_DEBUG=1 is read too", (t) => {
  const told = newFidoDebug(reportsOf(linesOf("info.jsonl")));
  writeFiles(cwd, { "debug.log": ["fido_dev_open_tx: dev=0x1", ...told, "/home/alice/secret", ""].join("\n") });
  t.match(run("trace", "show", "debug.log"), { status: 0, stdout: /fido_dev_open_tx[^]*authenticatorGetInfo: CTAP2_OK \(0x00\)\n +1 versions: \["U2F_V2"/ });
  t.match(JSON.parse(run("trace", "show", "--json", "debug.log").stdout), { format: "fido-debug", events: [{ event: "note", text: "fido_dev_open_tx: dev=0x1" }, { direction: "to-card" }] });
  const redacted = run("trace", "redact", "debug.log");
  t.match(redacted, { status: 0, stdout: /"name":"authenticatorGetInfo","status":"CTAP2_OK","cbor":\{"1":\["U2F_V2"/ });
  t.notMatch(redacted.stdout, /alice|fido_dev/);
  t.end();
});

t.test("a trace that is cut off is read up to there, and that is said", (t) => {
  const whole = readFileSync(join(cwd, "info.jsonl"), "utf8");
  writeFiles(cwd, { cut: whole.slice(0, -20) });
  t.match(run("trace", "show", "cut"), { status: 0, stdout: /CTAP2_OK[^]*\nthe last line is cut short and left out\n$/ });
  const redacted = run("trace", "redact", "cut");
  t.match(redacted, { status: 0, stderr: "warning: the last line is cut short and left out\n" });
  t.equal(redacted.stdout.split("\n").length, whole.split("\n").length - 1);
  t.match(run("trace", "redact", "--quiet", "cut"), { status: 0, stderr: "" });
  t.match(JSON.parse(run("trace", "show", "--json", "cut").stdout), { cut: true });
  t.match(JSON.parse(run("trace", "redact", "--json", "info.jsonl").stdout), { trace: [{ event: "open" }, { direction: "to-card" }] });
  t.end();
});

t.test("files that are no trace, bad usage, output that fails", async (t) => {
  const [first = "", ...rest] = linesOf("info.jsonl");
  writeFiles(cwd, {
    empty: "",
    text: "hello\n",
    changed: [first, "{}", ...rest, ""].join("\n"),
    binary: Uint8Array.from({ length: 3000 }, (_, i) => i & 0xff),
    "log.txt": "fido_tx: dev=0x1, cmd=0x10\nfido_tx: buf=0x1, len=4\n0000: 01\nrx: payload_len=1\n",
    big: new Uint8Array(64 * 1024 * 1024 + 1),
  });
  const bad: readonly (readonly [readonly string[], RegExp])[] = [
    [["absent"], /trace absent cannot be read: no such file or directory/],
    [["."], /it is a directory/],
    [[], /needs FILE/],
    [["info.jsonl", "more"], /takes no further word/],
    [["empty"], /empty: line 1 is neither a trace nor/],
    [["text"], /text: line 1 is not JSON/],
    [["changed"], /changed: line 2 lacks the field "direction"/],
    [["binary"], /binary: line [0-9]+ /],
    [["log.txt"], /log.txt: line 4 ends a dump after 1 bytes, expected 4/],
    [["big"], /longer than 67108864 bytes/],
    [["info.jsonl", "--device", "virtual:"], /no option --device/],
  ];
  const cases = bad.flatMap(([words, message]) => [[["trace", "show", ...words], message] as const, [["trace", "redact", ...words], message] as const]);
  const outcomes = await ctap(cwd, ...cases.map(([words]) => words));
  for (const [i, [words, message]] of cases.entries()) checkFailure(t, outcomes[i]!, 2, message, words.join(" "));
  t.match(JSON.parse(run("trace", "show", "--json", "text").stdout), { error: { code: "CTAP_TRACE" } });
  for (const command of ["show", "redact"]) checkFailure(t, shell(`keyhole ctap trace ${command} info.jsonl >/dev/full`, { cwd }), 3, /standard output cannot be written/);
});
