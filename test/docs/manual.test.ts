import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { CommandSpec, OptionSpec } from "../../src/commands/command-spec.ts";
import { CARD_OPTIONS } from "../../src/commands/ctap/table.ts";
import { INVITE_COMMANDS } from "../../src/commands/invite/table.ts";
import { COMMANDS, COMMON_OPTIONS, optionsOf } from "../../src/commands/table.ts";
import { parseExamples } from "../support/examples.ts";
import { listsOf, literalBlocks, namesOf, plainText, rawLiteralBlocks, readManualPage, unescape, type Item, type ManualPage, type Section } from "./mdoc.ts";

const names = readdirSync("man");
const pages = new Map(names.map((name) => [name, readManualPage(join("man", name))]));

/** Groups of which each two words have a page; that of the group has the options that all of it take. */
const LARGE_GROUPS: Readonly<Record<string, readonly OptionSpec[]>> = { ctap: [...CARD_OPTIONS, ...COMMON_OPTIONS], invite: COMMON_OPTIONS };

/** keyhole-challenge(1) has all commands of its group. */
function pageName(command: CommandSpec): string {
  return `${["keyhole", ...command.name.split(" ").slice(0, wordsOfPage(command))].join("-")}.1`;
}

function wordsOfPage(command: CommandSpec): number {
  return sharedOptionsOf(command) === undefined ? 1 : 2;
}

/** What the page of its group has for it. */
function sharedOptionsOf({ name }: CommandSpec): readonly OptionSpec[] | undefined {
  return LARGE_GROUPS[name.split(" ", 1)[0] ?? ""];
}

/** What the page of a command documents. */
function ownOptionsOf(command: CommandSpec): readonly OptionSpec[] {
  return optionsOf(command).filter((option) => sharedOptionsOf(command)?.includes(option) !== true);
}

function pageOf(command: CommandSpec): ManualPage {
  return pages.get(pageName(command))!;
}

t.test("the pages", (t) => {
  const { man } = JSON.parse(readFileSync("package.json", "utf8")) as { man: string[] };
  t.same([...man].sort(), names.map((name) => `man/${name}`).sort(), "are the ones that package.json installs");
  const groups = Object.keys(LARGE_GROUPS).map((group) => `keyhole-${group}.1`);
  t.same([...names].sort(), ["keyhole.1", ...groups, ...new Set(COMMANDS.map(pageName))].sort(), "are keyhole(1), one for each large group and one for each command");
  t.end();
});

interface Spellings {
  readonly short?: string | undefined;
  readonly name: string | undefined;
  readonly value?: string | undefined;
}

/** An option as `.It Fl k , Fl -key Ar FILE` has it; without a name where it has another form. */
interface DocumentedOption extends Spellings {
  readonly item: Item;
}

function documentedOption(item: Item): DocumentedOption {
  const [, short, name, value] = /^(?:Fl ([a-z]) , )?Fl -([a-z0-9-]+)(?: Ar ([A-Z:]+))?$/.exec(item.head.join(" ")) ?? [];
  return { short, name, value, item };
}

function documentedOptions(sections: readonly Section[]): readonly DocumentedOption[] {
  return sections.flatMap((section) => listsOf(section).flatMap((items) => items.filter(({ head }) => head[0] === "Fl").map(documentedOption)));
}

/** The sections about a command: all of its page but those about another. */
function sectionsAbout(command: CommandSpec): readonly Section[] {
  const others = COMMANDS.filter(({ name }) => name !== command.name).map(({ name }) => name);
  return pageOf(command).sections.filter(({ title }) => !others.includes(title));
}

const byName = (a: Spellings, b: Spellings): number => (a.name ?? "").localeCompare(b.name ?? "");
const spellings = ({ name, short, value }: Spellings): Spellings => ({ name, short, value });

for (const command of COMMANDS) {
  t.test(`options of keyhole ${command.name}`, (t) => {
    const documented = documentedOptions(sectionsAbout(command));
    const options = ownOptionsOf(command);
    t.same([...documented].sort(byName).map(spellings), [...options].sort(byName).map(spellings), "all of the table and no others");
    for (const option of options) checkText(t, option, documented.find(({ name }) => name === option.name)!.item);
    t.end();
  });

  t.test(`synopsis of keyhole ${command.name}`, (t) => {
    const { options, words, last } = synopsisOf(command);
    t.same(options, ownOptionsOf(command).map(({ name, short = name, value = "" }) => `${short} ${value}`).sort(), "has all of its options");
    t.same(words, command.positionals.map(({ name, optional }) => (optional === true ? `Op Ar ${name}` : `Ar ${name}`)), "has its words");
    t.equal(last, sharedOptionsOf(command) === undefined ? last : ".Op Ar common options", "ends with the common options, where another page has them");
    t.end();
  });

  t.test(`examples of keyhole ${command.name}`, (t) => {
    const section = pageOf(command).section("EXAMPLES");
    // Commands for the administrator are shown too, though not run.
    const shown = literalBlocks(section).flatMap((block) => parseExamples(block.replace(/^# /gm, "$ ")));
    const commands = shown.map(({ command }) => command.replace(/\\\n */g, ""));
    for (const example of command.examples) {
      t.ok(commands.some((text) => text.startsWith(example)), `has ${example}`);
    }
    t.end();
  });
}

function checkText(t: Test, { name, choices, default: byDefault, env, many }: OptionSpec, { lines, text }: Item): void {
  if (choices !== undefined) {
    const documented = lines.flatMap((line) => /^\.Cm ([a-z0-9-]+)/.exec(line)?.[1] ?? []);
    t.same([...new Set(documented)].sort(), [...choices].sort(), `--${name} names its choices`);
  }
  t.equal(/[Dd]efault is (?!KEYHOLE_)(\S+?)[.,;]?(?:\s|$)/.exec(text)?.[1], byDefault, `--${name} states its default`);
  t.same(text.match(/\bKEYHOLE_[A-Z_]+/g) ?? [], env === undefined ? [] : [env], `--${name} names its environment variable`);
  t.equal(text.includes("several times"), many === true, `--${name} says whether it may be given several times`);
}

/** Options as `k FILE`, those without a short name as `keyring DIR`. */
function synopsisOf(command: CommandSpec): { readonly options: readonly string[]; readonly words: readonly string[]; readonly last: string | undefined } {
  const usages = pageOf(command).section("SYNOPSIS").lines.join("\n").split(".Nm keyhole\n.Cm ").slice(1);
  const lines = usages.filter((usage) => usage.split("\n", 1)[0] === command.name).flatMap((usage) => usage.split("\n").slice(1));
  const options = lines.flatMap((line) => [...line.matchAll(/\bFl (-?)([A-Za-z][A-Za-z0-9-]*)(?: Ar ([A-Z:]+))?/g)]).flatMap(([, dash, name = "", value = ""]) => {
    return dash === "-" ? [`${name} ${value}`] : name.split("").map((letter) => `${letter} ${value}`);
  });
  const words = lines.map((line) => line.slice(1)).filter((line) => /^(Op )?Ar [A-Z]+$/.test(line));
  return { options: [...new Set(options)].sort(), words: [...new Set(words)], last: lines.findLast((line) => line !== "" && !/^\.(Op )?Ar [A-Z]+$/.test(line)) };
}

t.test("summaries", (t) => {
  const overview = listsOf(pages.get("keyhole.1")!.section("DESCRIPTION"))[0]!;
  t.same(
    overview.map(({ head, text }) => ({ name: head.slice(1).join(" "), summary: text.trim() })),
    COMMANDS.map(({ name, summary }) => ({ name, summary })),
    "keyhole(1) lists the commands",
  );
  // A page of several commands has a summary of its own.
  for (const command of COMMANDS.filter((command) => command.name.split(" ").length === wordsOfPage(command))) {
    t.equal(plainText(pageOf(command).section("NAME").lines).trim(), `${pageName(command).slice(0, -2)} ${command.summary}`);
  }
  t.end();
});

t.test("keyhole(1) has the options of every command, and --version", (t) => {
  const documented = documentedOptions(pages.get("keyhole.1")!.sections);
  t.same([...documented].sort(byName).map(spellings), [...COMMON_OPTIONS, { name: "version", short: undefined, value: undefined }].sort(byName).map(spellings));
  t.end();
});

for (const [group, options] of Object.entries(LARGE_GROUPS)) {
  t.test(`keyhole-${group}(1) has the options that all of its group take`, (t) => {
    const documented = documentedOptions(pages.get(`keyhole-${group}.1`)!.sections);
    t.same([...documented].sort(byName).map(spellings), [...options].sort(byName).map(spellings));
    for (const option of options) checkText(t, option, documented.find(({ name }) => name === option.name)!.item);
    t.end();
  });
}

t.test("environment variables", (t) => {
  const variablesOf = (options: readonly OptionSpec[]): readonly string[] => [...new Set(options.flatMap(({ env }) => env ?? []))].sort();
  const documented = (page: ManualPage): readonly string[] => namesOf(listsOf(page.section("ENVIRONMENT")).flat(), "Ev").filter((name) => name.startsWith("KEYHOLE_"));
  t.same(documented(pages.get("keyhole.1")!), variablesOf(COMMANDS.flatMap(optionsOf)), "keyhole(1) has all");
  for (const name of new Set(COMMANDS.map(pageName))) {
    const commands = COMMANDS.filter((command) => pageName(command) === name);
    t.same(documented(pages.get(name)!), variablesOf(commands.flatMap(ownOptionsOf)), `${name} has those of its options`);
  }
  t.same(documented(pages.get("keyhole-ctap.1")!), variablesOf(CARD_OPTIONS), "keyhole-ctap(1) has those of the common options");
  t.same(documented(pages.get("keyhole-invite.1")!), variablesOf(INVITE_COMMANDS.flatMap(optionsOf)), "keyhole-invite(1) has those of all its commands");
  t.end();
});

t.test("error codes", (t) => {
  // Never shown: they are told under the name of the thing that was read.
  const inner = ["BASE64URL", "JSON", "WORMHOLE_FRAME"];
  const isOfSystem = (code: string): boolean => /^E[A-Z]+$/.test(code);
  const thrown = sourcesBelow("src").flatMap((path) => [...readFileSync(path, "utf8").matchAll(/(?:Error\(|code: )\s*"([A-Z][A-Z0-9_]+)"/g)].map(([, code = ""]) => code));
  const ofCards = readFileSync("src/lib/ctap/status.ts", "utf8").match(/\bCTAP[12]_ERR_[A-Z0-9_]+/g) ?? [];
  const documented = [...pages.values()].flatMap(({ sections }) => sections.flatMap((section) => [...listsOf(section).flatMap((items) => namesOf(items, "Dv")), ...codesInText(section)]));
  t.same([...new Set(documented)].sort(), [...new Set([...thrown, ...ofCards])].filter((code) => !inner.includes(code) && !isOfSystem(code)).sort(), "the manual has those of the program");
  t.end();
});

function codesInText({ lines }: Section): readonly string[] {
  return lines.flatMap((line) => /^\.Dv ([A-Z0-9_]+)/.exec(line)?.[1] ?? []);
}

function sourcesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(directory, name));
}

t.test("sections that every page has", (t) => {
  for (const [name, { sections }] of pages) {
    const titles = sections.map(({ title }) => title);
    const missing = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "DIAGNOSTICS", "SEE ALSO", "SECURITY CONSIDERATIONS"].filter((title) => !titles.includes(title));
    t.same(missing, [], name);
  }
  t.end();
});

t.test("what is to be copied is in plain ASCII, also where man(1) makes typographic hyphens and quotes", (t) => {
  for (const [name, { sections }] of pages) {
    const lines = sections.flatMap(({ lines }) => rawLiteralBlocks(lines).flat());
    t.same(lines.filter((line) => /(?<!\\)-|['`^~]/.test(line)), [], name);
    t.doesNotThrow(() => lines.map(unescape), name);
  }
  t.end();
});
