import { readFileSync } from "node:fs";
import t from "tap";
import { COMMANDS, optionsOf } from "../../src/commands/table.ts";
import { checkFailure, keyhole, keyholeForEach, listing, shell, temporaryDirectory, type Outcome } from "../support/keyhole.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const names = COMMANDS.map(({ name }) => name);

function run(...words: readonly string[]): Outcome {
  return keyhole(words);
}

t.test("--help and help list every command", async (t) => {
  for (const [words, { status, stdout, stderr }] of await keyholeForEach([["--help"], ["-h"], ["help"]], (words) => [words, {}])) {
    t.same([status, stderr], [0, ""], words.join(" "));
    for (const name of names) t.ok(stdout.includes(`keyhole ${name} `), name);
  }
  t.end();
});

t.test("the help of each command has its options and an example", async (t) => {
  for (const [command, { status, stdout, stderr }] of await keyholeForEach(COMMANDS, ({ name }) => [[...name.split(" "), "--help"], {}])) {
    t.same([status, stderr], [0, ""], command.name);
    t.match(stdout, new RegExp(`Examples?:\\n +(keyhole|.* keyhole) ${command.name}\\b`), "an example");
    for (const { name, short } of optionsOf(command)) t.match(stdout, new RegExp(`${short === undefined ? "" : `-${short}, `}--${name}\\b`), `--${name}`);
  }
  t.end();
});

t.test("the other ways to the same help", async (t) => {
  const help = run("login", "--help").stdout;
  for (const [words, outcome] of await keyholeForEach([["help", "login"], ["--help", "login"], ["login", "--key", "absent", "-qh"]], (words) => [words, {}])) {
    t.same(outcome, { status: 0, signal: null, stdout: help, stderr: "" }, words.join(" "));
  }
  const group = run("challenge", "--help");
  t.equal(group.status, 0);
  for (const name of ["challenge new", "challenge check", "challenge lint"]) t.ok(group.stdout.includes(name), name);
  t.equal(run("challenge", "check", "--help").stdout, run("help", "challenge", "check").stdout);
  const groups = [
    [["challenge"], "keyhole-challenge(1)"],
    [["ctap"], "keyhole-ctap(1)"],
    [["ctap", "pin"], "keyhole-ctap-pin(1)"],
    [["invite"], "keyhole-invite(1)"],
    [["invite", "code"], "keyhole-invite-code(1)"],
  ] as const;
  for (const [words, page] of groups) {
    const { status, stdout } = run(...words, "--help");
    t.equal(status, 0);
    for (const name of names) t.equal(stdout.includes(`keyhole ${name} `), name.startsWith(`${words.join(" ")} `), `${words.join(" ")}: ${name}`);
    t.ok(stdout.endsWith(`Manual: ${page}\n`), page);
    t.equal(stdout, run("help", ...words).stdout);
  }
  for (const [words, page] of [[["login"], "keyhole-login(1)"], [["challenge", "new"], "keyhole-challenge(1)"], [["ctap", "pin", "set"], "keyhole-ctap-pin(1)"], [["invite", "create"], "keyhole-invite-create(1)"]] as const) {
    t.ok(run(...words, "--help").stdout.endsWith(`Manual: ${page}\n`), page);
  }
  t.end();
});

t.test("a line means the same wherever its options stand, and whichever file of the program runs it", (t) => {
  for (const words of [["genkey", "absent"], ["challenge", "check"], ["ctap", "make-credential"], ["ctap", "get-assertion"], ["ctap", "info", "absent"]]) {
    const outcome = run(...words, "--json");
    t.equal(outcome.status, 2);
    t.match(outcome.stdout, /^\{"error":\{"code":"USAGE_/);
    t.same(run("--json", ...words), outcome, words.join(" "));
  }
  t.end();
});

t.test("--version", (t) => {
  t.same(run("--version"), { status: 0, stdout: `keyhole ${version}\n`, stderr: "" });
  t.end();
});

t.test("no command is wrong usage, and shows what there is", (t) => {
  const { status, stdout, stderr } = run();
  t.same([status, stdout], [2, ""]);
  for (const name of names) t.ok(stderr.includes(`keyhole ${name} `), name);
  t.end();
});

t.test("a command that is none, with the one that was perhaps meant", async (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["logn"], /hint: .*keyhole login/],
    [["challenge"], /one of new, check, lint/],
    [["challenge", "solve"], /found "solve"/],
    [["challenge", "nw"], /hint: did you mean keyhole challenge new\?/],
    [["ctap"], /ctap needs one of list, probe, .*\bpin, .*virtual\nhint: see keyhole ctap --help/],
    [["ctap", "infos"], /hint: did you mean keyhole ctap info\?/],
    [["ctap", "pin"], /ctap pin needs one of set, change, retries\nhint: see keyhole ctap pin --help/],
    [["ctap", "pin", "forget"], /ctap pin needs one of set, change, retries, found "forget"/],
    [["ctap", "pin", "chang"], /hint: did you mean keyhole ctap pin change\?/],
    [["pin", "set"], /no command "pin"/],
    [["xyzzy"], /hint: .*keyhole --help/],
    [[""], /hint: /],
    [["constructor"], /hint: /],
  ];
  for (const [[words, hint], outcome] of await keyholeForEach(cases, ([words]) => [words, {}])) {
    checkFailure(t, outcome, 2, /^error: /, JSON.stringify(words));
    t.match(outcome.stderr, hint, words.join(" "));
  }
  t.match(run("xy\u001bzzy").stderr, /^[\x20-\x7e\n]*$/, "it is not put on the terminal as it is");
  t.end();
});

t.test("options of no command", (t) => {
  checkFailure(t, run("--bogus"), 2, /--bogus/, "alone");
  checkFailure(t, run("-Z", "genkey"), 2, /-Z/, "before a command");
  checkFailure(t, run("--bogus", "genkey"), 2, /--bogus/, "a long one before a command");
  checkFailure(t, run("--peer", "p", "genkey"), 2, /--peer/, "one of another command");
  t.end();
});

t.test("errors as JSON, one object on standard output", async (t) => {
  const lines = [["--json"], ["--json", "xyzzy"], ["xyzzy", "--json"], ["--json", "genkey", "--bogus"], ["challenge", "new", "--json"], ["login", "--json", "-kabsent", "v2/"], ["completion", "--json", "csh"]];
  for (const [words, { status, stdout }] of await keyholeForEach(lines, (words) => [words, {}])) {
    t.equal(status, 2, words.join(" "));
    t.match(stdout, /^\{[^\n]*\}\n$/, words.join(" "));
    t.match(JSON.parse(stdout === "" ? "{}" : stdout), { error: { code: /^[A-Z][A-Z0-9_]*$/, message: /^[^\n]+$/ } }, words.join(" "));
  }
  t.end();
});

t.test("help whose reader fails", (t) => {
  for (const words of ["--help", "login --help", "--version"]) {
    checkFailure(t, shell(`keyhole ${words} >/dev/full`), 3, /standard output cannot be written: no space left/, words);
  }
  t.end();
});

t.test("nothing is ever made in the home or configuration directory", async (t) => {
  const home = temporaryDirectory(t);
  for (const [words, { status }] of await keyholeForEach([["--help"], ["genkey"], ["login", "--show", "v2/R4cvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2/myhost/x/"], ["completion", "bash"]], (words) => [words, { cwd: home }])) {
    t.equal(status, 0, words.join(" "));
  }
  t.same(listing(home), []);
  t.end();
});
