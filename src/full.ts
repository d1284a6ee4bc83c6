import { UsageError } from "./lib/errors.ts";
import type { Arguments } from "./commands/arguments.ts";
import { auditVerify } from "./commands/audit/verify.ts";
import { challengeCheck } from "./commands/challenge/check.ts";
import { challengeLint } from "./commands/challenge/lint.ts";
import { challengeNew } from "./commands/challenge/new.ts";
import { completion } from "./commands/completion.ts";
import { demo } from "./commands/demo.ts";
import { parseWords, type CommandLine } from "./commands/command-line.ts";
import { helpFor, nearestCommand } from "./commands/help.ts";
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
    const run = RUN[command.name];
    if (run === undefined) throw new RangeError(`${command.name} has no implementation`);
    return run(args);
  });
}

async function runWithoutCommand({ unknown, words }: CommandLine): Promise<number> {
  if (unknown === "help") return showHelp(words.slice(words.indexOf("help") + 1).join(" "));
  if (words.includes("--help") || words.includes("-h")) return showHelp(unknown ?? "");
  if (words.includes("--version")) {
    writeResult(`keyhole ${VERSION}\n`);
    return EXIT_OK;
  }
  if (unknown !== undefined) throw unknownCommand(unknown);
  const [option] = words;
  if (option !== undefined) throw new UsageError("USAGE_COMMAND", `${option} without a command`, { hint: "see keyhole --help" });
  say(await helpFor(""));
  return EXIT_USAGE;
}

async function showHelp(name: string): Promise<number> {
  writeResult(`${await helpFor(name)}\n`);
  return EXIT_OK;
}

function unknownCommand(unknown: string): UsageError {
  const inGroup = COMMANDS.filter(({ name }) => name.startsWith(`${unknown} `)).map(({ name }) => `keyhole ${name}`);
  if (inGroup.length > 0) {
    return new UsageError("USAGE_COMMAND", `${unknown} needs a further word`, { hint: `it is ${inGroup.join(", ")}` });
  }
  const nearest = nearestCommand(unknown);
  return new UsageError("USAGE_COMMAND", `no command ${JSON.stringify(unknown)}`, {
    hint: nearest === undefined ? "see keyhole --help" : `did you mean keyhole ${nearest}?`,
  });
}
