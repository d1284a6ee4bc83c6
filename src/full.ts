import { UsageError } from "./lib/errors.ts";
import type { Arguments } from "./commands/arguments.ts";
import { auditVerify } from "./commands/audit/verify.ts";
import { challengeCheck } from "./commands/challenge/check.ts";
import { challengeLint } from "./commands/challenge/lint.ts";
import { challengeNew } from "./commands/challenge/new.ts";
import { CTAP_RUN } from "./commands/ctap/run.ts";
import { completion } from "./commands/completion.ts";
import { demo } from "./commands/demo.ts";
import { parseWords, type CommandLine } from "./commands/command-line.ts";
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
  demo,
};

/** Everything that need not start fast: help, mistakes, and the commands of persons. */
export function runFull(line: CommandLine): Promise<number> {
  return runToExit(line.words.includes("--json"), async () => {
    const { command, words } = line;
    if (command === undefined) return runWithoutCommand(line);
    const args = parseWords(command, words, process.env);
    if (args.flag("help")) return showHelp(command.name);
    const run = RUN[command.name] ?? (await CTAP_RUN[command.name]?.());
    if (run === undefined) throw new RangeError(`${command.name} has no implementation`);
    return run(args);
  });
}

async function runWithoutCommand({ unknown, words }: CommandLine): Promise<number> {
  if (unknown === "help") return showHelp(words.slice(words.indexOf("help") + 1).join(" "));
  const isGroup = COMMANDS.some(({ name }) => name.startsWith(`${unknown ?? ""} `));
  if ((words.includes("--help") || words.includes("-h")) && (unknown === undefined || isGroup)) return showHelp(unknown ?? "");
  if (words.includes("--version")) {
    writeResult(`keyhole ${VERSION}\n`);
    return EXIT_OK;
  }
  if (unknown !== undefined) throw unknownCommand(unknown, words.slice(words.indexOf(unknown) + 1));
  const [option] = words;
  if (option !== undefined) throw new UsageError("USAGE_COMMAND", `${option} without a command`, { hint: "see keyhole --help" });
  say(await help(""));
  return EXIT_USAGE;
}

/** Only here, as yargs takes longer to load than most commands to run. */
async function help(name: string): Promise<string> {
  const { helpFor } = await import("./commands/help.ts");
  return helpFor(name);
}

async function showHelp(name: string): Promise<number> {
  writeResult(`${await help(name)}\n`);
  return EXIT_OK;
}

function unknownCommand(unknown: string, [further]: readonly string[]): UsageError {
  const group = COMMANDS.map(({ name }) => name.split(" ")).flatMap(([first, second]) => (first === unknown && second !== undefined ? [second] : []));
  if (group.length > 0) {
    const found = further === undefined ? "" : `, found ${JSON.stringify(further)}`;
    return new UsageError("USAGE_COMMAND", `${unknown} needs one of ${group.join(", ")}${found}`, { hint: `see keyhole ${unknown} --help` });
  }
  const near = nearest(unknown, [...new Set(COMMANDS.map(({ name }) => name.split(" ")[0] ?? name))]);
  return new UsageError("USAGE_COMMAND", `no command ${JSON.stringify(unknown)}`, {
    hint: near === undefined ? "see keyhole --help" : `did you mean keyhole ${near}?`,
  });
}
