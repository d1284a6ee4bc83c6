import t from "tap";
import { accept, create, eventsOf, invite, shell, startMailbox, wrongCode } from "../support/invite.ts";

// Many invites by one command.

type Event = Readonly<Record<string, unknown>>;

function codesOf(events: readonly Event[], tag: string): ReadonlyMap<unknown, string> {
  return new Map(events.filter(({ event }) => event === "code").map((event) => [event[tag], event.code as string]));
}

t.test("--count", async (t) => {
  const { url, list } = await startMailbox(t);
  const program = invite(t, ["create", "--json", "--mailbox", url, "--count", "3", "--text", "{}"]);
  const [output] = await program.expect("stdout", /^(.*"event":"code".*\n){3}/);
  const codes = codesOf(eventsOf({ status: 0, stdout: output, stderr: "" }), "index");
  t.same([...codes.keys()].sort(), [1, 2, 3]);
  t.equal(new Set(codes.values()).size, 3, "each has its own code");
  for (const code of [codes.get(1)!, codes.get(3)!]) t.equal((await accept(t, url, [code])).status, 0);
  t.equal((await accept(t, url, [wrongCode(codes.get(2)!)])).status, 1);
  const ended = await program.ended;
  t.equal(ended.status, 1, "the worst of all");
  const last = eventsOf(ended).filter(({ event }) => event === "delivered" || event === "wrong-guess");
  t.same(Object.fromEntries(last.map(({ index, event, code }) => [String(index), [event, code]])), { 1: ["delivered", codes.get(1)], 2: ["wrong-guess", codes.get(2)], 3: ["delivered", codes.get(3)] });
  t.match(ended.stderr, new RegExp(`^error: index 2, ${codes.get(2)!}: somebody tried a wrong code\nhint: .*\n$`));
  t.same(await list(), []);
});

t.test("--count for people", async (t) => {
  const { url } = await startMailbox(t);
  const program = invite(t, ["create", "--mailbox", url, "--count", "2", "--text", "{}"]);
  const [, first, second] = await program.expect("stdout", /^(\S+)\n(\S+)\n/);
  for (const code of [second!, first!]) await accept(t, url, [code]);
  const ended = await program.ended;
  t.match(ended, { status: 0, stdout: `${first!}\n${second!}\n` });
  t.match(ended.stderr, new RegExp(`^index \\d, ${first!}: delivered$`, "m"));
});

t.test("--lines", async (t) => {
  const { url } = await startMailbox(t);
  const input = ['{"n": 1}', "not JSON", ' [ 3 ] ', `"${"x".repeat(20_000)}"`, `"${"x".repeat(200_000)}"`, " \t\r", '{"n": 7}', ""];
  const program = invite(t, ["create", "--json", "--mailbox", url, "--lines", "-"], { input: input.join("\n") });
  const [output] = await program.expect("stdout", /^(?:(.*"event":"code".*|\{"error".*)\n){6}/);
  const lines = eventsOf({ status: 0, stdout: output, stderr: "" });
  const codes = codesOf(lines, "line");
  t.same([...codes.keys()].sort(), [1, 3, 7]);
  const errors = Object.fromEntries(lines.filter(({ error }) => error !== undefined).map(({ line, error }) => [String(line), (error as { code: string }).code]));
  t.same(errors, { 2: "INVITE_PAYLOAD", 4: "INVITE_TOO_LARGE", 5: "INVITE_TOO_LARGE" });
  for (const [line, payload] of [[1, '{"n": 1}'], [3, " [ 3 ] "], [7, '{"n": 7}']] as const) t.equal((await accept(t, url, [codes.get(line)!])).stdout, payload);
  const ended = await program.ended;
  t.equal(ended.status, 2, "the worst of all");
  t.match(ended.stderr, /^error: line 2: the payload is not JSON\nhint: each line is one JSON document; /m);
  t.match(ended.stderr, /^error: line 5: the line is longer than 131072 bytes\nhint: give --allow-large/m);
});

t.test("--lines for people: the n-th line of the output is for the n-th payload", async (t) => {
  const { url } = await startMailbox(t);
  const program = invite(t, ["create", "--mailbox", url, "--format", "text", "--lines"], { input: '"one"\nnot a string\n\n"three\\n"\n' });
  const [, first, third] = await program.expect("stdout", /^(\d\S+)\n\n\n(\d\S+)\n/);
  t.equal((await accept(t, url, ["--format", "text", first!])).stdout, "one");
  t.equal((await accept(t, url, ["--format", "text", third!])).stdout, "three\n");
  const ended = await program.ended;
  t.match(ended, { status: 2, stdout: `${first!}\n\n\n${third!}\n`, stderr: /^error: line 2: the payload is not a JSON string$/m });
});

t.test("what the server has to say to everybody is said once", async (t) => {
  const { url } = await startMailbox(t, { motd: "moved on Sunday" });
  const { stderr } = await invite(t, ["create", "--mailbox", url, "--text", "1", "--count", "3", "--ttl", "1s"]).ended;
  t.equal(stderr.split("\n").filter((line) => line === "mailbox server: moved on Sunday").length, 1, stderr);
});

t.test("lines are taken as they come", async (t) => {
  const { url } = await startMailbox(t);
  const program = invite(t, ["create", "--json", "--mailbox", url, "--lines"], { input: null });
  program.type('{"n":1}\n{"n"');
  const [, first] = await program.expect("stdout", /"code":"([^"]+)".*"line":1\}/);
  t.equal((await accept(t, url, [first!])).stdout, '{"n":1}');
  await program.expect("stdout", /"delivered"/);
  program.type(":2}\n");
  const [, second] = await program.expect("stdout", /"code":"([^"]+)".*"line":2\}/);
  program.kill("SIGINT");
  t.equal((await program.ended).status, 130, "Ctrl-C ends the reading, too");
  t.equal((await accept(t, url, ["--timeout", "1s", second!])).status, 3, "and the code is gone");
});

t.test("no lines", async (t) => {
  const { url } = await startMailbox(t);
  t.match(await invite(t, ["create", "--mailbox", url, "--lines"]).ended, { status: 0, stdout: "", stderr: "" });
});

t.test("Ctrl-C", async (t) => {
  const { url, list } = await startMailbox(t);
  const program = invite(t, ["create", "--mailbox", url, "--count", "100", "--text", "{}"]);
  await program.expect("stdout", /^(\S+\n){100}/);
  t.equal((await list()).length, 100);
  program.kill("SIGINT");
  t.equal((await program.ended).status, 130);
  t.same(await list(), [], "no code remains");
});

t.test("no server, and one that goes", async (t) => {
  const mailbox = await startMailbox(t);
  const gone = await invite(t, ["create", "--json", "--mailbox", "ws://127.0.0.1:1/v1", "--count", "2", "--text", "{}"]).ended;
  t.equal(gone.status, 3);
  t.same(eventsOf(gone).map(({ error, index }) => [(error as { code: string }).code, index]).sort(), [["WORMHOLE_CONNECT", 1], ["WORMHOLE_CONNECT", 2]]);
  t.match(gone.stderr, /^error: index 1: nothing listens at 127\.0\.0\.1:1$/m);

  const full = await shell(t, `keyhole invite create --mailbox "$URL" --count 5 --text '{}' >/dev/full; echo $?`, mailbox.url);
  t.match(full, { stdout: "3\n", stderr: /^error: standard output cannot be written: no space left on device \(ENOSPC\)\n/ }, "an output that fails ends them all");
  t.same(await mailbox.list(), []);
});

t.test("one payload, many times", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--count", "1", "--text", "[1]"]);
  t.equal((await accept(t, url, [code])).stdout, "[1]");
  t.match(await program.ended, { status: 0, stdout: `${code}\n` });
});
