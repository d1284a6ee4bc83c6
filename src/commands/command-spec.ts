/** One option, as the parser, `--help`, completion and the manual know it. */
export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** What the value is, say `FILE`; an option without one is a flag. */
  readonly value?: string;
  /** May be given several times. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Environment variable that stands in where the option is not given. */
  readonly env?: string;
  readonly summary: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly optional?: boolean;
}

export interface CommandSpec {
  /** One to three words. */
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
}
