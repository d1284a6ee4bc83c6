import yargs, { type Argv } from "yargs";
import { UsageError } from "../lib/errors.ts";
import { Arguments } from "./arguments.ts";
import { COMMANDS, optionsOf, type CommandSpec, type OptionSpec } from "./table.ts";

const WIDTH = 80;

// Every value is the text that was given; options mean what they mean to
// getopt, and to the fast parser.
const PARSER = {
  "boolean-negation": false,
  "camel-case-expansion": false,
  "dot-notation": false,
  "greedy-arrays": false,
  "nargs-eats-options": true,
  "parse-numbers": false,
  "parse-positional-numbers": false,
  "strip-aliased": true,
};

/**
 * Reads the words of a command.
 *
 * @throws {UsageError} USAGE_…
 */
export async function parseWithYargs(command: CommandSpec, words: readonly string[], env: NodeJS.ProcessEnv): Promise<Arguments> {
  const parser = withOptions(bare(), command)
    .strictOptions()
    .fail((message, error: Error | undefined) => {
      throw error ?? new UsageError("USAGE_OPTION", `${command.name}: ${lowerFirst(message)}`, { hint: `see keyhole ${command.name} --help` });
    });
  const parsed: Record<string, unknown> & { _: (string | number)[] } = await parser.parseAsync([...words]);
  const values = new Map<string, readonly string[]>();
  for (const option of optionsOf(command)) {
    const given = valuesOf(option, parsed[option.name]);
    if (given.length > 0) values.set(option.name, given);
  }
  return new Arguments(command, values, parsed._.map(String), env);
}

function valuesOf(option: OptionSpec, parsed: unknown): readonly string[] {
  if (option.value === undefined) return parsed === true || (Array.isArray(parsed) && parsed.at(-1) === true) ? [""] : [];
  if (parsed === undefined) return [];
  return (Array.isArray(parsed) ? parsed : [parsed]) as readonly string[];
}

function bare(): Argv {
  return yargs().scriptName("keyhole").parserConfiguration(PARSER).locale("en").help(false).version(false).exitProcess(false).showHelpOnFail(false).wrap(WIDTH);
}

function withOptions(parser: Argv, command: CommandSpec): Argv {
  for (const option of optionsOf(command)) {
    parser.option(option.name, {
      ...(option.short === undefined ? {} : { alias: option.short }),
      ...(option.value === undefined ? { type: "boolean" } : { type: "string", nargs: 1 }),
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

/**
 * The help of a command, or of keyhole where there is none; of a group where
 * `words` begin with its name.
 */
export async function helpFor(command: CommandSpec | undefined, words: readonly string[]): Promise<string> {
  const known = command ?? COMMANDS.find(({ name }) => name === words.slice(0, name.split(" ").length).join(" "));
  if (known === undefined) return overview(words[0]);
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

/** The name of a command's page: `keyhole-challenge(1)` serves both of its words. */
export function manualPage({ name }: CommandSpec): string {
  return `keyhole-${name.split(" ")[0] ?? name}(1)`;
}

async function overview(group: string | undefined): Promise<string> {
  const inGroup = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
  const shown = inGroup.length > 0 ? inGroup : COMMANDS;
  const parser = bare().usage("keyhole COMMAND [options]").usage("\nLets somebody in over a narrow channel.");
  for (const { name, summary } of shown) parser.command(name.replace(" ", "\u00a0"), summary);
  parser.option("help", { alias: "h", type: "boolean", describe: "show help; with a command, its own" });
  parser.option("version", { type: "boolean", describe: "show the version" });
  const examples = shown.flatMap((command) => command.examples.slice(0, 1)).slice(0, inGroup.length > 0 ? 3 : 5);
  return withExamples((await parser.getHelp()).replaceAll("\u00a0", " "), examples, "keyhole(1)");
}

/** A command that a person may have meant. */
export function nearestCommand(unknown: string): string | undefined {
  const [nearest] = COMMANDS.map(({ name }) => ({ name, distance: distance(unknown, name.split(" ")[0] ?? name) }))
    .filter(({ distance }) => distance <= 2)
    .sort((a, b) => a.distance - b.distance);
  return nearest?.name;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, character] of a.split("").entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (b[j] === character ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
