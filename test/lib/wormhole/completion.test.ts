import fc from "fast-check";
import t from "tap";
import { completeCode } from "../../../src/lib/wormhole/completion.ts";
import { makePassword, parseCode } from "../../../src/lib/wormhole/code.ts";
import { EVEN_WORDS, ODD_WORDS } from "../../../src/lib/wormhole/word-list.ts";

t.test("nameplates", (t) => {
  const listed = ["12", "3", "1", "120"];
  t.same(completeCode("", listed), ["1-", "3-", "12-", "120-"]);
  t.same(completeCode("1", listed), ["1-", "12-", "120-"]);
  t.same(completeCode("12", listed), ["12-", "120-"]);
  t.same(completeCode("4", listed), []);
  t.same(completeCode("g", listed), []);
  t.same(completeCode("", ["7", "7", "x", "", "1\x1b[2J", "1-guitarist", "9".repeat(41)]), ["7-"], "of what a server lists, numbers alone");
  t.end();
});

t.test("words", (t) => {
  t.same(completeCode("7-", []), ODD_WORDS.map((word) => `7-${word}-`).sort());
  t.same(completeCode("7-guit", []), ["7-guitarist-"]);
  t.same(completeCode("7-guitarist", []), ["7-guitarist-"]);
  t.same(completeCode("7-guitarist-", []), EVEN_WORDS.map((word) => `7-guitarist-${word}`).sort());
  t.same(completeCode("7-guitarist-rev", []), ["7-guitarist-revenge"]);
  t.same(completeCode("7-guitarist-revenge", []), ["7-guitarist-revenge"]);
  t.same(completeCode("7-rev", []), ["7-revenue-", "7-revival-", "7-revolver-"], "of the list whose turn it is");
  t.same(completeCode("7-whatever-rev", []), ["7-whatever-revenge"], "whatever the others are");
  t.same(completeCode("7-xyz", []), []);
  t.same(completeCode("x-", []), [], "no code begins so");
  t.same(completeCode("-", []), []);
  t.end();
});

t.test("more or fewer words", (t) => {
  t.same(completeCode("7-guit", [], 1), ["7-guitarist"]);
  t.same(completeCode("7-guitarist-rev", [], 3), ["7-guitarist-revenge-"]);
  t.same(completeCode("7-guitarist-revenge-guit", [], 3), ["7-guitarist-revenge-guitarist"]);
  t.same(completeCode("7-guitarist-revenge-guit", []), ["7-guitarist-revenge-guitarist"], "beyond those that are usual");
  t.end();
});

t.test("every code can be completed from any of its beginnings", (t) => {
  fc.assert(
    fc.property(fc.nat(999), fc.integer({ min: 1, max: 4 }), fc.nat(), (number, words, at) => {
      const code = parseCode(`${number}-${makePassword(words)}`).text;
      const typed = code.slice(0, at % (code.length + 1));
      const found = completeCode(typed, [String(number)], words);
      return found.length > 0 && found.every((text) => text.startsWith(typed)) && found.some((text) => code.startsWith(text));
    }),
  );
  t.end();
});
