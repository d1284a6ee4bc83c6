import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { answerAll } from "../support/batch.ts";
import { authcodeFor, challengeFor } from "../support/glome-peer.ts";
import { BOB } from "../support/glome-vectors.ts";
import { checkFailure, keyhole, keyholeForEach, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { bob: BOB.key });

/** What is asked for, as it stands in a v2 challenge. */
const MESSAGE = "serial:rack-7/reboot";
const challengeOf = (message: string): string => challengeFor(BOB, { prefix: 0x80, message });

function login(policy: unknown, message = MESSAGE): Outcome {
  writeFiles(cwd, { policy: JSON.stringify(policy) });
  return keyhole(["login", "-kbob", "--policy", "policy", challengeOf(message)], { cwd });
}

t.test("a request that a rule allows is answered, and no other", (t) => {
  const rule = { hostType: "serial", host: "rack-*", action: "reboot" };
  const allowed = login({ allow: [rule] });
  t.same([allowed.status, allowed.stdout], [0, `${authcodeFor(BOB, MESSAGE)}\n`]);
  for (const message of ["serial:rack-7/shell", "serial:pack-7/reboot", "mac:rack-7/reboot", "rack-7/reboot", "serial:my-rack-7/reboot"]) {
    const outcome = login({ allow: [rule] }, message);
    checkFailure(t, outcome, 1, /policy/, message);
    t.match(outcome.stderr, /rack-7|pack-7/, "the request is shown all the same");
  }
  t.end();
});

t.test("a field that is left out allows anything", (t) => {
  for (const rule of [{}, { hostType: "serial" }, { host: "rack-7" }, { action: "reboot" }, { hostType: "*", host: "*", action: "*" }]) {
    t.equal(login({ allow: [rule] }).status, 0, JSON.stringify(rule));
  }
  t.equal(login({ allow: [{ host: "other" }, { action: "other" }, { host: "rack-7" }] }).status, 0, "any of the rules");
  checkFailure(t, login({ allow: [] }), 1, /policy/, "no rule");
  checkFailure(t, login({ allow: [{ host: "rack-7", action: "shell" }, { host: "rack-8", action: "reboot" }] }), 1, /policy/, "half of one rule and half of another");
  t.end();
});

t.test("patterns cover the whole decoded value", (t) => {
  const slow = `${"*a".repeat(500)}b`;
  const cases: Readonly<Record<string, { readonly yes: readonly string[]; readonly no: readonly string[] }>> = {
    [slow]: { yes: [], no: ["a".repeat(20_000)] },
    "*": { yes: ["x", "a/b", "a\nb", "é"], no: [] },
    "shell=*": { yes: ["shell=", "shell=root"], no: ["shell", "xshell=root", "Shell=root"] },
    "*=root": { yes: ["=root", "shell=root", "=root=root"], no: ["shell=root2", "root"] },
    "a*b*c": { yes: ["abc", "aXbYc", "abbcc", "abcbc"], no: ["ab", "acb", "abcd", "xabc"] },
    "a.c": { yes: ["a.c"], no: ["abc"] },
    "a?c": { yes: ["a?c"], no: ["abc"] },
    "[ab]": { yes: ["[ab]"], no: ["a", "b"] },
    "a\\*": { yes: ["a\\", "a\\b"], no: ["a*"] },
    "a|b": { yes: ["a|b"], no: ["a", "b"] },
    "^a$": { yes: ["^a$"], no: ["a"] },
    "é/ü": { yes: ["é/ü"], no: ["%C3%A9%2F%C3%BC"] },
    "%2F": { yes: ["%2F"], no: ["/"] },
    root: { yes: ["root"], no: ["root\n", " root", "root\u0000", "\nroot"] },
  };
  const patterns = Object.entries(cases);
  // One process answers for all of them: each pattern is for a host of its own.
  writeFiles(cwd, { policy: JSON.stringify({ allow: patterns.map(([action], i) => ({ host: `h${i}`, action })) }) });
  const asked = patterns.flatMap(([pattern, { yes, no }], i) => [...yes, ...no].map((action) => ({ pattern, action, host: `h${i}`, isAllowed: yes.includes(action) })));
  const { answers } = answerAll(asked.map(({ host, action }) => challengeOf(`${host}/${encodeURIComponent(action)}`)), ["-kbob", "--policy", "policy"], { cwd });
  t.equal(answers.length, asked.length);
  for (const [i, { pattern, action, isAllowed }] of asked.entries()) {
    t.equal(answers[i]?.authcode !== undefined, isAllowed, `${pattern.slice(0, 20)} and ${JSON.stringify(action.slice(0, 20))}`);
  }
  t.end();
});

t.test("a policy that cannot be read lets nothing through", async (t) => {
  const texts: Readonly<Record<string, string | Uint8Array>> = {
    empty: "",
    "no JSON": "allow: []",
    "nothing": "null",
    "no rules": "{}",
    "an unknown field": '{"allow": [{}], "deny": []}',
    "an unknown field in a rule": '{"allow": [{"user": "root"}]}',
    "a field in another spelling": '{"allow": [{"hosttype": "serial"}]}',
    "rules that are no list": '{"allow": {}}',
    "a rule that is no object": '{"allow": ["*"]}',
    "a pattern that is no text": '{"allow": [{"host": 7}]}',
    "a good rule and a bad one": '{"allow": [{}, {"hots": "x"}]}',
    "not UTF-8": Uint8Array.of(0x7b, 0xff, 0x7d),
    "too long": `{"allow": [${"{},".repeat(700_000)}{}]}`,
  };
  const outcomes = await keyholeForEach(Object.entries(texts), ([, text], i) => {
    writeFiles(cwd, { [`policy-${i}`]: text });
    return [["login", "-kbob", "--policy", `policy-${i}`, challengeOf(MESSAGE)], { cwd }];
  });
  for (const [[name], outcome] of outcomes) checkFailure(t, outcome, 2, /policy/, name);
  checkFailure(t, keyhole(["login", "-kbob", "--policy", "absent", challengeOf(MESSAGE)], { cwd }), 2, /absent cannot be read: no such file/, "missing");
  checkFailure(t, keyhole(["login", "-kbob", "--policy", ".", challengeOf(MESSAGE)], { cwd }), 2, /it is a directory/, "directory");
  checkFailure(t, keyhole(["login", "-kbob", "--policy", "", challengeOf(MESSAGE)], { cwd }), 2, /./, "no name");
  writeFiles(cwd, { policy: "{" });
  checkFailure(t, keyhole(["login", "-kbob", "--batch", "--policy", "policy"], { cwd, input: `${challengeOf(MESSAGE)}\n` }), 2, /policy/, "in a batch too");
  t.end();
});

t.test("where the policy is", (t) => {
  writeFiles(cwd, { deny: '{"allow": []}', allow: '{"allow": [{}]}' });
  const run = (env: Readonly<Record<string, string>>, ...words: readonly string[]): number | null => keyhole(["login", "-kbob", ...words, challengeOf(MESSAGE)], { cwd, env }).status;
  t.equal(run({}), 0, "none");
  t.equal(run({ KEYHOLE_POLICY: "deny" }), 1, "KEYHOLE_POLICY");
  t.equal(run({ KEYHOLE_POLICY: "absent" }), 2, "KEYHOLE_POLICY that is not there");
  t.equal(run({ KEYHOLE_POLICY: "deny" }, "--policy", "allow"), 0, "--policy instead");

  mkdirSync(join(cwd, "config/keyhole"), { recursive: true });
  writeFiles(join(cwd, "config/keyhole"), { "deny.json": '{"allow": []}', "config.json": '{"policy": "deny.json"}' });
  t.equal(run({}), 1, "config.json, relative to it");
  t.equal(run({ KEYHOLE_POLICY: "allow" }), 0, "KEYHOLE_POLICY instead");
  writeFiles(join(cwd, "config/keyhole"), { "config.json": '{"polciy": "deny.json"}' });
  checkFailure(t, keyhole(["login", "-kbob", challengeOf(MESSAGE)], { cwd }), 2, /unknown field/, "a configuration with an unknown field is not passed over");
  t.end();
});

t.test("what the policy refuses is said as JSON", (t) => {
  writeFiles(cwd, { deny: '{"allow": []}' });
  const { status, stdout } = keyhole(["login", "-kbob", "--json", "--policy", "deny", challengeOf(MESSAGE)], { cwd, env: { XDG_CONFIG_HOME: "" } });
  t.match([status, JSON.parse(stdout)], [1, { error: { code: "POLICY_REFUSED", message: /policy/ } }]);
  t.end();
});
