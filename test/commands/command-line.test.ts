import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import t from "tap";
import fc from "fast-check";
import { findCommand, parseWords } from "../../src/commands/command-line.ts";
import type { CommandSpec } from "../../src/commands/command-spec.ts";
import { COMMANDS, COMMON_OPTIONS, optionsOf } from "../../src/commands/table.ts";
import { anyWordsFor, commandNamed, outcome, optionsFor, wordsFor } from "./words.ts";

t.test("the command is found, with options before it or without", (t) => {
  const cases = [
    [["login", "v2/x"], "login", ["v2/x"]],
    [["--key", "k", "login", "v2/x"], "login", ["--key", "k", "v2/x"]],
    [["--key=k", "login"], "login", ["--key=k"]],
    [["-k", "k", "login"], "login", ["-k", "k"]],
    [["-kk", "login"], "login", ["-kk"]],
    [["-qk", "k", "login"], "login", ["-qk", "k"]],
    [["-qvk", "k", "login"], "login", ["-qvk", "k"]],
    [["-qkk", "login"], "login", ["-qkk"]],
    [["-q", "--json", "login", "x"], "login", ["-q", "--json", "x"]],
    [["--key", "login", "login"], "login", ["--key", "login"]],
    [["--key", "--json", "login"], "login", ["--key", "--json"]],
    [["challenge", "new", "--qr"], "challenge new", ["--qr"]],
    [["--state", "s", "challenge", "check", "CODE"], "challenge check", ["--state", "s", "CODE"]],
    [["--json", "audit", "verify", "f"], "audit verify", ["--json", "f"]],
    [["login", "--", "login"], "login", ["--", "login"]],
    [["verify", "-t", "-abc"], "verify", ["-t", "-abc"]],
    [["-t", "-abc", "verify"], "verify", ["-t", "-abc"]],
  ] as const;
  for (const [argv, command, words] of cases) {
    const line = findCommand(argv);
    t.same({ command: line.command?.name, words: line.words, unknown: line.unknown }, { command, words, unknown: undefined }, argv.join(" "));
  }
  t.end();
});

t.test("what is no command", (t) => {
  const cases = [
    [[], undefined],
    [["--help"], undefined],
    [["--version"], undefined],
    [["--key", "k"], undefined],
    [["logn"], "logn"],
    [["challenge"], "challenge"],
    [["challenge", "newer"], "challenge"],
    [["-q", "audit"], "audit"],
    [["Login"], "Login"],
    [["login "], "login "],
    [[""], ""],
    [["help", "login"], "help"],
    [["constructor"], "constructor"],
    [["v2/x", "login"], "v2/x"],
  ] as const;
  for (const [argv, unknown] of cases) t.match(findCommand(argv), { command: undefined, unknown, words: argv }, JSON.stringify(argv));
  t.equal(findCommand(["--", "login"]).command, undefined, "behind -- there are no commands");
  t.end();
});

t.test("options mean the same before the command and behind it", (t) => {
  for (const command of COMMANDS) {
    fc.assert(
      fc.property(optionsFor(command), optionsFor(command), (before, behind) => {
        const line = findCommand([...before, ...command.name.split(" "), ...behind]);
        assert.equal(line.command?.name, command.name);
        assert.deepEqual(line.words, [...before, ...behind]);
      }),
      { numRuns: 100 },
    );
  }
  t.end();
});

t.test("words are read as getopt_long reads them", (t) => {
  const verify = commandNamed("verify");
  const cases: readonly (readonly [words: readonly string[], options: Readonly<Record<string, readonly string[] | true>>])[] = [
    [[], {}],
    [["--key", "k"], { key: ["k"] }],
    [["--key=k"], { key: ["k"] }],
    [["-k", "k"], { key: ["k"] }],
    [["-kk"], { key: ["k"] }],
    [["-k=k"], { key: ["=k"] }],
    [["--key="], { key: [""] }],
    [["--key", ""], { key: [""] }],
    [["--key=a=b"], { key: ["a=b"] }],
    [["-qv"], { quiet: true, verbose: true }],
    [["-qvk", "k"], { quiet: true, verbose: true, key: ["k"] }],
    [["-qvkk"], { quiet: true, verbose: true, key: ["k"] }],
    [["-kq"], { key: ["q"] }],
    [["-t", "-abc"], { tag: ["-abc"] }],
    [["-t-abc"], { tag: ["-abc"] }],
    [["--tag", "-abc"], { tag: ["-abc"] }],
    [["--tag=-abc"], { tag: ["-abc"] }],
    [["--tag", "--"], { tag: ["--"] }],
    [["-t", "--key", "-k", "k"], { tag: ["--key"], key: ["k"] }],
    [["-tpeer"], { tag: ["peer"] }],
    [["--key", "a", "-k", "b", "-kc"], { key: ["a", "b", "c"] }],
    [["-q", "-q"], { quiet: true }],
    [["-c", "007", "--min-tag-length=1e1"], { counter: ["007"], "min-tag-length": ["1e1"] }],
    [["--key", "k", "--"], { key: ["k"] }],
  ];
  for (const [words, options] of cases) t.same(outcome(() => parseWords(verify, words, {})), { command: "verify", positionals: [], options }, words.join(" "));
  t.end();
});

/** What Node's own parser reads; nothing for a value that it refuses because it begins with a dash. */
function readByNode(command: CommandSpec, words: readonly string[]): object | undefined {
  const options = Object.fromEntries(
    optionsOf(command).map(({ name, short, value }) => [name, { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: value !== undefined, ...(short === undefined ? {} : { short }) }]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
    return { command: command.name, positionals, options: { ...values } };
  } catch (error) {
    assert.equal((error as { code?: string }).code, "ERR_PARSE_ARGS_INVALID_OPTION_VALUE");
    return undefined;
  }
}

t.test("words are read as Node's own parser reads them", (t) => {
  let count = 0;
  for (const command of COMMANDS) {
    fc.assert(
      fc.property(wordsFor(command), (words) => {
        const expected = readByNode(command, words);
        const found = outcome(() => parseWords(command, words, {}));
        // The table says more than that parser knows: how many other words there are, and which values.
        if (typeof found === "string") assert.match(found, /^USAGE_(POSITIONALS|CHOICE)$/);
        else if (expected !== undefined) {
          assert.deepEqual(found, expected);
          count++;
        }
      }),
      { numRuns: 200 },
    );
  }
  t.ok(count > 200, `${count} times`);
  t.end();
});

t.test("any words are read, or are a clear error", (t) => {
  for (const command of COMMANDS) {
    fc.assert(fc.property(anyWordsFor(command), (words) => void assert.match(JSON.stringify(outcome(() => parseWords(command, words, {}))), /^(\{|"USAGE_)/)));
  }
  t.end();
});

t.test("other words are kept in their order, and behind -- all are", (t) => {
  const login = commandNamed("login");
  for (const [words, positionals] of [
    [["c", "--json"], ["c"]],
    [["--json", "c"], ["c"]],
    [["--", "c"], ["c"]],
    [["--", "--json"], ["--json"]],
    [["--", "--"], ["--"]],
    [["-"], ["-"]],
    [[""], [""]],
    [["-k", "k", "--", "-c"], ["-c"]],
  ] as const) {
    t.match(outcome(() => parseWords(login, words, {})), { positionals }, JSON.stringify(words));
  }
  t.end();
});

t.test("mistakes", (t) => {
  const cases: readonly (readonly [command: string, words: readonly string[], code: string])[] = [
    ["verify", ["--key"], "USAGE_OPTION"],
    ["verify", ["-k"], "USAGE_OPTION"],
    ["verify", ["-qk"], "USAGE_OPTION"],
    ["verify", ["--foo"], "USAGE_OPTION"],
    ["verify", ["--ke", "k"], "USAGE_OPTION"],
    ["verify", ["--Key", "k"], "USAGE_OPTION"],
    ["verify", ["---key", "k"], "USAGE_OPTION"],
    ["verify", ["-x"], "USAGE_OPTION"],
    ["verify", ["-qx"], "USAGE_OPTION"],
    ["verify", ["-5"], "USAGE_OPTION"],
    ["verify", ["--json=yes"], "USAGE_OPTION"],
    ["verify", ["--json="], "USAGE_OPTION"],
    ["verify", ["--no-json"], "USAGE_OPTION"],
    ["verify", ["--batch"], "USAGE_OPTION"],
    ["verify", ["--__proto__", "x"], "USAGE_OPTION"],
    ["verify", ["--version"], "USAGE_OPTION"],
    ["verify", ["tag"], "USAGE_POSITIONALS"],
    ["verify", [""], "USAGE_POSITIONALS"],
    ["verify", ["--json", "true"], "USAGE_POSITIONALS"],
    ["login", ["a", "b"], "USAGE_POSITIONALS"],
    ["challenge check", [], "USAGE_POSITIONALS"],
    ["challenge check", ["--state", "CODE"], "USAGE_POSITIONALS"],
    ["pubkey", ["--format", "PEM"], "USAGE_CHOICE"],
    ["pubkey", ["--format", ""], "USAGE_CHOICE"],
    ["genkey", ["--format", "hex"], "USAGE_CHOICE"],
  ];
  for (const [command, words, code] of cases) t.equal(outcome(() => parseWords(commandNamed(command), words, {})), code, `${command} ${words.join(" ")}`);
  t.end();
});

t.test("a spelling of an option is a flag in one command and takes a value in another only where that is known", (t) => {
  const kinds = new Map<string, Set<boolean>>();
  for (const command of COMMANDS) {
    const spellings = optionsOf(command).flatMap(({ name, short, value }) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])].map((spelling) => [spelling, value !== undefined] as const));
    t.equal(new Set(spellings.map(([spelling]) => spelling)).size, spellings.length, `${command.name}: no spelling twice`);
    for (const [spelling, takesValue] of spellings) kinds.set(spelling, new Set([...(kinds.get(spelling) ?? []), takesValue]));
  }
  t.same([...kinds].flatMap(([spelling, kinds]) => (kinds.size > 1 ? [spelling] : [])), ["--hmac-secret"]);
  t.ok(COMMON_OPTIONS.every(({ value }) => value === undefined));
  t.end();
});

t.test("an option that is both, before the command", (t) => {
  const found = (...words: readonly string[]): readonly (string | undefined)[] => {
    const { command, unknown } = findCommand(words);
    return [command?.name, unknown];
  };
  t.same(found("--hmac-secret", "ctap", "make-credential"), ["ctap make-credential", undefined]);
  t.same(found("--hmac-secret", "salt", "ctap", "get-assertion"), ["ctap get-assertion", undefined]);
  t.same(found("--hmac-secret", "ctap", "ctap", "get-assertion"), ["ctap get-assertion", undefined]);
  t.same(found("--device", "virtual:", "--hmac-secret", "-q", "ctap", "make-credential"), ["ctap make-credential", undefined]);
  t.same(found("--hmac-secret", "xyzzy", "y"), [undefined, "y"]);
  t.end();
});
