/** What a shell needs to know of a command. */
export interface CompletedCommand {
  /** One or two words. */
  readonly words: readonly string[];
  readonly summary: string;
  /** Whether its own words are file names. */
  readonly takesFile: boolean;
  readonly options: readonly CompletedOption[];
}

export interface CompletedOption {
  readonly name: string;
  readonly short?: string;
  /** What the value is; `FILE` and `DIR` complete to names. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly summary: string;
}

type Commands = readonly CompletedCommand[];

const isPath = (value: string | undefined): boolean => value === "FILE" || value === "DIR";
const firstWords = (commands: Commands): readonly string[] => [...new Set(commands.map(({ words }) => words[0] ?? ""))];
const groups = (commands: Commands): readonly string[] => firstWords(commands).filter((word) => commands.some(({ words }) => words[0] === word && words.length > 1));
const spellings = ({ name, short }: CompletedOption): readonly string[] => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];

/** A name may have blanks in it. */
const FILES = 'mapfile -t COMPREPLY < <(compgen -f -- "$word")';

/** Source: bash(1), "Programmable Completion". */
export function bashCompletion(commands: Commands): string {
  const secondWords = groups(commands).map((group) => {
    const words = commands.flatMap(({ words: [first, second] }) => (first === group && second !== undefined ? [second] : []));
    return `      ${group}) COMPREPLY=($(compgen -W '${words.join(" ")}' -- "$word")); return ;;`;
  });
  const cases = commands.map(({ words, options, takesFile }) => {
    const values = options
      .filter(({ value }) => value !== undefined)
      .map((option) => {
        const reply = option.choices !== undefined ? `COMPREPLY=($(compgen -W '${option.choices.join(" ")}' -- "$word"))` : isPath(option.value) ? FILES : "COMPREPLY=()";
        return `        ${spellings(option).join("|")}) ${reply}; return ;;`;
      });
    const names = options.map(({ name }) => `--${name}`).join(" ");
    return `    '${words.join(" ")}')
      case $previous in
${values.join("\n")}
      esac
      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '${names}' -- "$word"))
      else ${takesFile ? FILES : "COMPREPLY=()"}; fi ;;`;
  });
  return `# bash completion for keyhole
_keyhole() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    COMPREPLY=($(compgen -W '${firstWords(commands).join(" ")} --help --version' -- "$word"))
    return
  fi
  case $command in ${groups(commands).join("|")})
    if (( COMP_CWORD == 2 )); then case $command in
${secondWords.join("\n")}
    esac; fi
    command="$command \${COMP_WORDS[2]}" ;;
  esac
  case $command in
${cases.join("\n")}
  esac
}
complete -o filenames -F _keyhole keyhole
`;
}

/** Source: zshcompsys(1), `_arguments` and `_describe`. */
export function zshCompletion(commands: Commands): string {
  const quote = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
  const described = (entries: readonly (readonly [string, string])[]): string => entries.map(([word, summary]) => `'${word}:${quote(summary)}'`).join(" ");
  const first = firstWords(commands).map((word) => [word, commands.find(({ words }) => words[0] === word)?.summary ?? ""] as const);
  const secondWords = groups(commands).map((group) => {
    const entries = commands.flatMap(({ words: [one, two], summary }) => (one === group && two !== undefined ? [[two, summary] as const] : []));
    return `    ${group}) words_of_group=(${described(entries)}) ;;`;
  });
  const cases = commands.map(({ words, options, takesFile }) => {
    const specs = options.flatMap((option) => {
      const value = option.value === undefined ? "" : `:${option.value}:${option.choices !== undefined ? `(${option.choices.join(" ")})` : isPath(option.value) ? "_files" : ""}`;
      return spellings(option).map((spelling) => `'*${spelling}[${quote(option.summary)}]${value}'`);
    });
    return `    '${words.join(" ")}') _arguments ${specs.join(" ")}${takesFile ? " '*:file:_files'" : ""} ;;`;
  });
  return `#compdef keyhole
_keyhole() {
  local command=\${words[2]}
  local -a words_of_group
  if (( CURRENT == 2 )); then
    local -a commands=(${described(first)})
    _describe command commands
    return
  fi
  case $command in
${secondWords.join("\n")}
  esac
  if (( $#words_of_group )); then
    if (( CURRENT == 3 )); then _describe command words_of_group; return; fi
    command="$command \${words[3]}"
    shift words; (( CURRENT-- ))
  fi
  shift words; (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _keyhole "$@"; else compdef _keyhole keyhole; fi
`;
}

/** Source: fish's complete(1). */
export function fishCompletion(commands: Commands): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const first = firstWords(commands);
  const lines = first.map((word) => {
    const summary = commands.find(({ words }) => words[0] === word)?.summary ?? "";
    return `complete -c keyhole -n __fish_use_subcommand -f -a ${word} -d ${quote(summary)}`;
  });
  for (const { words, summary, options, takesFile } of commands) {
    const [one = "", two] = words;
    const others = commands.flatMap((other) => (other.words[0] === one && other.words[1] !== undefined ? [other.words[1]] : []));
    const seen = `__fish_seen_subcommand_from ${one}`;
    if (two !== undefined) lines.push(`complete -c keyhole -n ${quote(`${seen}; and not __fish_seen_subcommand_from ${others.join(" ")}`)} -f -a ${two} -d ${quote(summary)}`);
    const condition = quote(two === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${two}`);
    if (!takesFile) lines.push(`complete -c keyhole -n ${condition} -f`);
    for (const option of options) {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const value = option.value === undefined ? "" : option.choices !== undefined ? ` -x -a ${quote(option.choices.join(" "))}` : isPath(option.value) ? " -r -F" : " -x";
      lines.push(`complete -c keyhole -n ${condition} -l ${option.name}${short}${value} -d ${quote(option.summary)}`);
    }
  }
  return `# fish completion for keyhole\n${lines.join("\n")}\n`;
}
