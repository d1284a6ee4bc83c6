import t from "tap";
import { makePassword } from "../../src/lib/wormhole/code.ts";
import { checkFailure, keyhole, keyholeForEach } from "../support/keyhole.ts";
import { wordList } from "../support/wormhole-vectors.ts";

const check = (...words: readonly string[]) => keyhole(["invite", "code", "check", ...words]);

t.test("words", (t) => {
  const { status, stdout, stderr } = keyhole(["invite", "words"]);
  t.equal(status, 0);
  t.same(stdout, [...wordList.odd, ...wordList.even].map((word) => `${word}\n`).join(""));
  t.equal(stderr, "");
  t.same(JSON.parse(keyhole(["invite", "words", "--json"]).stdout), { odd: wordList.odd, even: wordList.even });
  checkFailure(t, keyhole(["invite", "words", "x"]), 2, /^error: invite words takes no further word/);
  t.end();
});

t.test("a code that can be one", (t) => {
  t.same(check("7-guitarist-revenge"), { status: 0, stdout: "7-guitarist-revenge: nameplate 7, 2 words, all in the list\n", stderr: "" });
  t.equal(check("007-guitarist").stdout, "007-guitarist: nameplate 007, 1 word, all in the list\n");
  t.same(JSON.parse(check("--json", "7-guitarist-revenge").stdout), { code: "7-guitarist-revenge", nameplate: "7", words: ["guitarist", "revenge"], unknown: [] });
  t.equal(check("-q", "7-guitarist-revenge").stdout, "7-guitarist-revenge: nameplate 7, 2 words, all in the list\n");
  t.end();
});

t.test("codes as programs make them", async (t) => {
  const codes = [1, 2, 3, 16].map((words) => `${words}-${makePassword(words)}`);
  for (const [code, { status }] of await keyholeForEach(codes, (code) => [["invite", "code", "check", code], {}])) t.equal(status, 0, code);
});

t.test("a code on standard input", async (t) => {
  const cases = [
    ["7-guitarist-revenge", undefined],
    ["7-guitarist-revenge\n", undefined],
    ["7-guitarist-revenge\r\n", undefined],
    ["", /^error: the code is empty$/],
    ["7-guitarist-revenge\n\n", /^error: the code has a blank or line end before or after it$/],
    ["7-guitarist-revenge\n8-guitarist-revenge\n", /^error: the code has a blank in it$/],
    [Uint8Array.of(0x37, 0x2d, 0xff), /^error: code on standard input is not UTF-8 text$/],
    ["7-".padEnd(20_000, "x"), /^error: code on standard input is longer than 16384 bytes$/],
  ] as const;
  for (const [[input, error], outcome] of await keyholeForEach(cases, ([input]) => [["invite", "code", "check", "-"], { input }])) {
    if (error === undefined) t.equal(outcome.status, 0, JSON.stringify(input));
    else checkFailure(t, outcome, 2, error);
  }
});

t.test("text that is no code", async (t) => {
  const texts = ["", "7", "7-", "guitarist-revenge", "7 guitarist revenge", " 7-guitarist-revenge", "7-guitarist-revenge ", "7-guitarist\nrevenge", "7–guitarist–revenge", `${"1".repeat(41)}-guitarist`];
  for (const [text, outcome] of await keyholeForEach(texts, (text) => [["invite", "code", "check", text], {}])) checkFailure(t, outcome, 2, /^error: the code /, JSON.stringify(text));
  checkFailure(t, check("--any-words", "7"), 2, /^error: the code has no -/, "with --any-words too");
  t.match(JSON.parse(check("--json", "7").stdout), { error: { code: "WORMHOLE_CODE", message: String, hint: String } });
  checkFailure(t, check("-7-guitarist-revenge"), 2, /^error: /, "what looks like an option");
  checkFailure(t, check("--", "-7-guitarist-revenge"), 2, /^error: the code begins with -, expected a number$/);
});

t.test("words that are not in the list", (t) => {
  checkFailure(t, check("7-gitarist-revenge"), 2, /^error: word 1 of the code, "gitarist", is not in the list, nearest: guitarist$/);
  checkFailure(t, check("7-revenge-guitarist"), 2, /^error: word 1 of the code, "revenge", is in the list but never word 1.*; word 2 of the code, "guitarist", is in the list but never word 2/);
  checkFailure(t, check("7-Guitarist-revenge"), 2, /nearest: guitarist$/);
  checkFailure(t, check("7-guitarist-"), 2, /^error: word 2 of the code is empty$/);
  t.same(JSON.parse(check("--json", "7-gitarist-revenge").stdout), {
    code: "7-gitarist-revenge",
    nameplate: "7",
    words: ["gitarist", "revenge"],
    unknown: [{ place: 1, word: "gitarist", reason: "unknown", nearest: ["guitarist"] }],
    error: {
      code: "WORMHOLE_CODE_WORDS",
      message: 'word 1 of the code, "gitarist", is not in the list, nearest: guitarist',
      hint: "check the spelling; give --any-words if people chose the words",
    },
  });
  t.end();
});

t.test("are taken with --any-words", (t) => {
  const { status, stdout, stderr } = check("--any-words", "7-purple-revenge");
  t.same([status, stdout, stderr], [0, "7-purple-revenge: nameplate 7, 2 words, 1 not in the list, or not at that place\n", ""]);
  t.match(JSON.parse(check("--any-words", "--json", "7-purple-revenge").stdout), { unknown: [{ place: 1, word: "purple", reason: "unknown" }], error: undefined });
  t.equal(check("--any-words", "7-café-über".normalize("NFD")).stdout, "7-café-über: nameplate 7, 2 words, 2 not in the list, or not at that place\n");
  t.end();
});

t.test("what would do something to a terminal is shown escaped", (t) => {
  const hidden = "7-guitarist-\u202erevenge";
  t.match(check(hidden).stderr, /^error: word 2 of the code, "\\u\{202e\}revenge", is not in the list, nearest: revenge, revenue\n/);
  t.match(check("--any-words", hidden).stdout, /^7-guitarist-\\u\{202e\}revenge: /);
  t.equal(check("--any-words", "--json", hidden).stdout.includes("\u202e"), false);
  t.end();
});
