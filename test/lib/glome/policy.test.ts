import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { allows, matchesPattern, parsePolicy } from "../../../src/lib/glome/policy.ts";
import { anyString } from "../arbitraries.ts";

/** The same pattern as a regular expression. */
function reference(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^]*")}$`);
}

t.test("a pattern covers what its regular expression covers", (t) => {
  const few = fc.stringMatching(/^[ab*]{0,7}$/);
  fc.assert(fc.property(few, fc.stringMatching(/^[ab]{0,8}$/), (pattern, value) => void assert.equal(matchesPattern(pattern, value), reference(pattern).test(value))), { numRuns: 3000 });
  const odd = fc.stringMatching(/^[*.+?^$\\()[\]{}|/\n-]{0,4}$/);
  fc.assert(fc.property(odd, odd, (pattern, value) => void assert.equal(matchesPattern(pattern, value), reference(pattern).test(value))), { numRuns: 1000 });
  t.end();
});

t.test("a star is any run of characters, and nothing else is special", (t) => {
  fc.assert(
    fc.property(anyString, anyString, anyString, (before, between, after) => {
      assert.ok(matchesPattern("*", between));
      assert.ok(matchesPattern(`${before}*${after}`, before + between + after));
      const plain = before.replaceAll("*", "x");
      assert.ok(matchesPattern(plain, plain));
      assert.equal(matchesPattern(plain, plain + after), after === "", "to the end");
      assert.equal(matchesPattern(plain, after + plain), after === "", "from the start");
    }),
    { numRuns: 500 },
  );
  const cases = [
    ["rack-*", "rack-1", true],
    ["rack-*", "rack-", true],
    ["rack-*", "my-rack-1", false],
    ["rack-?", "rack-1", false],
    ["rack-[0-9]", "rack-1", false],
    ["RACK-*", "rack-1", false],
    ["shell=*", "shell=root\nreboot", true],
    ["", "", true],
    ["", "a", false],
    ["**", "", true],
  ] as const;
  for (const [pattern, value, expected] of cases) t.equal(matchesPattern(pattern, value), expected, `${pattern} and ${JSON.stringify(value)}`);
  t.end();
});

t.test("no pattern takes for ever", (t) => {
  const start = performance.now();
  t.notOk(matchesPattern("*a".repeat(50), "a".repeat(5000).concat("b")));
  t.notOk(matchesPattern("*aaaaaaaaaaaaaaab", "a".repeat(20_000)));
  t.ok(performance.now() - start < 2000);
  t.same(parsePolicy(`{"allow":[{"host":"${"a".repeat(1024)}"}]}`).allow.length, 1);
  t.throws(() => parsePolicy(`{"allow":[{"host":"${"*a".repeat(513)}"}]}`), { code: "POLICY" }, "and longer ones than anyone writes are refused");
  t.end();
});

const request = { hostType: "serial", host: "rack-7", action: "reboot" };

t.test("a request is allowed by a rule that fits in all its fields", (t) => {
  const cases = [
    ["[]", false],
    ["[{}]", true],
    ['[{"host":"rack-*"}]', true],
    ['[{"host":"rack-*","action":"shell=*"}]', false],
    ['[{"host":"other"},{"action":"reboot"}]', true],
    ['[{"host":"other","action":"reboot"},{"hostType":"serial","host":"x"}]', false],
    ['[{"hostType":"serial","host":"rack-*","action":"reboot"}]', true],
    ['[{"hostType":"hostname"}]', false],
    ['[{"hostType":""}]', false],
  ] as const;
  for (const [rules, expected] of cases) t.equal(allows(parsePolicy(`{"allow":${rules}}`), request), expected, rules);

  // RFD 001: a host without a type is a host name.
  for (const [hostType, expected] of [["hostname", true], ["", true], ["*", true], ["serial", false]] as const) {
    t.equal(allows({ allow: [{ hostType }] }, { ...request, hostType: "" }), expected, `no type, and the rule "${hostType}"`);
  }
  t.equal(allows({ allow: [{ hostType: "" }] }, { ...request, hostType: "hostname" }), false);
  t.equal(allows({ allow: [{ host: "rack" }] }, request), false, "the whole value");
  t.equal(allows({ allow: [{ host: "h/*" }] }, { ...request, host: "h/x" }), true, "the decoded value");
  t.end();
});

t.test("what is no policy is refused, never taken for one that allows more", (t) => {
  const cases = [
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"allow":{}}',
    '{"allow":[null]}',
    '{"allow":["*"]}',
    '{"allow":[[]]}',
    '{"allow":[{"host":1}]}',
    '{"allow":[{"host":null}]}',
    '{"allow":[{"host":["a"]}]}',
    '{"allow":[{"hosts":"a"}]}',
    '{"allow":[{"Host":"a"}]}',
    '{"allow":[{"hostType ":"a"}]}',
    '{"allow":[{"toString":"a"}]}',
    '{"allow":[{"__proto__":{"host":"a"}}]}',
    '{"allow":[],"deny":[{"host":"a"}]}',
    '{"Allow":[]}',
    '{"allow":[]} x',
  ];
  for (const text of cases) t.throws(() => parsePolicy(text), { code: "POLICY", kind: "input", message: /^policy / }, JSON.stringify(text));
  t.throws(() => parsePolicy('{"allow":[{},{"hosts":"a"}]}'), { message: 'policy has an unknown field "allow.1.hosts"' });
  t.end();
});
