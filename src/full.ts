import { UsageError } from "./lib/errors.ts";
import type { Arguments } from "./commands/arguments.ts";
import { auditVerify } from "./commands/audit/verify.ts";
import { challengeCheck } from "./commands/challenge/check.ts";
import { challengeLint } from "./commands/challenge/lint.ts";
import { challengeNew } from "./commands/challenge/new.ts";
import { CTAP_RUN } from "./commands/ctap/run.ts";
import { INVITE_RUN } from "./commands/invite/run.ts";
import { completion } from "./commands/completion.ts";
import { findCommand, parseWords, type CommandLine } from "./commands/command-line.ts";
import { nearest } from "./commands/nearest.ts";
import { say, writeResult } from "./commands/io.ts";
import { EXIT_OK, EXIT_USAGE, runToExit } from "./commands/report.ts";
import { COMMANDS } from "./commands/table.ts";
import { VERSION } from "./version.ts";

const RUN: Readonly<Record<string, (args: Arguments) => number | Promise<number>>> = {
  "challenge new": challengeNew,
  "challenge check": challengeCheck,
  "challenge lint": challengeLint,
  "audit verify": auditVerify,
  completion,
  // It loads what runs other processes.
  demo: async (args) => (await import("./commands/demo.ts")).demo(args),
};

/** Everything that need not start fast: help, mistakes, and the commands of persons. */
export function run(argv: readonly string[]): Promise<number> {
  const line = findCommand(argv);
  return runToExit(line.words.includes("--json"), async () => {
    const { command, words } = line;
    if (command === undefined) return runWithoutCommand(line);
    const args = parseWords(command, words, process.env);
    if (args.flag("help")) return showHelp(command.name);
    const run = RUN[command.name] ?? (await CTAP_RUN[command.name]?.()) ?? (await INVITE_RUN[command.name]?.());
    if (run === undefined) throw new RangeError(`${command.name} has no implementation`);
    return run(args);
  });
}

async function runWithoutCommand({ unknown, words }: CommandLine): Promise<number> {
  if (unknown === "help") return showHelp(words.slice(words.indexOf("help") + 1).join(" "));
  const group = unknown === undefined ? "" : groupOf(words.slice(words.indexOf(unknown)));
  if ((words.includes("--help") || words.includes("-h")) && group !== undefined) return showHelp(group);
  if (words.includes("--version")) {
    writeResult(`keyhole ${VERSION}\n`);
    return EXIT_OK;
  }
  if (unknown !== undefined) throw unknownCommand(words.slice(words.indexOf(unknown)), group ?? "");
  const [option] = words;
  if (option !== undefined) throw new UsageError("USAGE_COMMAND", `${option} without a command`, { hint: "see keyhole --help" });
  say(await help(""));
  return EXIT_USAGE;
}

async function help(name: string): Promise<string> {
  return (await import("./help.ts")).help(name);
}

async function showHelp(name: string): Promise<number> {
  writeResult(`${await help(name)}\n`);
  return EXIT_OK;
}

/** The words with which a line begins and more than one command does: `ctap`, `ctap pin`. */
function groupOf([first = "", second = ""]: readonly string[]): string | undefined {
  return [`${first} ${second}`, first].find((group) => COMMANDS.some(({ name }) => name.startsWith(`${group} `)));
}

/**
 * @param words - from where the command was expected
 * @param group - that they begin with, "" for none
 */
function unknownCommand(words: readonly string[], group: string): UsageError {
  const length = group === "" ? 0 : group.split(" ").length;
  const known = COMMANDS.map(({ name }) => name.split(" ")).filter((name) => name.slice(0, length).join(" ") === group);
  const expected = [...new Set(known.flatMap((name) => name[length] ?? []))];
  const found = words[length];
  const near = found === undefined ? undefined : nearest(found, expected);
  const here = ["keyhole", ...(group === "" ? [] : [group])].join(" ");
  const hint = near === undefined ? `see ${here} --help` : `did you mean ${here} ${near}?`;
  if (group === "") return new UsageError("USAGE_COMMAND", `no command ${JSON.stringify(found)}`, { hint });
  return new UsageError("USAGE_COMMAND", `${group} needs one of ${expected.join(", ")}${found === undefined ? "" : `, found ${JSON.stringify(found)}`}`, { hint });
}
