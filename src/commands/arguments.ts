import { UsageError } from "../lib/errors.ts";
import type { CommandSpec, OptionSpec } from "./command-spec.ts";
import { optionsOf } from "./table.ts";

/** Option values by name, in the order given; a flag that was given has the value "". */
export type OptionValues = ReadonlyMap<string, readonly string[]>;

/**
 * The words of one command line, checked against the table, with environment
 * and defaults filled in. Where help is asked for, nothing is checked.
 */
export class Arguments {
  readonly command: CommandSpec;
  readonly positionals: readonly string[];
  readonly #values: OptionValues;
  readonly #env: NodeJS.ProcessEnv;

  /** @throws {UsageError} USAGE_POSITIONALS, USAGE_CHOICE */
  constructor(command: CommandSpec, values: OptionValues, positionals: readonly string[], env: NodeJS.ProcessEnv) {
    this.command = command;
    this.positionals = positionals;
    this.#values = values;
    this.#env = env;
    if (values.has("help")) return;
    this.#checkPositionals();
    for (const option of optionsOf(command)) this.#checkChoice(option);
  }

  flag(name: string): boolean {
    this.#spec(name);
    return this.#values.has(name);
  }

  /** The last of several, as getopt users expect; nothing where there is none. */
  optional(name: string): string | undefined {
    const spec = this.#spec(name);
    return this.#values.get(name)?.at(-1) ?? this.#fromEnv(spec) ?? spec.default;
  }

  /** @throws {UsageError} USAGE_MISSING */
  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined) throw new UsageError("USAGE_MISSING", `${this.command.name} needs --${name} ${this.#spec(name).value ?? ""}`.trimEnd(), { hint: this.usageHint });
    return value;
  }

  all(name: string): readonly string[] {
    this.#spec(name);
    return this.#values.get(name) ?? [];
  }

  /** Whether it stands on the command line, not in the environment. */
  isGiven(name: string): boolean {
    return this.#values.has(name);
  }

  /**
   * A number in plain decimal. google/glome's C tool reads 010 as 8 and its
   * Rust tool as 10, so neither sign nor leading zero is taken.
   *
   * @throws {UsageError} USAGE_NUMBER
   */
  number(name: string, min: number, max: number): number {
    const text = this.required(name);
    const value = Number(text);
    const isDecimal = /^(0|[1-9][0-9]*)$/.test(text);
    if (!isDecimal || value < min || value > max) {
      throw new UsageError("USAGE_NUMBER", `--${name} is ${JSON.stringify(text)}, expected a decimal number from ${min} to ${max}`, {
        hint: isDecimal ? this.usageHint : "without sign, leading zero or exponent",
      });
    }
    return value;
  }

  get usageHint(): string {
    return `see keyhole ${this.command.name} --help`;
  }

  #spec(name: string): OptionSpec {
    const spec = optionsOf(this.command).find((option) => option.name === name);
    if (spec === undefined) throw new RangeError(`${this.command.name} has no option ${name}`);
    return spec;
  }

  #fromEnv(spec: OptionSpec): string | undefined {
    const value = spec.env === undefined ? undefined : this.#env[spec.env];
    return value === "" ? undefined : value;
  }

  #checkPositionals(): void {
    const specs = this.command.positionals;
    const missing = specs.slice(this.positionals.length).find(({ optional }) => optional !== true);
    if (missing !== undefined) {
      throw new UsageError("USAGE_POSITIONALS", `${this.command.name} needs ${missing.name}`, { hint: this.usageHint });
    }
    const extra = this.positionals[specs.length];
    if (extra !== undefined) {
      throw new UsageError("USAGE_POSITIONALS", `${this.command.name} takes no further word, found ${JSON.stringify(extra)}`, { hint: this.usageHint });
    }
  }

  #checkChoice(option: OptionSpec): void {
    if (option.choices === undefined) return;
    const value = this.optional(option.name);
    if (value !== undefined && !option.choices.includes(value)) {
      throw new UsageError("USAGE_CHOICE", `--${option.name} is ${JSON.stringify(value)}, expected ${option.choices.join(" or ")}`, { hint: this.usageHint });
    }
  }
}
