import yargs, { type Argv } from "yargs";
import type { CommandSpec, OptionSpec } from "./command-spec.ts";
import { COMMANDS, optionsOf } from "./table.ts";

const WIDTH = 80;

function bare(): Argv {
  return yargs([], "/").scriptName("keyhole").locale("en").help(false).version(false).wrap(WIDTH);
}

function withOptions(parser: Argv, command: CommandSpec): Argv {
  for (const option of optionsOf(command)) {
    parser.option(option.name, {
      ...(option.short === undefined ? {} : { alias: option.short }),
      type: option.value === undefined ? "boolean" : "string",
      describe: describe(option),
    });
  }
  return parser;
}

function describe({ value, summary, choices, default: byDefault, env }: OptionSpec): string {
  const parts = [
    value === undefined ? summary : `${value}: ${summary}`,
    choices === undefined ? undefined : `(${choices.join(", ")})`,
    byDefault === undefined ? undefined : `[default: ${byDefault}]`,
    env === undefined ? undefined : `[${env}]`,
  ];
  return parts.filter((part) => part !== undefined).join(" ");
}

/** @param name - of a command or a group of them; for all others, the help of keyhole */
export async function helpFor(name: string): Promise<string> {
  const known = COMMANDS.find((command) => command.name === name);
  if (known === undefined) return overview(name);
  const positionals = known.positionals.map(({ name, optional }) => (optional === true ? `[${name}]` : name));
  const parser = withOptions(bare(), known)
    .usage([`keyhole ${known.name}`, ...positionals, "[options]"].join(" "))
    .usage(`\n${upperFirst(known.summary)}.`);
  return withExamples(await parser.getHelp(), known.examples, manualPage(known));
}

/** Not by yargs, which would wrap what is to be copied. */
function withExamples(help: string, examples: readonly string[], page: string): string {
  return `${help}\n\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}\n\nManual: ${page}`;
}

/** Groups of which each two words have a page, and the group one about all of it. */
const LARGE_GROUPS: readonly (string | undefined)[] = ["ctap", "invite"];

/** The name of a command's page: `keyhole-challenge(1)` serves both of its words, `keyhole-ctap-pin(1)` all three. */
export function manualPage({ name }: CommandSpec): string {
  const words = name.split(" ");
  return `${["keyhole", ...words.slice(0, LARGE_GROUPS.includes(words[0]) ? 2 : 1)].join("-")}(1)`;
}

async function overview(group: string): Promise<string> {
  const inGroup = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
  const shown = inGroup.length > 0 ? inGroup : COMMANDS;
  const parser = bare().usage(`keyhole ${inGroup.length > 0 ? `${group} ` : ""}COMMAND [options]`).usage("\nLets somebody in over a narrow channel.");
  parser.option("help", { alias: "h", type: "boolean", describe: "show help; with a command, its own" });
  parser.option("version", { type: "boolean", describe: "show the version" });
  const examples = shown.flatMap((command) => command.examples.slice(0, 1)).slice(0, inGroup.length > 0 ? 3 : 5);
  const help = (await parser.getHelp()).replace("Options:", `Commands:\n${listCommands(shown)}\n\nOptions:`);
  return withExamples(help, examples, groupPage(inGroup));
}

/** Not by yargs, which would break the longest names. */
function listCommands(commands: readonly CommandSpec[]): string {
  const column = Math.max(...commands.map(({ name }) => name.length)) + "  keyhole   ".length;
  return commands.map(({ name, summary }) => `  keyhole ${name}`.padEnd(column) + wrap(summary, WIDTH - column).join(`\n${" ".repeat(column)}`)).join("\n");
}

/** Cuts a text into lines at its blanks. */
function wrap(text: string, width: number): readonly string[] {
  const [first = "", ...others] = text.split(" ");
  const lines = [first];
  for (const word of others) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The page that all of a group share, or the one above them. */
function groupPage(inGroup: readonly CommandSpec[]): string {
  const pages = [...new Set(inGroup.map(manualPage))];
  if (pages.length === 1) return pages[0] ?? "";
  return inGroup.length > 0 ? `keyhole-${inGroup[0]?.name.split(" ")[0] ?? ""}(1)` : "keyhole(1)";
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
