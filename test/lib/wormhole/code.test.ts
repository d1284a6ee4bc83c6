import fc from "fast-check";
import t from "tap";
import type { KeyholeError } from "../../../src/lib/errors.ts";
import { checkWords, findUnknownWords, isNameplate, joinCode, makePassword, parseCode, splitWords } from "../../../src/lib/wormhole/code.ts";
import { EVEN_WORDS, ODD_WORDS, wordsAt } from "../../../src/lib/wormhole/word-list.ts";
import { wordList } from "../../support/wormhole-vectors.ts";
import { anyString } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";

function messageOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as KeyholeError).message;
  }
}

t.test("the word list", (t) => {
  t.same(EVEN_WORDS, wordList.even);
  t.same(ODD_WORDS, wordList.odd);
  t.equal(new Set([...EVEN_WORDS, ...ODD_WORDS]).size, 512);
  t.equal(wordsAt(1), wordList.first_word_list === "odd" ? ODD_WORDS : EVEN_WORDS);
  t.same([2, 3, 4].map(wordsAt), [EVEN_WORDS, ODD_WORDS, EVEN_WORDS]);
  t.end();
});

t.test("codes", (t) => {
  const codes = [
    ["7-guitarist-revenge", "7", "guitarist-revenge"],
    ["4-purple-sausages", "4", "purple-sausages"],
    ["007-guitarist-revenge", "007", "guitarist-revenge"],
    ["0-x", "0", "x"],
    [`${"9".repeat(40)}-x`, "9".repeat(40), "x"],
    ["7-Guitarist-REVENGE", "7", "Guitarist-REVENGE"],
    ["7--", "7", "-"],
    ["7-x-", "7", "x-"],
    ["7-12-13", "7", "12-13"],
    ["7-café-über", "7", "café-über"],
    ["7-кошка-🐈‍⬛", "7", "кошка-🐈‍⬛"],
  ] as const;
  for (const [text, nameplate, password] of codes) t.same(parseCode(text), { text, nameplate, password }, text);
  t.same(parseCode("7-café".normalize("NFD")), { text: "7-café", nameplate: "7", password: "café" }, "in NFC");
  t.end();
});

t.test("what is none", (t) => {
  const cases = [
    ["", "the code is empty"],
    ["7", "the code has no -, expected a number, a - and words"],
    ["guitarist", "the code has no -, expected a number, a - and words"],
    ["7guitarist", "the code has no -, expected a number, a - and words"],
    ["7-", "the code ends after its number, expected words"],
    ["-", "the code begins with -, expected a number"],
    ["-guitarist-revenge", "the code begins with -, expected a number"],
    ["guitarist-revenge", "the code does not begin with a number, in digits 0 to 9"],
    ["guitarist-7-revenge", "the code does not begin with a number, in digits 0 to 9"],
    ["+7-x", "the code does not begin with a number, in digits 0 to 9"],
    ["7.0-x", "the code does not begin with a number, in digits 0 to 9"],
    ["0x7-x", "the code does not begin with a number, in digits 0 to 9"],
    ["٧-x", "the code does not begin with a number, in digits 0 to 9"],
    ["７-x", "the code does not begin with a number, in digits 0 to 9"],
    ["\u200b7-x", "the code does not begin with a number, in digits 0 to 9"],
    [`${"9".repeat(41)}-x`, "the code begins with 41 characters before the first -, expected a number of at most 40 digits"],
    [" 7-x", "the code has a blank or line end before or after it"],
    ["7-x ", "the code has a blank or line end before or after it"],
    ["7-x\n", "the code has a blank or line end before or after it"],
    ["\ufeff7-x", "the code has a blank or line end before or after it"],
    ["7 -x", "the code has a blank in it"],
    ["7 guitarist revenge", "the code has a blank in it"],
    ["7-guitarist revenge", "the code has a blank in it"],
    ["7-guitarist\trevenge", "the code has a blank in it"],
    ["7-guitarist\u00a0revenge", "the code has a blank in it"],
    ["7-\n-x", "the code has a blank in it"],
    ["7-a\0b", "the code has a control character in it, or is not Unicode text"],
    ["7-\x1b[31m", "the code has a control character in it, or is not Unicode text"],
    ["7-\ud800", "the code has a control character in it, or is not Unicode text"],
    ["7-\udc80x", "the code has a control character in it, or is not Unicode text"],
    ["7–guitarist–revenge", "the code is joined by –, expected the hyphen-minus -"],
    ["7‑guitarist‑revenge", "the code is joined by ‑, expected the hyphen-minus -"],
    [`7-${"x".repeat(999)}`, "the code has 1001 characters, expected at most 1000"],
  ] as const;
  for (const [text, message] of cases) {
    t.throws(() => parseCode(text), { code: "WORMHOLE_CODE", kind: "input", message, hint: /^[^\n]+$/ }, JSON.stringify(text));
  }
  t.end();
});

t.test("of any text, takes a nameplate, a hyphen and a password", (t) => {
  const almost = fc.tuple(fc.constantFrom("7", "07", "", "x", " 7"), fc.constantFrom("-", "", " ", "–"), anyString).map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.oneof(anyString, almost), (text) => {
      const isCode = /^[0-9]{1,40}-[^\s\p{Cc}\p{Cs}]+$/u.test(text);
      if (errorCode(() => parseCode(text)) !== undefined) return !isCode;
      const { nameplate, password, text: normal } = parseCode(text);
      return isCode && normal === text.normalize("NFC") && normal === `${nameplate}-${password}` && isNameplate(nameplate);
    }),
    { numRuns: 2000 },
  );
  t.end();
});

t.test("no message repeats the code", (t) => {
  const secret = fc.string({ unit: fc.constantFrom("q", "x", "z", "j"), minLength: 5 });
  fc.assert(
    fc.property(secret, fc.constantFrom("SECRET", "SECRET-1", "7 SECRET", "7-SECRET ", "SECRET7-x", "7-SECRET\0"), (text, form) => {
      const message = messageOf(() => parseCode(form.replace("SECRET", text)));
      return message !== undefined && !message.includes(text);
    }),
  );
  t.end();
});

t.test("nameplate and password are joined as they are parsed", (t) => {
  t.same(joinCode("7", "guitarist-revenge"), parseCode("7-guitarist-revenge"));
  t.equal(errorCode(() => joinCode("x", "guitarist-revenge")), "WORMHOLE_CODE");
  t.end();
});

t.test("passwords", (t) => {
  const bytes = (...list: number[]) => (length: number) => Uint8Array.from(list).subarray(0, length);
  t.equal(makePassword(2, bytes(0, 0)), "adroitness-aardvark");
  t.equal(makePassword(2, bytes(255, 255)), "yucatan-zulu");
  t.equal(makePassword(1, bytes(0x5a)), ODD_WORDS[0x5a]);
  t.equal(makePassword(5, bytes(1, 2, 3, 4, 5)), [ODD_WORDS[1], EVEN_WORDS[2], ODD_WORDS[3], EVEN_WORDS[4], ODD_WORDS[5]].join("-"));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), (words) => {
      const password = makePassword(words);
      return splitWords(password).length === words && findUnknownWords(password).length === 0;
    }),
  );
  t.equal(new Set(Array.from({ length: 10 }, () => makePassword(8))).size, 10);
  t.end();
});

t.test("every word at its place, and at none of the other list", (t) => {
  for (const [i, odd] of ODD_WORDS.entries()) {
    const even = EVEN_WORDS[i]!;
    if (findUnknownWords(`${odd}-${even}-${odd}-${even}`).length > 0) t.fail(`${odd}-${even}`);
    const swapped = findUnknownWords(`${even}-${odd}`).map(({ place, word, reason }) => ({ place, word, reason }));
    const expected = [{ place: 1, word: even, reason: "misplaced" }, { place: 2, word: odd, reason: "misplaced" }];
    if (JSON.stringify(swapped) !== JSON.stringify(expected)) t.same(swapped, expected);
  }
  t.end();
});

t.test("words that are not in the list, and the nearest", (t) => {
  const cases = [
    ["gitarist-revenge", [[1, "gitarist", "unknown", ["guitarist"]]]],
    ["guitarist-revnge", [[2, "revnge", "unknown", ["revenge", "revenue"]]]],
    ["revenge-guitarist", [[1, "revenge", "misplaced", ["revenue"]], [2, "guitarist", "misplaced", []]]],
    ["Guitarist-REVENGE", [[1, "Guitarist", "unknown", ["guitarist"]], [2, "REVENGE", "unknown", ["revenge", "revenue"]]]],
    ["guitarist--revenge", [[2, "", "unknown", []], [3, "revenge", "misplaced", ["revenue"]]]],
    ["guitarist-", [[2, "", "unknown", []]]],
    ["guitarist_revenge", [[1, "guitarist_revenge", "unknown", []]]],
    ["guitarist-\u200brevenge", [[2, "\u200brevenge", "unknown", ["revenge", "revenue"]]]],
    ["ｇｕｉｔａｒｉｓｔ", [[1, "ｇｕｉｔａｒｉｓｔ", "unknown", ["guitarist"]]]],
    ["xyzzy", [[1, "xyzzy", "unknown", []]]],
  ] as const;
  for (const [password, expected] of cases) {
    t.same(findUnknownWords(password), expected.map(([place, word, reason, nearest]) => ({ place, word, reason, nearest })), password);
  }
  t.end();
});

t.test("a word with one mistake has itself among the nearest", (t) => {
  const word = fc.integer({ min: 0, max: 511 }).map((i) => [...ODD_WORDS, ...EVEN_WORDS][i]!);
  const letter = fc.integer({ min: 0, max: 25 }).map((i) => String.fromCharCode(0x61 + i));
  fc.assert(
    fc.property(word, fc.nat(), letter, fc.constantFrom("insert", "change", "remove"), (meant, at, put, how) => {
      const i = at % meant.length;
      const typed = meant.slice(0, i) + (how === "remove" ? "" : put) + meant.slice(how === "insert" ? i : i + 1);
      const [found] = findUnknownWords(typed);
      if (found === undefined || found.reason === "misplaced") return true; // It became another word.
      return found.nearest.includes(meant) && found.nearest.length <= 3;
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test("checking the words of a code", (t) => {
  const check = (text: string) => messageOf(() => void checkWords(parseCode(text)));
  t.equal(check("7-guitarist-revenge"), undefined);
  t.equal(check("7-guitarist"), undefined, "one word");
  t.equal(check(`7-${makePassword(16)}`), undefined, "sixteen");
  t.equal(check("7-gitarist-revenge"), 'word 1 of the code, "gitarist", is not in the list, nearest: guitarist');
  t.equal(check("7-revenge"), 'word 1 of the code, "revenge", is in the list but never word 1, nearest: revenue');
  t.equal(check("7-guitarist-"), "word 2 of the code is empty");
  t.equal(check("7-xyzzy-revenge"), 'word 1 of the code, "xyzzy", is not in the list');
  t.equal(check("7-a-b-c-d-e-f"), [1, 2, 3, 4].map((place) => `word ${place} of the code, "${"abcd"[place - 1]!}", is not in the list`).join("; ") + "; and 2 more");
  t.equal(check(`7-${"x".repeat(900)}`), `word 1 of the code, "${"x".repeat(30)}…", is not in the list`);
  t.throws(() => void checkWords(parseCode("7-gitarist")), { code: "WORMHOLE_CODE_WORDS", kind: "input", hint: "check the spelling; give --any-words if people chose the words" });
  t.throws(() => void checkWords(parseCode("7-revenge-guitarist")), { code: "WORMHOLE_CODE_WORDS", hint: "a word is missing, doubled or out of order; give --any-words if people chose the words" });
  t.end();
});
