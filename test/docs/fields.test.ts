import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { keyhole, temporaryDirectory } from "../support/keyhole.ts";
import { checkFields, documentedFields, listsWith, type Fields } from "./documented-fields.ts";
import { namesOf } from "./mdoc.ts";

// The manual names every field of every JSON object and its type; here the
// program writes those objects, or reads them.

/** A key of its own for all of this, and a challenge that any key answers. */
const directory = temporaryDirectory(t);
const CHALLENGE = "v2/gYUg8AmJMKdUdIt93LQ-91oNvzoNJjga9OukqY6qm05q/my%68ost/reboot/";
const KEY = ["--key", "k"];

function run(words: readonly string[], input = ""): string {
  return keyhole(words, { cwd: directory, input }).stdout;
}

function parse(line: string): Fields {
  return JSON.parse(line) as Fields;
}

function runJson(...words: readonly string[]): Fields {
  return parse(run(["--json", ...words]));
}

run(["genkey", "--out", "k"]);
writeFileSync(join(directory, "k.pub"), run(["pubkey", ...KEY]));
const NEW = ["challenge", "new", "--peer", "k.pub", "--host", "h", "--action", "a", "--state"];

t.test("what commands print", (t) => {
  checkFields(t, [runJson("genkey"), runJson("genkey", "--out", "other")], "keyhole-genkey.1", "OUTPUT FORMAT");
  checkFields(t, [runJson("pubkey", ...KEY)], "keyhole-pubkey.1", "OUTPUT FORMAT");
  checkFields(t, [runJson("tag", ...KEY, "--peer", "k.pub")], "keyhole-tag.1", "OUTPUT FORMAT");
  checkFields(t, [runJson("verify", ...KEY, "--peer", "k.pub", "--tag", "AAAAAAAAAA")], "keyhole-verify.1", "OUTPUT FORMAT");
  checkFields(t, [runJson("login", ...KEY, CHALLENGE)], "keyhole-login.1", "OUTPUT FORMAT");
  const demo = runJson("demo");
  checkFields(t, [demo], "keyhole-demo.1", "OUTPUT FORMAT");
  checkFields(t, demo.steps as Fields[], "keyhole-demo.1", "OUTPUT FORMAT", 1);
  t.end();
});

t.test("what login prints", (t) => {
  const answer = runJson("login", ...KEY, CHALLENGE);
  const { key, authcode, ...request } = answer;
  t.same([typeof key, typeof authcode], ["string", "string"]);
  t.same(runJson("login", "--show", CHALLENGE), request, "--show leaves out key and authcode, and nothing else");
  const lines = run(["login", "--batch", ...KEY], `${CHALLENGE}\nx\n`).split("\n", 2).map(parse);
  checkFields(t, lines.slice(0, 1), "keyhole-login.1", "BATCH", 0);
  checkFields(t, lines.slice(1), "keyhole-login.1", "BATCH", 1);
  t.end();
});

t.test("errors", (t) => {
  checkFields(t, [runJson("login", ...KEY).error as Fields], "keyhole.1", "Results and errors");
  t.end();
});

t.test("unusual things in a challenge", (t) => {
  const codes = listsWith("Li", "keyhole-login.1", "OUTPUT FORMAT").flat();
  const source = ["message", "challenge"].map((name) => readFileSync(`src/lib/glome/${name}.ts`, "utf8")).join("");
  const written = [...source.matchAll(/(?:oddity\(|code: )"([a-z0-9-]+)"/g)].map(([, code]) => code);
  t.same(namesOf(codes, "Li"), [...new Set(written)].sort());
  t.end();
});

t.test("challenge", (t) => {
  checkFields(t, [runJson(...NEW, "attempt")], "keyhole-challenge.1", "challenge new");
  checkFields(t, [parse(readFileSync(join(directory, "attempt"), "utf8"))], "keyhole-challenge.1", "STATE FILE");
  checkFields(t, [runJson("challenge", "check", "--state", "attempt", "--", "AAAAAAAAAA")], "keyhole-challenge.1", "challenge check");

  writeFileSync(join(directory, "glome-login"), "[service]\nkey = 00\n");
  const lint = runJson("challenge", "lint", "glome-login");
  checkFields(t, [lint], "keyhole-challenge.1", "challenge lint");
  checkFields(t, lint.findings as Fields[], "keyhole-challenge.1", "challenge lint", 1);
  const codes = listsWith("Li", "keyhole-challenge.1", "challenge lint").flat();
  const source = readFileSync("src/lib/glome/login-config.ts", "utf8");
  const written = [...source.matchAll(/"(?:error|warning|note)", (?:isMisplaced \? "[a-z-]+" : )?"[a-z-]+"/g)].flatMap(([found]) => [...found.matchAll(/"([a-z-]+)"/g)].slice(1).map(([, code]) => code));
  t.same([...namesOf(codes, "Li")].sort(), [...new Set(written)].sort(), "codes of findings");
  t.end();
});

t.test("audit", (t) => {
  const audit = ["--audit", "audit.jsonl"];
  run(["login", ...KEY, ...audit, CHALLENGE]);
  run(["login", ...KEY, ...audit, "x"]);
  const path = join(directory, "audit.jsonl");
  const lines = readFileSync(path, "utf8").trimEnd().split("\n").map(parse);
  checkFields(t, lines, "keyhole-audit.1", "INPUT FORMAT");
  t.same(Object.keys(lines[0]!), Object.keys(documentedFields("keyhole-audit.1", "INPUT FORMAT")).filter((name) => name !== "code"), "in this order");

  const whole = runJson("audit", "verify", "audit.jsonl");
  writeFileSync(path, "x\n");
  checkFields(t, [whole, runJson("audit", "verify", "audit.jsonl")], "keyhole-audit.1", "OUTPUT FORMAT");
  t.end();
});

t.test("what login reads", (t) => {
  const rule = Object.keys(documentedFields("keyhole-login.1", "POLICY"));
  const settings = Object.keys(documentedFields("keyhole.1", "FILES"));
  const config = join(directory, "config", "keyhole");
  mkdirSync(join(config, "keys"), { recursive: true });
  run(["genkey", "--out", join(config, "keys", "1-a.key")]);
  const paths: Fields = { keyring: "keys", policy: "policy.json", audit: "audit.jsonl" };

  const login = (ruleNames: readonly string[], settingNames: readonly string[]): number | null => {
    writeFileSync(join(config, "policy.json"), JSON.stringify({ allow: [Object.fromEntries(ruleNames.map((name) => [name, "*"]))] }));
    writeFileSync(join(config, "config.json"), JSON.stringify(Object.fromEntries(settingNames.map((name) => [name, paths[name] ?? "unknown"]))));
    return keyhole(["login", CHALLENGE], { cwd: directory }).status;
  };
  t.equal(login(rule, settings), 0, "all documented fields");
  t.ok(existsSync(join(config, "audit.jsonl")), "paths are relative to the configuration");
  t.equal(login([...rule, "unknown"], settings), 2, "an unknown field in a rule");
  t.equal(login(rule, [...settings, "unknown"]), 2, "an unknown field in config.json");
  t.same([rule.length, settings.length], [3, 3]);
  t.end();
});
