import fc from "fast-check";
import { UsageError } from "../../src/lib/errors.ts";
import type { Arguments } from "../../src/commands/arguments.ts";
import type { CommandSpec, OptionSpec } from "../../src/commands/command-spec.ts";
import { COMMANDS, optionsOf } from "../../src/commands/table.ts";

export function commandNamed(name: string): CommandSpec {
  const command = COMMANDS.find((command) => command.name === name);
  if (command === undefined) throw new RangeError(`no command ${name}`);
  return command;
}

/** What was read from the words of a command, or the code of the error that they are. */
export function outcome(read: () => Arguments): object | string {
  try {
    return contents(read());
  } catch (error) {
    if (error instanceof UsageError) return error.code;
    throw error;
  }
}

export function contents(args: Arguments): object {
  // How often a flag was given makes no difference.
  const options = optionsOf(args.command).flatMap(({ name, value }) => (args.isGiven(name) ? [[name, value === undefined ? args.flag(name) : args.all(name)] as const] : []));
  return { command: args.command.name, positionals: args.positionals, options: Object.fromEntries(options) };
}

/** Values that other parsers take for something else. */
const value = fc.oneof(
  fc.constantFrom("", "-", "--", "-abc", "--json", "-q", "-1", "0", "010", "1e3", "0x10", "true", "false", "=", "=x", "a=b", "a b", '"q"', "'q'", "login", "__proto__", "$0", "\n", "é", "k.pub", "/tmp/x"),
  fc.string({ maxLength: 4 }),
);

const positional = value.filter((word) => !word.startsWith("-") || word === "-");

const shortsOf = (specs: readonly OptionSpec[]): readonly string[] => specs.flatMap(({ short }) => short ?? []);

/** One option as it may be written. */
function optionWords(command: CommandSpec): fc.Arbitrary<readonly string[]> {
  const options = optionsOf(command);
  const flags = shortsOf(options.filter((option) => option.value === undefined));
  const cluster = fc.array(fc.constantFrom(...flags), { maxLength: 3 }).map((letters) => letters.join(""));
  return fc.constantFrom(...options).chain((option): fc.Arbitrary<readonly string[]> => {
    const { name, short } = option;
    if (option.value === undefined) {
      const long = fc.constant([`--${name}`]);
      return short === undefined ? long : fc.oneof(long, cluster.map((letters) => [`-${letters}${short}`]));
    }
    const values = option.choices === undefined ? value : fc.oneof(fc.constantFrom(...option.choices), value);
    const long = values.chain((value) => fc.constantFrom([`--${name}`, value], [`--${name}=${value}`]));
    if (short === undefined) return long;
    const shorts = fc.tuple(cluster, values).chain(([letters, value]) => fc.constantFrom([`-${letters}${short}`, value], ...(value === "" ? [] : [[`-${letters}${short}${value}`]])));
    return fc.oneof(long, shorts);
  });
}

/** Options of a command that are written as they should be; their values need not be. */
export function optionsFor(command: CommandSpec): fc.Arbitrary<readonly string[]> {
  return fc.array(optionWords(command), { maxLength: 4 }).map((parts) => parts.flat());
}

/** Words of a command that are written as they should be. */
export function wordsFor(command: CommandSpec): fc.Arbitrary<readonly string[]> {
  const part = fc.oneof({ weight: 3, arbitrary: optionWords(command) }, { weight: 1, arbitrary: positional.map((word) => [word]) });
  const tail = fc.oneof({ weight: 3, arbitrary: fc.constant<readonly string[]>([]) }, { weight: 1, arbitrary: fc.array(value, { maxLength: 2 }).map((words) => ["--", ...words]) });
  return fc.tuple(fc.array(part, { maxLength: 4 }), tail).map(([parts, tail]) => [...parts.flat(), ...tail]);
}

/** Words of which some are no options of a command. */
export function anyWordsFor(command: CommandSpec): fc.Arbitrary<readonly string[]> {
  const options = COMMANDS.flatMap(optionsOf);
  const word = fc.oneof(
    value,
    fc.constantFrom(...options).map(({ name }) => `--${name}`),
    fc.constantFrom(...options).map(({ name }) => `--${name}=x`),
    fc.constantFrom(...shortsOf(options)).map((short) => `-${short}`),
    fc.constantFrom(...shortsOf(options)).map((short) => `-${short}x`),
    fc.constantFrom("-x", "-5", "-_", "--_", "--$0", "--no-json", "--js", "--jsonx", "--JSON", "---json", "--=", "-=", "-v-", "-kv", "--json=", "--json=false", "--key.x"),
  );
  return fc.array(fc.oneof(word.map((word) => [word]), optionWords(command)), { maxLength: 4 }).map((parts) => parts.flat());
}
