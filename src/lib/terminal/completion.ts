/** What a shell needs to know of a command. */
export interface CompletedCommand {
  /** One to three words. */
  readonly words: readonly string[];
  readonly summary: string;
  /** Whether its own words are file names. */
  readonly takesFile: boolean;
  readonly options: readonly CompletedOption[];
}

export interface CompletedOption {
  readonly name: string;
  readonly short?: string;
  /** What the value is; `FILE`, `DIR` and others that may be a file complete to names. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly summary: string;
}

type Commands = readonly CompletedCommand[];

/** Where a credential or a database is asked for, a file may hold it. */
const isPath = (value: string | undefined): boolean => value !== undefined && ["FILE", "DIR", "SALTFILE", "CREDENTIAL", "DB"].includes(value);
const unique = (words: readonly string[]): readonly string[] => [...new Set(words)];

/** Every beginning of so many words that more words follow: of `ctap pin set`, `ctap` and `ctap pin`. */
const groups = (commands: Commands, length: number): readonly string[] => unique(commands.filter(({ words }) => words.length > length).map(({ words }) => words.slice(0, length).join(" ")));

interface NextWord {
  readonly word: string;
  /** Of the command; of a group, its words. */
  readonly summary: string;
}

/** The words that may follow those of a group; that of all commands is "". */
function nextWords(commands: Commands, group: string): readonly NextWord[] {
  const length = group === "" ? 0 : group.split(" ").length;
  const within = commands.filter(({ words }) => words.length > length && words.slice(0, length).join(" ") === group);
  return unique(within.map(({ words }) => words[length] ?? "")).map((word) => {
    const [first, ...others] = within.filter(({ words }) => words[length] === word);
    const isGroup = others.length > 0 || first?.words.length !== length + 1;
    return { word, summary: isGroup ? nextWords(commands, `${group} ${word}`.trim()).map(({ word }) => word).join(", ") : first.summary };
  });
}

const joined = (words: readonly NextWord[]): string => words.map(({ word }) => word).join(" ");
const spellings = ({ name, short }: CompletedOption): readonly string[] => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];

/** A name may have blanks in it. */
const FILES = 'mapfile -t COMPREPLY < <(compgen -f -- "$word")';

/** Source: bash(1), "Programmable Completion". */
export function bashCompletion(commands: Commands): string {
  const level = (length: number): string => {
    const names = groups(commands, length);
    const replies = names.map((group) => `      '${group}') COMPREPLY=($(compgen -W '${joined(nextWords(commands, group))}' -- "$word")); return ;;`);
    return `  case $command in ${names.map((name) => `'${name}'`).join("|")})
    if (( COMP_CWORD == ${length + 1} )); then case $command in
${replies.join("\n")}
    esac; fi
    command="$command \${COMP_WORDS[${length + 1}]}" ;;
  esac`;
  };
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
    COMPREPLY=($(compgen -W '${joined(nextWords(commands, ""))} --help --version' -- "$word"))
    return
  fi
${level(1)}
${level(2)}
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
  const described = (group: string): string => nextWords(commands, group).map(({ word, summary }) => `'${word}:${quote(summary)}'`).join(" ");
  const level = (length: number): string => {
    const names = groups(commands, length);
    return `  case $command in
${names.map((group) => `    '${group}') following=(${described(group)}) ;;`).join("\n")}
  esac
  if (( $#following )); then
    if (( CURRENT == 3 )); then _describe command following; return; fi
    command="$command \${words[3]}"
    following=()
    shift words; (( CURRENT-- ))
  fi`;
  };
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
  local -a following
  if (( CURRENT == 2 )); then
    following=(${described("")})
    _describe command following
    return
  fi
${level(1)}
${level(2)}
  shift words; (( CURRENT-- ))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _keyhole "$@"; else compdef _keyhole keyhole; fi
`;
}

/** Source: fish's complete(1) and commandline(1). */
export function fishCompletion(commands: Commands): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const within = ["", ...groups(commands, 1), ...groups(commands, 2)];
  const lines = within.flatMap((group) => {
    const condition = quote(`__keyhole_next ${group}`.trimEnd());
    return nextWords(commands, group).map(({ word, summary }) => `complete -c keyhole -n ${condition} -f -a ${word} -d ${quote(summary)}`);
  });
  for (const { words, options, takesFile } of commands) {
    const condition = quote(`__keyhole_within ${words.join(" ")}`);
    if (!takesFile) lines.push(`complete -c keyhole -n ${condition} -f`);
    for (const option of options) {
      const short = option.short === undefined ? "" : ` -s ${option.short}`;
      const value = option.value === undefined ? "" : option.choices !== undefined ? ` -x -a ${quote(option.choices.join(" "))}` : isPath(option.value) ? " -r -F" : " -x";
      lines.push(`complete -c keyhole -n ${condition} -l ${option.name}${short}${value} -d ${quote(option.summary)}`);
    }
  }
  return `# fish completion for keyhole
function __keyhole_words
  commandline -opc | tail -n +2 | string match -v -- '-*'
end
function __keyhole_next
  set -l words (__keyhole_words)
  test "$words" = "$argv"
end
function __keyhole_within
  set -l words (__keyhole_words)
  test "$words[1..$(count $argv)]" = "$argv"
end
${lines.join("\n")}
`;
}
