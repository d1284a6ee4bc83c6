import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { COMMANDS } from "../../src/commands/table.ts";
import { checkFailure, keyhole, shell, temporaryDirectory, writeFiles } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);
const scripts = Object.fromEntries(
  ["bash", "zsh", "fish"].map((name) => {
    const { status, stdout, stderr } = keyhole(["completion", name]);
    t.same([status, stderr], [0, ""], name);
    writeFileSync(join(cwd, name), stdout);
    return [name, stdout];
  }),
);

/** A test that needs a shell. */
function ifInstalled(name: string): { readonly skip?: string } {
  return spawnSync(name, ["-c", "true"]).error === undefined ? {} : { skip: `${name} is not installed` };
}

for (const name of ["bash", "zsh", "fish"]) {
  t.test(`${name} reads its script`, ifInstalled(name), (t) => {
    const { status, stderr } = spawnSync(name, ["-n", name], { cwd, encoding: "utf8" });
    t.same([status, stderr], [0, ""]);
    t.end();
  });
}

t.test("every script knows every command and option", (t) => {
  for (const [name, script] of Object.entries(scripts)) {
    for (const { name: command, options } of COMMANDS) {
      for (const word of command.split(" ")) t.ok(script.includes(word), `${name}: ${command}`);
      for (const option of options) t.ok(script.includes(name === "fish" ? `-l ${option.name}` : `--${option.name}`), `${name}: --${option.name}`);
    }
  }
  t.end();
});

t.test("bash completes", (t) => {
  writeFiles(cwd, { "one.key": "", "two words.key": "" });
  // As readline does: the words so far, the last of them to be completed, and its function is called.
  const lines = [
    ["keyhole", "lo"],
    ["keyhole", ""],
    ["keyhole", "chal"],
    ["keyhole", "--"],
    ["keyhole", "login", "--ke"],
    ["keyhole", "login", "--key", "one"],
    ["keyhole", "login", "-k", "one"],
    ["keyhole", "login", "--length", ""],
    ["keyhole", "challenge", ""],
    ["keyhole", "challenge", "c"],
    ["keyhole", "challenge", "new", "--pr"],
    ["keyhole", "challenge", "new", "--protocol", ""],
    ["keyhole", "challenge", "lint", "one"],
    ["keyhole", "audit", "v"],
    ["keyhole", "audit", "verify", "--kn"],
    ["keyhole", "genkey", "--format", "p"],
    ["keyhole", "ctap", "p"],
    ["keyhole", "ctap", "pin", ""],
    ["keyhole", "ctap", "pin", "set", "--new"],
    ["keyhole", "ctap", "trace", "show", "one"],
    ["keyhole", "ctap", "list", "--j"],
    ["keyhole", "ctap", "credentials", "list", "--rp"],
    ["keyhole", "ctap", "get-assertion", "--uv", "p"],
    ["keyhole", "ctap", "get-assertion", "--credential", "one"],
    ["keyhole", "invite", ""],
    ["keyhole", "invite", "cr"],
    ["keyhole", "invite", "create", "one"],
    ["keyhole", "invite", "create", "--format", ""],
    ["keyhole", "invite", "accept", "--out", "one"],
    ["keyhole", "invite", "accept", "7-"],
    ["keyhole", "invite", "mailbox", "--db", "one"],
    ["keyhole", "invite", "code", ""],
    ["keyhole", "invite", "code", "check", "--any"],
    ["keyhole", "login", "--bogus"],
    ["keyhole", "xyzzy", ""],
  ];
  const calls = lines.map((words) => `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _keyhole keyhole "\${COMP_WORDS[COMP_CWORD]}"; (IFS='|'; echo "\${COMPREPLY[*]}")`);
  const { status, stdout, stderr } = shell(["source ./bash", ...calls].join("\n"), { cwd });
  t.same([status, stderr], [0, ""]);
  const replies = stdout.split("\n").map((line) => line.split("|").filter((word) => word !== ""));
  const expected: Readonly<Record<string, readonly string[]>> = {
    "keyhole lo": ["login"],
    "keyhole ": ["genkey", "pubkey", "tag", "verify", "login", "challenge", "audit", "ctap", "invite", "completion", "demo", "--help", "--version"],
    "keyhole chal": ["challenge"],
    "keyhole --": ["--help", "--version"],
    "keyhole login --ke": ["--key", "--keyring"],
    "keyhole login --key one": ["one.key"],
    "keyhole login -k one": ["one.key"],
    "keyhole login --length ": [],
    "keyhole challenge ": ["new", "check", "lint"],
    "keyhole challenge c": ["check"],
    "keyhole challenge new --pr": ["--prefix", "--protocol"],
    "keyhole challenge new --protocol ": ["v1", "v2"],
    "keyhole challenge lint one": ["one.key"],
    "keyhole audit v": ["verify"],
    "keyhole audit verify --kn": ["--known-hash"],
    "keyhole genkey --format p": ["pem"],
    "keyhole ctap p": ["probe", "pin", "ping"],
    "keyhole ctap pin ": ["set", "change", "retries"],
    "keyhole ctap pin set --new": ["--new-pin-file"],
    "keyhole ctap trace show one": ["one.key"],
    "keyhole ctap list --j": ["--json"],
    "keyhole ctap credentials list --rp": ["--rp-id"],
    "keyhole ctap get-assertion --uv p": ["preferred"],
    "keyhole ctap get-assertion --credential one": ["one.key"],
    "keyhole invite ": ["create", "accept", "mailbox", "code", "words"],
    "keyhole invite cr": ["create"],
    "keyhole invite create one": ["one.key"],
    "keyhole invite create --format ": ["json", "text", "tahoe", "magic-folder"],
    "keyhole invite accept --out one": ["one.key"],
    "keyhole invite accept 7-": [],
    "keyhole invite mailbox --db one": ["one.key"],
    "keyhole invite code ": ["check"],
    "keyhole invite code check --any": ["--any-words"],
    "keyhole login --bogus": [],
    "keyhole xyzzy ": [],
  };
  for (const [i, words] of lines.entries()) t.same(replies[i], expected[words.join(" ")], words.join(" "));
  t.end();
});

t.test("bash completes a name with a blank in it as one word", (t) => {
  writeFiles(cwd, { "two words.key": "" });
  const { stdout } = shell("source ./bash; COMP_WORDS=(keyhole login --key two); COMP_CWORD=3; _keyhole keyhole two; printf '<%s>' \"${COMPREPLY[@]}\"", { cwd });
  t.equal(stdout, "<two words.key>");
  t.end();
});

t.test("zsh completes", ifInstalled("zsh"), (t) => {
  // As its completion system does, whose two functions show here what they are asked for.
  const stubs = "compdef() {}; _describe() { print -r -- ${(P)2%%:*} }; _arguments() { print -r -- $words[1] ${${(M)@:#\\**}%%\\[*}; }";
  const expected: Readonly<Record<string, RegExp>> = {
    "keyhole lo": /^genkey .* login .* invite completion demo$/,
    "keyhole challenge ": /^new check lint$/,
    "keyhole login --ke": /^login .*\*--keyring/,
    "keyhole ctap pin ": /^set change retries$/,
    "keyhole invite ": /^create accept mailbox code words$/,
    "keyhole invite create --f": /^create .*\*--format/,
    "keyhole invite code ": /^check$/,
    "keyhole invite code check --any": /^check \*--any-words/,
  };
  const calls = Object.keys(expected).map((line) => {
    const words = line.split(" ");
    return `words=(${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length}; _keyhole`;
  });
  const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", [stubs, "source ./zsh", ...calls].join("\n")], { cwd, encoding: "utf8" });
  t.equal(stderr, "");
  const replies = stdout.trimEnd().split("\n");
  for (const [i, [line, reply]] of Object.entries(expected).entries()) t.match(replies[i], reply, line);
  t.end();
});

t.test("fish completes", ifInstalled("fish"), (t) => {
  writeFiles(cwd, { "one.key": "" });
  const expected: Readonly<Record<string, readonly string[]>> = {
    "keyhole lo": ["login"],
    "keyhole login --ke": ["--key", "--keyring"],
    "keyhole login --key one": ["one.key"],
    "keyhole challenge ": ["check", "lint", "new"],
    "keyhole challenge new --protocol ": ["v1", "v2"],
    "keyhole challenge lint one": ["one.key"],
    "keyhole login --length ": [],
    "keyhole -q chal": ["challenge"],
    "keyhole ctap tr": ["trace"],
    "keyhole ctap pin ": ["change", "retries", "set"],
    "keyhole ctap pin set --new": ["--new-pin-file"],
    "keyhole ctap credentials list --rp": ["--rp-id"],
    "keyhole ctap list --rp": [],
    "keyhole ctap trace show one": ["one.key"],
    "keyhole invite ": ["accept", "code", "create", "mailbox", "words"],
    "keyhole invite create one": ["one.key"],
    "keyhole invite create --format t": ["tahoe", "text"],
    "keyhole invite mailbox --db one": ["one.key"],
    "keyhole invite code ": ["check"],
    "keyhole invite code check --any": ["--any-words"],
  };
  const lines = Object.keys(expected);
  const script = ["source fish", ...lines.map((line) => `complete -C '${line}' | string replace -r '\\t.*' '' | string join '|'; echo`)].join("\n");
  const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", script], { cwd, encoding: "utf8", env: { ...process.env, HOME: cwd } });
  t.equal(stderr, "");
  const replies = stdout.split(/\n+/).filter((line) => line !== "");
  t.same(replies.map((line) => line.split("|")), lines.map((line) => expected[line]).filter((words) => words?.length !== 0));
  t.end();
});

t.test("wrong usage and output that fails", (t) => {
  checkFailure(t, keyhole(["completion"]), 2, /needs SHELL/, "no shell");
  checkFailure(t, keyhole(["completion", "csh"]), 2, /csh.*bash, zsh, fish/, "another shell");
  checkFailure(t, keyhole(["completion", "bash", "zsh"]), 2, /zsh/, "two shells");
  checkFailure(t, shell("keyhole completion bash >/dev/full"), 3, /standard output cannot be written/, "full");
  t.end();
});

t.test("--json", (t) => {
  const { status, stdout } = keyhole(["completion", "bash", "--json"]);
  t.equal(status, 0);
  t.match(stdout, /^\{[^\n]*\}\n$/, "one object");
  t.ok(stdout.includes("_keyhole()"), "that holds the script");
  t.end();
});
