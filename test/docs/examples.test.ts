import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { consoleBlocks, describeMismatch, parseExamples, runExamples } from "../support/examples.ts";
import { literalBlocks, readManualPage } from "./mdoc.ts";

/** Texts whose `console` blocks are run, as the manual pages' examples are. One that is missing is a failure. */
const TEXTS: readonly string[] = ["README.md"];

interface Document {
  readonly path: string;
  readonly blocks: readonly string[];
}

const pages = readdirSync("man").map((name): Document => {
  const path = join("man", name);
  return { path, blocks: literalBlocks(readManualPage(path).section("EXAMPLES")) };
});
const texts = TEXTS.map((path): Document => ({ path, blocks: consoleBlocks(readFileSync(path, "utf8")) }));

for (const { path, blocks } of [...pages, ...texts]) {
  t.test(path, (t) => {
    const examples = blocks.flatMap(parseExamples);
    t.not(examples.length, 0, "has examples");
    const outcomes = runExamples(examples);
    examples.forEach((example, i) => {
      t.equal(describeMismatch(example, outcomes[i]!), undefined, example.command);
    });
    t.end();
  });
}

t.test("examples that are wrong are found", (t) => {
  const cases = [
    { block: "$ echo one", wrong: /expected:\nfound:\n {2}one/ },
    { block: "$ echo one\ntwo", wrong: /expected:/ },
    { block: "$ echo one >&2\ntwo", wrong: /expected:/ },
    { block: "$ echo one two\none…three", wrong: /expected:/ },
    { block: "$ echo axb\na.b", wrong: /expected:/ },
    { block: "$ echo one; echo two\none\n\ntwo", wrong: /expected:/ },
    { block: "$ echo one\none\n…\ntwo", wrong: /expected:/ },
    { block: "$ true\n…", wrong: /expected:/ },
    { block: "$ keyhole login --nonsense 2>/dev/null", wrong: /exit status 2/ },
    { block: "$ exit 0", wrong: /shell was over/ },
  ];
  for (const { block, wrong } of cases) {
    const [example] = parseExamples(block);
    const [outcome] = runExamples([example!]);
    t.match(describeMismatch(example!, outcome!), wrong, block);
  }
  t.throws(() => parseExamples("echo one\none"), /neither/);
  t.end();
});

t.test("examples that are right are found right", (t) => {
  const block = `$ name=one; cd /
$ echo $name |
> cat >&2; \\
  false; echo $?
one
1

$ cat; echo 'a (b) [c]* \\d'
… (b) [c]* \\d

# a comment, or a command of an administrator
nothing of this is run
$ pwd; printf 'not\\na\\nwhole line'
/
…
whole line`;
  const examples = parseExamples(block);
  t.equal(examples.length, 4);
  const outcomes = runExamples(examples);
  examples.forEach((example, i) => {
    t.equal(describeMismatch(example, outcomes[i]!), undefined, example.command);
  });
  t.end();
});

t.test("blocks in Markdown", (t) => {
  t.same(consoleBlocks("```console\n$ a\n```\ntext\n```sh\n$ b\n```\n```console\n$ c\n1\n```\n"), ["$ a\n", "$ c\n1\n"]);
  t.end();
});
