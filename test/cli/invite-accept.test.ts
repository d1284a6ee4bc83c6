import { createServer as createHttpServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { newIssuer } from "../../src/lib/wormhole/state.ts";
import { Wormhole } from "../../src/lib/wormhole/wormhole.ts";
import { encodeUtf8, parseUtf8 } from "../../src/lib/text.ts";
import { accept, bareSide, create, eventNames, invite, nameplateOf, receiver, shell, shellProgram, startMailbox, TEXT_APPID, until } from "../support/invite.ts";
import { listing, temporaryDirectory } from "../support/keyhole.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";

// What a receiver gets, where it goes, and what the sender is told when it
// cannot be kept.

const DOCUMENT = '{ "grid": "Zürich \\u0007" }\r\n\n';

t.test("to a pipe, byte for byte", async (t) => {
  const { url } = await startMailbox(t);
  for (const text of ["no line end", "ends\n", "\ttab \u001b[31m\u0000\ufeff", ""]) {
    const { code, program } = await create(t, url, ["--format", "text", ...(text === "" ? ["--text", ""] : ["-"])], { input: text });
    t.match(await accept(t, url, ["--format", "text", code]), { status: 0, stdout: text, stderr: "" });
    t.equal((await program.ended).status, 0);
  }
});

t.test("more than fits into a pipe", async (t) => {
  const { url } = await startMailbox(t);
  const text = "0123456789abcdef".repeat(40_000);
  const { code, program } = await create(t, url, ["--format", "text", "--allow-large", "-"], { input: text });
  const received = await shell(t, `keyhole invite accept --mailbox "$URL" --format text ${code} | { sleep 1; wc -c; }`, url);
  t.equal(received.stdout.trim(), String(text.length));
  t.equal((await program.ended).status, 0);
});

t.test("to a new file", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--text", DOCUMENT]);
  const received = await accept(t, url, ["--out", "grid.json", code], { cwd: directory });
  t.match(received, { status: 0, stdout: "", stderr: "written to grid.json\n" });
  t.equal(readFileSync(join(directory, "grid.json"), "utf8"), DOCUMENT);
  t.equal(statSync(join(directory, "grid.json")).mode & 0o777, 0o600);
  t.same(listing(directory), ["grid.json"]);
  t.equal((await program.ended).status, 0);
});

t.test("--json", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  for (const [words, more] of [
    [[], { payload: DOCUMENT }],
    [["--out", "grid.json"], { out: "grid.json" }],
  ] as const) {
    const { code, program } = await create(t, url, ["--text", DOCUMENT]);
    const { status, stdout, stderr } = await accept(t, url, ["--json", ...words, code], { cwd: directory });
    t.equal(status, 0);
    t.equal(stderr, "");
    const { verifier, ...result } = JSON.parse(stdout) as Record<string, unknown>;
    t.same(result, { code, format: "json", ...more });
    t.match(verifier, /^[0-9a-f]{64}$/);
    t.equal((await program.ended).status, 0);
  }
});

t.test("a payload that is not JSON", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--format", "text", "--text", "hello"]);
  const received = await accept(t, url, ["--out", "grid.json", code], { cwd: directory });
  t.match(received, { status: 1, stdout: "", stderr: /^error: the payload is not JSON\nhint: / });
  t.same(listing(directory), []);
  const ended = await program.ended;
  t.equal(ended.status, 1);
  t.same(eventNames(ended), ["code", "contacted", "verified", "refused"]);
});

t.test("what cannot be written is not acknowledged", async (t) => {
  const { url } = await startMailbox(t);
  const directory = temporaryDirectory(t);
  const disk = join(directory, "disk");
  mkdirSync(disk);
  const isMounted = mountSmallDisk(t, disk);
  if (isMounted) fillDisk(disk);
  const cases = [
    ["> /dev/full", /standard output cannot be written: no space left on device/],
    ...(isMounted
      ? ([
          ["> disk/shell.json", /standard output cannot be written: no space left on device/],
          ["--out disk/grid.json", /payload file disk\/grid.json cannot be written: no space left on device/],
        ] as const)
      : []),
  ] as const;
  for (const [where, error] of cases) {
    const { code, program } = await create(t, url, ["--json", "--text", DOCUMENT]);
    const { stdout, stderr } = await shell(t, `keyhole invite accept --mailbox "$URL" ${code} ${where}; echo $?`, url, directory);
    t.match(stdout, /^3\n$/, where);
    t.match(stderr, error);
    t.match(stderr, /^hint: the sender was told that nothing was taken; /m);
    const ended = await program.ended;
    t.same([ended.status, eventNames(ended).at(-1)], [1, "refused"], where);
    t.match(ended.stderr, /^error: refused: the receiver could not write it\n$/);
  }
  if (isMounted) {
    t.same(listing(disk), ["filler", "shell.json"], "the file of --out is not there, nor half of it");
    t.equal(statSync(join(disk, "shell.json")).size, 0, "the shell's file is empty");
  }
});

t.test("a file that appears meanwhile", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  const sender = await sendingPeer(t, url);
  const program = invite(t, ["accept", "--mailbox", url, "--format", "text", "--out", "f", sender.code], { cwd: directory });
  await until(sender.wormhole, "verified");
  writeFileSync(join(directory, "f"), "mine");
  sender.wormhole.send(encodeUtf8('{"offer":{"message":"theirs"}}'));
  t.match(await program.ended, { status: 3, stderr: /^error: f exists/ });
  t.equal(parseUtf8((await until(sender.wormhole, "message")).plaintext, "answer"), '{"error":"the receiver could not write it"}');
  t.equal(readFileSync(join(directory, "f"), "utf8"), "mine");
});

t.test("the acknowledgement comes after the payload is safe", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  const sender = await sendingPeer(t, url);
  const program = invite(t, ["accept", "--mailbox", url, "--format", "text", "--out", "f", sender.code], { cwd: directory });
  await until(sender.wormhole, "verified");
  sender.wormhole.send(encodeUtf8('{"offer":{"message":"theirs"}}'));
  t.equal(parseUtf8((await until(sender.wormhole, "message")).plaintext, "answer"), '{"answer":{"message_ack":"ok"}}');
  t.equal(readFileSync(join(directory, "f"), "utf8"), "theirs");
  t.equal((await program.ended).status, 0);
});

t.test("what the sender says instead", async (t) => {
  const { url } = await startMailbox(t);
  for (const [message, error, answer] of [
    [{ error: "changed\u001b my mind" }, /^error: the sender says: changed\\x1b my mind\n/, undefined],
    [{ offer: { file: { filename: "a", filesize: 1 } } }, /^error: a file is offered, and this side takes text only\n/, /a file is offered/],
  ] as const) {
    const sender = await sendingPeer(t, url);
    const program = invite(t, ["accept", "--mailbox", url, sender.code]);
    await until(sender.wormhole, "verified");
    sender.wormhole.send(encodeUtf8(JSON.stringify(message)));
    if (answer !== undefined) t.match(parseUtf8((await until(sender.wormhole, "message")).plaintext, "answer"), answer);
    t.match(await program.ended, { status: 1, stdout: "", stderr: error });
  }
});

t.test("nobody", async (t) => {
  const { url, list } = await startMailbox(t);
  const alone = await accept(t, url, ["--timeout", "1s", "--json", "7-guitarist-revenge"]);
  t.equal(alone.status, 3);
  t.match(JSON.parse(alone.stdout), { error: { code: "INVITE_TIMEOUT", message: "nobody came within 1 s", hint: "the code was used or has expired, or the sender has another --mailbox or --format" } });
  t.same(await list(), [], "the nameplate is free again");

  const sender = await sendingPeer(t, url);
  const program = invite(t, ["accept", "--mailbox", url, "--timeout", "2s", sender.code]);
  await until(sender.wormhole, "verified");
  sender.wormhole.disconnect();
  t.match(await program.ended, { status: 3, stdout: "", stderr: /^error: the sender has the same code, but sent nothing within 2 s\n/ });
});

t.test("a server that goes", async (t) => {
  const mailbox = await startMailbox(t);
  const program = invite(t, ["accept", "--json", "--mailbox", mailbox.url, "--timeout", "4s", "7-guitarist-revenge"]);
  while (!(await mailbox.list()).includes("7")) await new Promise((resolve) => setTimeout(resolve, 50));
  await mailbox.stop();
  const ended = await program.ended;
  t.equal(ended.status, 3);
  t.match(JSON.parse(ended.stdout), { error: { code: "INVITE_LOST", message: "no connection to the mailbox server within 4 s" } });
});

t.test("crowded", async (t) => {
  const { url } = await startMailbox(t);
  for (let i = 0; i < 2; i++) await (await bareSide(t, url)).join("7");
  t.match(await accept(t, url, ["7-guitarist-revenge"]), { status: 1, stderr: /^error: two others have used this code already\nhint: / });
});

t.test("Ctrl-C", async (t) => {
  const { url, list } = await startMailbox(t);
  const program = invite(t, ["accept", "-v", "--mailbox", url, "7-guitarist-revenge"]);
  await program.expect("stderr", /^connected$/m);
  program.kill("SIGINT");
  t.match(await program.ended, { status: 130, stdout: "" });
  t.same(await list(), []);

  const sender = await sendingPeer(t, url);
  const second = invite(t, ["accept", "--json", "--mailbox", url, sender.code]);
  await until(sender.wormhole, "verified");
  second.kill("SIGINT");
  const ended = await second.ended;
  t.equal(ended.status, 130);
  t.same(JSON.parse(ended.stdout), { error: { code: "INTERRUPTED", message: "interrupted" } });
  t.equal(parseUtf8((await until(sender.wormhole, "message")).plaintext, "answer"), '{"error":"the receiver gave up"}', "the sender does not wait for nothing");
});

t.test("Ctrl-C while the reader of a pipe sleeps", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--format", "text", "--allow-large", "-"], { input: "x".repeat(1_000_000) });
  const script = `mkfifo f; sleep 10 <f >/dev/null 2>&1 & exec "$NODE" "$KEYHOLE" invite accept -v --mailbox "$URL" --format text ${code} >f`;
  const accepting = shellProgram(t, script, url, temporaryDirectory(t));
  await accepting.expect("stderr", /right code/);
  await new Promise((resolve) => setTimeout(resolve, 500));
  accepting.kill("SIGINT");
  t.equal((await accepting.ended).status, 130);
  t.equal(eventNames(await program.ended).at(-1), "refused");
});

t.test("a reader that goes", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  const sender = await sendingPeer(t, url);
  const script = `keyhole invite accept --mailbox "$URL" --format text ${sender.code} | { while [ ! -e close ]; do sleep 0.05; done; exec 0<&-; touch closed; }; echo "\${PIPESTATUS[0]}"`;
  const accepting = shellProgram(t, script, url, directory);
  await until(sender.wormhole, "verified");
  writeFileSync(join(directory, "close"), "");
  while (!existsSync(join(directory, "closed"))) await new Promise((resolve) => setTimeout(resolve, 20));
  sender.wormhole.send(encodeUtf8('{"offer":{"message":"hello"}}'));
  t.match(await accepting.ended, { stdout: "3\n", stderr: /^error: standard output cannot be written: the reader has gone/ });
  t.equal(parseUtf8((await until(sender.wormhole, "message")).plaintext, "answer"), '{"error":"the receiver could not write it"}');
});

async function listenOn(t: Test, server: Server): Promise<number> {
  t.teardown(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

t.test("what is no mailbox server", async (t) => {
  const directory = temporaryDirectory(t);
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"], { cwd: directory, stdio: "ignore" });
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => readFileSync(join(directory, name)));
  const web = await listenOn(t, createHttpServer((_request, response) => response.end("hello")));
  const tls = await listenOn(t, createTlsServer({ key, cert }));
  for (const [url, code] of [
    [`ws://127.0.0.1:${web}/v1`, "WORMHOLE_NOT_A_MAILBOX"],
    [`wss://127.0.0.1:${tls}/v1`, "WORMHOLE_TLS"],
    [`wss://127.0.0.1:${web}/v1`, "WORMHOLE_TLS"],
    [`ws://127.0.0.1:1/v1`, "WORMHOLE_CONNECT"],
  ] as const) {
    const outcome = await accept(t, url, ["--json", "7-guitarist-revenge"]);
    t.equal(outcome.status, 3, url);
    t.match(JSON.parse(outcome.stdout), { error: { code, hint: String } });
    t.match(outcome.stderr, /^error: [^\n]+\nhint: [^\n]+\n$/);
  }
});

/** A sender that says what the test says. */
async function sendingPeer(t: Test, url: string): Promise<{ readonly wormhole: Wormhole; readonly code: string }> {
  const wormhole = new Wormhole(newIssuer({ appid: TEXT_APPID }), { url });
  t.teardown(() => void wormhole.disconnect());
  return { wormhole, code: (await until(wormhole, "code")).code };
}

t.test("the nameplate of a code in use", async (t) => {
  const { url, list } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--text", "{}"]);
  t.same(await list(), [nameplateOf(code)]);
  const peer = await receiver(t, url, code);
  t.same(await list(), [], "is free once somebody has come");
  peer.send(encodeUtf8('{"answer":{"message_ack":"ok"}}'));
  t.equal((await program.ended).status, 0);
});
