import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { renderQr } from "../../src/lib/terminal/qr.ts";
import { encodeUtf8, parseUtf8 } from "../../src/lib/text.ts";
import { newReceiver } from "../../src/lib/wormhole/state.ts";
import { Wormhole } from "../../src/lib/wormhole/wormhole.ts";
import { accept, bareSide, create, eventNames, eventsOf, invite, nameplateOf, receiver, shell, shellProgram, startMailbox, TEXT_APPID, until, wrongCode } from "../support/invite.ts";
import { temporaryDirectory } from "../support/keyhole.ts";

// What an issuer meets: the code, what happens to it, and how it ends.

const DOCUMENT = '{ "grid": "Zürich", "n": 1.50 }\n';

t.test("delivered", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["-"], { input: DOCUMENT });
  t.match(code, /^[1-9]-[a-z]+-[a-z]+$/);
  const received = await accept(t, url, [code]);
  t.match(received, { status: 0, stdout: DOCUMENT, stderr: "" });
  const sent = await program.ended;
  t.match(sent, { status: 0, stdout: `${code}\n` }, "nothing but the code on standard output");
  t.match(sent.stderr, /^the receiver runs: keyhole invite accept --mailbox ws:\/\/127\.0\.0\.1:\d+\/v1 \d-\S+\nsomebody has tried the code[^\n]*\nit was the right code\ndelivered\n$/);
});

t.test("events", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", DOCUMENT]);
  await accept(t, url, [code]);
  const ended = await program.ended;
  t.equal(ended.status, 0);
  t.equal(ended.stderr, "");
  const events = eventsOf(ended);
  t.same(events.map(({ event }) => event), ["code", "contacted", "verified", "delivered"]);
  t.ok(events.every((event) => event.code === code));
  t.same(Object.keys(events[0]!), ["event", "code", "url", "command"]);
  t.match(events[2]!.verifier, /^[0-9a-f]{64}$/);
});

t.test("where the payload comes from", async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "grid.json"), DOCUMENT);
  const { url } = await startMailbox(t);
  for (const [words, input] of [
    [["grid.json"], ""],
    [["-"], DOCUMENT],
    [[], DOCUMENT],
    [["--text", DOCUMENT], ""],
    [["--text", "-"], DOCUMENT],
  ] as const) {
    const { code, program } = await create(t, url, words, { cwd: directory, input });
    t.equal((await accept(t, url, [code])).stdout, DOCUMENT, words.join(" "));
    t.equal((await program.ended).status, 0);
  }
});

t.test("what the code is like", async (t) => {
  const { url } = await startMailbox(t);
  t.match((await create(t, url, ["--words", "4", "--text", "{}"])).code, /^\d+(-[a-z]+){4}$/);

  const chosen = await create(t, url, ["--json", "--code", "77-guitarist-revenge", "--text", "{}"]);
  t.equal(chosen.code, "77-guitarist-revenge");
  await accept(t, url, [chosen.code]);
  t.same(eventNames(await chosen.program.ended), ["code", "contacted", "verified", "delivered"]);

  const secret = await create(t, url, ["--code", "-", "--any-words", "--text", "{}"], { input: "78-our-own words\n".replace(" ", "-") });
  t.equal(secret.code, "78-our-own-words");
  t.equal((await accept(t, url, ["--any-words", "-"], { input: "78-our-own-words\n" })).status, 0);
  t.equal((await secret.program.ended).status, 0);
});

t.test("a QR code that other programs read", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--qr", "--text", "{}"]);
  const uri = `wormhole-transfer:${code}?rendezvous=${encodeURIComponent(url.replace(/\/v1$/, ""))}`;
  await program.expect("stderr", /\n.*\n.*\n/);
  await accept(t, url, [code]);
  t.ok((await program.ended).stderr.includes(renderQr(uri)));

  const tahoe = await create(t, url, ["--qr", "--format", "tahoe", "--text", '{"shares-needed":"1","shares-happy":"1","shares-total":"1"}']);
  await accept(t, url, ["--format", "tahoe", tahoe.code]);
  t.ok((await tahoe.program.ended).stderr.includes(renderQr(tahoe.code)), "there is no URI for other applications");
});

t.test("a wrong guess", async (t) => {
  const { url, list } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", "{}"]);
  const wrong = await accept(t, url, ["--json", wrongCode(code)]);
  t.equal(wrong.status, 1);
  t.match(JSON.parse(wrong.stdout), { error: { code: "INVITE_WRONG_CODE" } });
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [1, ["code", "contacted", "wrong-guess"]]);
  t.match(ended.stderr, /^error: somebody tried a wrong code\nhint: [^\n]+\n$/);
  t.same(await list(), [], "and the code is gone");
});

t.test("a side that comes and says nothing", async (t) => {
  const { url } = await startMailbox(t);
  for (const isQuiet of [false, true]) {
    const { code, program } = await create(t, url, ["--json", "--ttl", "3s", ...(isQuiet ? ["-q"] : []), "--text", "{}"]);
    const side = await bareSide(t, url);
    await side.join(nameplateOf(code));
    side.close();
    const ended = await program.ended;
    t.same([ended.status, eventNames(ended)], [1, ["code", "silent-guess"]], "ends it only when the time is over");
    t.match(eventsOf(ended)[1], { code, reason: "somebody took the number of the code and said nothing" });
    const warning = "somebody has taken the number of the code and has not spoken yet; if it is not the person you mean, issue a new code\n";
    t.equal(ended.stderr, `${isQuiet ? "" : warning}error: somebody took the number of the code and said nothing\nhint: issue a new one; somebody may be guessing\n`);
  }
});

t.test("a side that comes, leaves and comes back in time", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", '"hello"']);
  const state = newReceiver({ appid: TEXT_APPID, code });
  const slow = await bareSide(t, url, TEXT_APPID, state.side);
  await slow.join(nameplateOf(code));
  slow.close();
  await program.expect("stderr", /has not spoken yet/);
  const peer = new Wormhole(state, { url });
  t.teardown(() => void peer.disconnect());
  await until(peer, "message");
  peer.send(encodeUtf8('{"answer":{"message_ack":"ok"}}'));
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [0, ["code", "contacted", "verified", "delivered"]]);
});

t.test("two sides that come", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", "{}"]);
  const silent = await bareSide(t, url);
  await silent.join(nameplateOf(code));
  const late = await accept(t, url, ["--json", code]);
  t.equal(late.status, 1);
  t.match(JSON.parse(late.stdout), { error: { code: "INVITE_CROWDED" } });
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [1, ["code", "crowded"]]);
});

t.test("a code that is used already", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--text", "{}"]);
  const peer = await receiver(t, url, code);
  const late = await accept(t, url, ["--timeout", "1s", "--json", code]);
  t.equal(late.status, 3, "nobody is there any more");
  t.match(JSON.parse(late.stdout), { error: { code: "INVITE_TIMEOUT" } });
  peer.send(encodeUtf8('{"answer":{"message_ack":"ok"}}'));
  t.equal((await program.ended).status, 0, "and the side that came first gets it");
});

t.test("nobody comes in time", async (t) => {
  const { url, list } = await startMailbox(t);
  const { program } = await create(t, url, ["--json", "--ttl", "1s", "--text", "{}"]);
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [1, ["code", "expired"]]);
  t.same(await list(), [], "the code is gone");
});

t.test("refused by the other side", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", "{}"]);
  const peer = await receiver(t, url, code);
  t.same(JSON.parse(parseUtf8((await until(peer, "message")).plaintext, "offer")), { offer: { message: "{}" } });
  peer.send(encodeUtf8('{"error":"not \\u001b[31mtoday"}'));
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [1, ["code", "contacted", "verified", "refused"]]);
  t.equal(eventsOf(ended)[3]!.reason, "not \u001b[31mtoday");
  t.equal(ended.stderr, "error: refused: not \\x1b[31mtoday\n", "and nothing of it acts on a terminal");
});

t.test("a receiver that dies", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--text", "{}"]);
  const peer = await receiver(t, url, code);
  await until(peer, "message");
  peer.disconnect();
  program.kill("SIGINT");
  const ended = await program.ended;
  t.equal(ended.status, 130, "is not counted as one that has the payload");
  t.match(ended.stderr, /interrupted; the receiver had the right code, and may have the payload\n$/);
  t.same(eventNames(ended), ["code", "contacted", "verified", undefined]);
});

t.test("a server that forgets", async (t) => {
  const mailbox = await startMailbox(t);
  const { program } = await create(t, mailbox.url, ["--json", "-v", "--text", "{}"]);
  await mailbox.stop();
  await startMailbox(t, { port: mailbox.port });
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [3, ["code", "lost"]]);
  t.match(ended.stderr, /the connection is lost; trying again\n(.*\n)*error: the invite is lost: [^\n]+\nhint: /);
});

t.test("Ctrl-C", async (t) => {
  const { url, list } = await startMailbox(t);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const { code, program } = await create(t, url, ["--json", "--text", "{}"]);
    t.same(await list(), [nameplateOf(code)]);
    program.kill(signal);
    const ended = await program.ended;
    t.equal(ended.status, 130, signal);
    t.same(await list(), [], "the code is gone");
  }
});

t.test("what the server has to say", async (t) => {
  const { url } = await startMailbox(t, { motd: "moved on\u001b[2J Sunday\nsee\r\n  there\n" });
  const { program } = await create(t, url, ["--ttl", "1s", "--text", "{}"]);
  t.match((await program.ended).stderr, /^mailbox server: moved on\\x1b\[2J Sunday\nmailbox server: see\nmailbox server: {3}there\nthe receiver/);
  const quiet = await create(t, url, ["-q", "--ttl", "1s", "--text", "{}"]);
  t.match((await quiet.program.ended).stderr, /^error: nobody has used the code in time\nhint: [^\n]+\n$/);
});

t.test("no server", async (t) => {
  const mailbox = await startMailbox(t);
  await mailbox.stop();
  const ended = await invite(t, ["create", "--json", "--mailbox", mailbox.url, "--text", "{}"]).ended;
  t.equal(ended.status, 3);
  t.match(JSON.parse(ended.stdout), { error: { code: "WORMHOLE_CONNECT" } });
});

t.test("standard output that fails", async (t) => {
  const { url, list } = await startMailbox(t);
  const script = `keyhole invite create --mailbox "$URL" --text '{}' >/dev/full; echo $?`;
  const { stdout, stderr } = await shell(t, script, url);
  t.equal(stdout, "3\n");
  t.match(stderr, /error: standard output cannot be written: no space left on device/);
  t.same(await list(), [], "a code that nobody has seen does not stay");
});

t.test("a reader of the events that goes", async (t) => {
  const { url } = await startMailbox(t);
  const script = `keyhole invite create --mailbox "$URL" --json --text '"hello"' | { head -n 1; exec 0<&-; echo closed; }; echo "\${PIPESTATUS[0]}"`;
  const program = shellProgram(t, script, url);
  const [, code] = await program.expect("stdout", /"code":"([^"]+)"[^\n]*\nclosed\n/);
  const peer = await receiver(t, url, code!);
  t.equal(parseUtf8((await until(peer, "message")).plaintext, "message"), '{"error":"the sender gave up"}', "the receiver is told, and gets no payload");
  const ended = await program.ended;
  t.match(ended.stdout, /\n3\n$/);
  t.match(ended.stderr, /^error: standard output cannot be written: the reader has gone.*\nhint: the code cannot be used any more; /m);
});

t.test("a server that counts claims", async (t) => {
  const { url, list } = await startMailbox(t, { claimsPerMinute: 1 });
  const side = await bareSide(t, url);
  await side.join("5");
  const words = ["create", "--json", "--mailbox", url, "--text", "{}"];
  const ended = await invite(t, words).ended;
  t.equal(ended.status, 3);
  t.match(JSON.parse(ended.stdout), { error: { code: "INVITE_LIMITED", message: "the mailbox server allows no more claims for now", hint: "try again in a minute" } });
  const accepted = await accept(t, url, ["7-guitarist-revenge"]);
  t.match(accepted, { status: 3, stderr: "error: the mailbox server allows no more claims for now\nhint: try again in a minute; the code is still good\n" });
  const many = invite(t, [...words, "--count", "2"]);
  await many.expect("stderr", /^the mailbox server allows no more claims for now; waiting\n/);
  many.kill("SIGINT");
  t.equal((await many.ended).status, 130, "many invites wait for it");
  t.same(await list(), ["5"]);
});

t.test("a server that is away for a while", async (t) => {
  const mailbox = await startMailbox(t);
  const { program } = await create(t, mailbox.url, ["--ttl", "30s", "--text", "{}"]);
  await mailbox.stop();
  await program.expect("stderr", /^the connection to the mailbox server is lost; trying again\n/m);
  await startMailbox(t, { port: mailbox.port });
  await program.expect("stderr", /^the connection to the mailbox server is back\n/m);
  await program.ended;
});
