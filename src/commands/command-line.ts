import { UsageError } from "../lib/errors.ts";
import { Arguments } from "./arguments.ts";
import { nearest } from "./nearest.ts";
import type { CommandSpec, OptionSpec } from "./command-spec.ts";
import { COMMANDS, COMMON_OPTIONS, optionsOf } from "./table.ts";

/** A command line cut into the command's words and the others, which keep their order. */
export interface CommandLine {
  readonly command: CommandSpec | undefined;
  /** What stands where the command was expected, if it is none. */
  readonly unknown: string | undefined;
  readonly words: readonly string[];
}

const EVERY_OPTION = [...COMMON_OPTIONS, ...COMMANDS.flatMap(({ options }) => options)];

/**
 * Finds the command; options may stand before it, as their table says whether
 * a value follows. Where a name takes a value in one command and none in
 * another, the reading that leads to a command counts.
 */
export function findCommand(argv: readonly string[]): CommandLine {
  const line = findAfter(argv, skipOptions(argv, EVERY_OPTION));
  if (line.command !== undefined) return line;
  const neverFlags = EVERY_OPTION.filter((option) => EVERY_OPTION.every(({ name, value }) => value !== undefined || name !== option.name));
  const other = findAfter(argv, skipOptions(argv, neverFlags));
  return other.command === undefined ? line : other;
}

/** @returns where the options before the command end */
function skipOptions(argv: readonly string[], options: readonly OptionSpec[]): number {
  let start = 0;
  for (; start < argv.length; start++) {
    const word = argv[start] ?? "";
    if (word === "--" || !isOptionWord(word)) break;
    if (takesNextWord(word, options)) start++;
  }
  return start;
}

function findAfter(argv: readonly string[], start: number): CommandLine {
  const [first, second, third] = argv.slice(start);
  const named = (...words: readonly (string | undefined)[]): CommandSpec | undefined => COMMANDS.find(({ name }) => name === words.join(" "));
  const command = named(first, second, third) ?? named(first, second) ?? named(first);
  if (command === undefined) return { command, unknown: first, words: argv };
  const words = [...argv.slice(0, start), ...argv.slice(start + command.name.split(" ").length)];
  return { command, unknown: undefined, words };
}

function isOptionWord(word: string): boolean {
  return word.length > 1 && word.startsWith("-");
}

/** `--key` and `-qk`, but neither `--key=FILE` nor `-kFILE`. */
function takesNextWord(word: string, options: readonly OptionSpec[]): boolean {
  if (word.startsWith("--")) return options.some(({ name, value }) => value !== undefined && word === `--${name}`);
  const letters = word.slice(1).split("");
  const first = letters.findIndex((letter) => options.some(({ short, value }) => value !== undefined && short === letter));
  return first >= 0 && first === letters.length - 1;
}

/**
 * Reads the words of a command as getopt_long does: `--key FILE`,
 * `--key=FILE`, `-k FILE`, `-kFILE`, `-qv`, options and others in any order,
 * `--` ends the options. The word after an option that takes a value is the
 * value, whatever it begins with: a tag may begin with `-`.
 *
 * @throws {UsageError} USAGE_…
 */
export function parseWords(command: CommandSpec, words: readonly string[], env: NodeJS.ProcessEnv): Arguments {
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      positionals.push(...rest);
      break;
    }
    if (!isOptionWord(word)) positionals.push(word);
    else if (word.startsWith("--")) parseLong(command, word, rest, values);
    else parseShort(command, word, rest, values);
  }
  return new Arguments(command, values, positionals, env);
}

function parseLong(command: CommandSpec, word: string, rest: string[], values: Map<string, string[]>): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const option = optionsOf(command).find((spec) => spec.name === name);
  if (option === undefined) throw unknownOption(command, `--${name}`);
  if (option.value === undefined) {
    if (equals >= 0) throw new UsageError("USAGE_OPTION", `option --${name} takes no value`, { hint: `see keyhole ${command.name} --help` });
    add(values, option, "");
  } else {
    add(values, option, equals >= 0 ? word.slice(equals + 1) : nextWord(option, rest));
  }
}

function parseShort(command: CommandSpec, word: string, rest: string[], values: Map<string, string[]>): void {
  for (let i = 1; i < word.length; i++) {
    const letter = word.charAt(i);
    const option = optionsOf(command).find((spec) => spec.short === letter);
    if (option === undefined) throw unknownOption(command, `-${letter}`);
    if (option.value !== undefined) {
      add(values, option, i + 1 < word.length ? word.slice(i + 1) : nextWord(option, rest));
      return;
    }
    add(values, option, "");
  }
}

function nextWord(option: OptionSpec, rest: string[]): string {
  const word = rest.shift();
  if (word === undefined) throw new UsageError("USAGE_OPTION", `option --${option.name} needs a value: ${option.value ?? ""}`);
  return word;
}

function add(values: Map<string, string[]>, option: OptionSpec, value: string): void {
  values.set(option.name, [...(values.get(option.name) ?? []), value]);
}

function unknownOption(command: CommandSpec, option: string): UsageError {
  const near = option.startsWith("--") ? nearest(option.slice(2), optionsOf(command).map(({ name }) => name)) : undefined;
  return new UsageError("USAGE_OPTION", `${command.name} has no option ${option}`, {
    hint: near === undefined ? `see keyhole ${command.name} --help` : `did you mean --${near}?`,
  });
}
