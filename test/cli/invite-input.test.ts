import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { startNowhere } from "../support/invite.ts";
import { checkFailure, keyholeForEach, listing, temporaryDirectory, type Outcome, type RunOptions } from "../support/keyhole.ts";

// What can be seen on this side is said before any server hears of it: a
// mistake must not use up a code.

interface Case {
  readonly words: readonly string[];
  readonly error: RegExp;
  readonly options?: RunOptions;
}

const SHARES = '"shares-needed":"3","shares-happy":"7","shares-total":"10"';
const GOOD = ["--text", "{}"];
const CODE = "7-guitarist-revenge";

const CREATE: readonly Case[] = [
  { words: ["--text", "not JSON"], error: /^error: the payload is not JSON$/ },
  { words: ["--text", ""], error: /^error: the payload is not JSON$/ },
  { words: [""], error: /^error: FILE is empty, expected a file$/ },
  { words: ["-"], error: /^error: standard input is empty$/ },
  { words: ["--format", "text"], error: /^error: standard input is empty$/ },
  { words: ["empty.json"], error: /^error: payload empty.json is empty$/ },
  { words: ["bom.json"], error: /^error: the payload begins with a byte order mark, which JSON has not$/ },
  { words: ["-"], error: /^error: the payload is not JSON$/, options: { input: "{}{}" } },
  { words: ["latin1.txt", "--format", "text"], error: /^error: payload latin1.txt is not UTF-8 text$/ },
  { words: ["missing.json"], error: /^error: payload missing.json cannot be read: no such file or directory/ },
  { words: ["directory"], error: /^error: payload directory cannot be read: it is a directory/ },
  { words: ["long.txt", "--format", "text"], error: /^error: the payload makes a message of 16001 bytes, expected at most 16000: wormhole-william / },
  { words: ["grid.json", "--text", "{}"], error: /FILE or --text, not both/ },
  { words: ["-", "--code", "-"], error: /standard input cannot hold both the code and the payload/, options: { input: "no code" } },
  { words: ["--code", "-"], error: /standard input cannot hold both the code and the payload/, options: { input: CODE } },
  { words: [...GOOD, "--code", "7"], error: /^error: the code has no -/ },
  { words: [...GOOD, "--code", "7-guitarist-revange"], error: /"revange", is not in the list, nearest: revenge/ },
  { words: [...GOOD, "--code", "revenge-7"], error: /^error: the code does not begin with a number/ },
  { words: [...GOOD, "--code", CODE, "--words", "3"], error: /^error: --code does not go with --words$/ },
  { words: [...GOOD, "--code", CODE, "--count", "2"], error: /^error: --code does not go with --count$/ },
  { words: [...GOOD, "--words", "0"], error: /--words is "0", expected a decimal number from 1 to 16/ },
  { words: [...GOOD, "--words", "17"], error: /--words is "17"/ },
  { words: [...GOOD, "--count", "0"], error: /--count is "0", expected a decimal number from 1 to 1000/ },
  { words: [...GOOD, "--ttl", "15"], error: /^error: --ttl is "15", expected a whole number and s, m, h or d, up to 7d$/ },
  { words: [...GOOD, "--ttl", "0s"], error: /--ttl is "0s"/ },
  { words: [...GOOD, "--ttl", "8d"], error: /--ttl is "8d"/ },
  { words: [...GOOD, "--ttl", "1.5h"], error: /--ttl is "1.5h"/ },
  { words: [...GOOD, "--format", "yaml"], error: /--format is "yaml", expected json or text or tahoe or magic-folder/ },
  { words: [...GOOD, "--appid", ""], error: /--appid is empty/ },
  { words: [...GOOD, "--verify"], error: /^error: --verify has nobody to ask here$/ },
  { words: [...GOOD, "--lines"], error: /^error: --lines does not go with --text$/ },
  { words: ["grid.json", "--lines"], error: /^error: --lines does not go with FILE$/ },
  { words: ["--lines", "--count", "2"], error: /^error: --lines does not go with --count$/ },
  { words: ["--lines", "--code", CODE], error: /^error: --lines does not go with --code$/ },
  { words: ["--lines", "--verify"], error: /^error: --verify has nobody to ask here$/ },
  { words: [...GOOD, "--listen", "127.0.0.1:0"], error: /^error: --listen needs --local$/ },
  { words: [...GOOD, "--local"], error: /^error: --local does not go with --mailbox$/ },
  { words: [...GOOD, "--mailbox", "https://relay.example/v1"], error: /^error: --mailbox is "https:\/\/relay.example\/v1", expected ws:.*: its scheme is https, not ws or wss$/ },
  { words: [...GOOD, "--mailbox", "relay.example"], error: /^error: --mailbox is "relay.example", .*: it does not begin with ws:\/\/ or wss:\/\/$/ },
  { words: [...GOOD, "--mailbox", ""], error: /^error: --mailbox is "", .*: it is empty$/ },
  { words: [...GOOD, "--mailbox", "wss://me:secret@relay.example/v1"], error: /^error: --mailbox is "wss:\/\/…@relay.example\/v1", .*: it has a user or password$/ },
  { words: [...GOOD, "--mailbox", "me:secret@relay.example"], error: /^error: --mailbox is "…@relay.example", .*: it does not begin with/ },
  { words: [...GOOD, "--mailbox", "ws://me:secret@relay.example:99999/v1"], error: /^error: --mailbox is "ws:\/\/…@relay.example:99999\/v1", .*: its port is not a number up to 65535$/ },
  { words: [...GOOD, "--mailbox", "ws://relay.example:http/v1"], error: /: its port is not a number up to 65535$/ },
  { words: [...GOOD, "--mailbox", "ws://a b/v1"], error: /: its host cannot be one$/ },
  { words: [...GOOD, "--mailbox", "ws://relay.example/v1#x"], error: /: it has a fragment, from # on$/ },
  { words: [...GOOD, "extra.json", "more"], error: /takes no further word/ },
  { words: ["--format", "tahoe", "--text", "[]"], error: /^error: the payload is not an object$/ },
  { words: ["--format", "tahoe", "--text", '{"shares-needed":"3","introducer":"pb://x"}'], error: /^error: the payload lacks shares-happy$/ },
  { words: ["--format", "tahoe", "--text", `{${SHARES},"introducer":7}`], error: /^error: the payload has a value for introducer that is not text$/ },
  { words: ["--format", "magic-folder", "--text", '{"collective":"URI:DIR2:a:b"}'], error: /no collective that is the read-only capability/ },
  { words: ["--format", "magic-folder", "--text", '{"collective":"URI:DIR2-RO:a:b","mode":"w"}'], error: /unknown mode/ },
];

const ACCEPT: readonly Case[] = [
  { words: [], error: /^error: invite accept needs CODE$/ },
  { words: [""], error: /^error: the code is empty$/ },
  { words: ["7"], error: /^error: the code has no -/ },
  { words: ["7-"], error: /^error: the code ends after its number/ },
  { words: ["-guitarist-revenge"], error: /has no option/ },
  { words: ["--", "-guitarist-revenge"], error: /^error: the code begins with -/ },
  { words: ["7 guitarist revenge"], error: /^error: the code has a blank in it$/ },
  { words: ["7-revenge-guitarist"], error: /word 1 of the code, "revenge", is in the list but never word 1/ },
  { words: ["7-guitarist-revengo"], error: /"revengo", is not in the list, nearest: revenge/ },
  { words: ["-"], error: /^error: the code is empty$/ },
  { words: ["-"], error: /^error: the code has a blank/, options: { input: "7-guitarist-revenge \n" } },
  { words: ["-"], error: /^error: code on standard input is not UTF-8 text$/, options: { input: Uint8Array.of(0xff) } },
  { words: [CODE, "--out", "grid.json"], error: /^error: grid.json exists, and a payload file is never written over another file$/ },
  { words: [CODE, "--out", ""], error: /^error: --out is empty, expected a file$/ },
  { words: [CODE, "--out", "-"], error: /^error: --out is -, expected a file$/ },
  { words: [CODE, "--format", "magic-folder", "--personal", ""], error: /^error: --personal is empty, expected a file$/ },
  { words: [CODE, "--out", "nowhere/grid.json"], error: /^error: payload file nowhere\/grid.json cannot be written: no such file or directory/ },
  { words: [CODE, "--verify"], error: /^error: --verify has nobody to ask here$/ },
  { words: [CODE, "--timeout", "2"], error: /--timeout is "2"/ },
  { words: [CODE, "--mailbox", "http://relay.example"], error: /expected ws:/ },
  { words: [CODE, "--personal", "cap.txt"], error: /^error: --personal goes with --format magic-folder alone$/ },
  { words: [CODE, "--format", "magic-folder", "--personal", "cap.txt"], error: /^error: that is not the read-only capability of a directory$/ },
  { words: [CODE, "--format", "magic-folder", "--personal", "missing.txt"], error: /^error: capability file missing.txt cannot be read/ },
  { words: [CODE, "more"], error: /takes no further word/ },
];

for (const [command, cases] of [["create", CREATE], ["accept", ACCEPT]] as const) {
  t.test(`invite ${command}`, async (t) => {
    const directory = temporaryDirectory(t);
    writeFileSync(join(directory, "grid.json"), "{}");
    writeFileSync(join(directory, "latin1.txt"), Uint8Array.of(0xe4));
    writeFileSync(join(directory, "cap.txt"), "URI:DIR2:secret:write\n", { mode: 0o600 });
    writeFileSync(join(directory, "long.txt"), "x".repeat(16_001 - '{"offer":{"message":""}}'.length));
    writeFileSync(join(directory, "empty.json"), "");
    writeFileSync(join(directory, "bom.json"), "\ufeff{}");
    mkdirSync(join(directory, "directory"));
    const before = listing(directory);
    const nowhere = await startNowhere(t);
    const outcomes = await keyholeForEach(cases, ({ words, options }) => [["invite", command, ...(words.includes("--mailbox") ? [] : ["--mailbox", nowhere.url]), ...words], { cwd: directory, ...options }]);
    for (const [{ words, error }, outcome] of outcomes) {
      checkFailure(t, outcome, 2, error, words.join(" "));
      t.notMatch(outcome.stderr, /secret/);
    }
    t.equal(nowhere.count(), 0, "no server was asked");
    t.same(listing(directory), before, "nothing was written");
  });
}

t.test("which server is asked", async (t) => {
  const [option, own, shared] = [await startNowhere(t), await startNowhere(t), await startNowhere(t)];
  const counts = (): readonly number[] => [option, own, shared].map(({ count }) => Math.min(count(), 1));
  const env = { KEYHOLE_MAILBOX: own.url, WORMHOLE_RELAY_URL: shared.url };
  for (const [words, environment, expected] of [
    [["--mailbox", option.url], env, [1, 0, 0]],
    [[], env, [1, 1, 0]],
    [[], { WORMHOLE_RELAY_URL: shared.url }, [1, 1, 1]],
  ] as const) {
    const [[, outcome]] = await keyholeForEach<readonly string[]>([words], () => [["invite", "accept", ...words, CODE], { env: environment }]) as [[unknown, Outcome]];
    t.equal(outcome.status, 3);
    t.same(counts(), expected);
  }
});

t.test("a wrong address in the environment", async (t) => {
  for (const [name, env] of [
    ["KEYHOLE_MAILBOX", { KEYHOLE_MAILBOX: "http://me:secret@relay.example", WORMHOLE_RELAY_URL: "ws://127.0.0.1:1/v1" }],
    ["WORMHOLE_RELAY_URL", { WORMHOLE_RELAY_URL: "http://me:secret@relay.example" }],
  ] as const) {
    const [[, outcome]] = await keyholeForEach<readonly string[]>([["invite", "accept", CODE]], (words) => [words, { env }]) as [[unknown, Outcome]];
    checkFailure(t, outcome, 2, new RegExp(`^error: ${name} is "http://…@relay.example", expected ws:.*: its scheme is http, not ws or wss$`), name);
  }
});

t.test("invite mailbox", async (t) => {
  for (const [, outcome] of await keyholeForEach(["--db", "--tls-cert", "--tls-key"], (option) => [["invite", "mailbox", option, ""], {}])) {
    checkFailure(t, outcome, 2, /^error: --(db|tls-cert|tls-key) is empty, expected a file$/, outcome.stderr);
  }
});
