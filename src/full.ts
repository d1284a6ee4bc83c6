import { UsageError } from "./lib/errors.ts";
import type { Arguments } from "./commands/arguments.ts";
import { auditVerify } from "./commands/audit/verify.ts";
import { challengeCheck } from "./commands/challenge/check.ts";
import { challengeLint } from "./commands/challenge/lint.ts";
import { challengeNew } from "./commands/challenge/new.ts";
import { completion } from "./commands/completion.ts";
import { demo } from "./commands/demo.ts";
import type { CommandLine } from "./commands/fast-parser.ts";
import { helpFor, nearestCommand, parseWithYargs } from "./commands/yargs.ts";
import { say, writeResult } from "./commands/io.ts";
import { EXIT_OK, EXIT_USAGE, runToExit } from "./commands/report.ts";
import { VERSION } from "./version.ts";

const COMMANDS: Readonly<Record<string, (args: Arguments) => number | Promise<number>>> = {
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
    const { command, unknown, words } = line;
    const end = words.indexOf("--");
    const options = words.slice(0, end < 0 ? undefined : end);
    if (options.some((word) => word === "--help" || word === "-h") || unknown === "help") {
      writeResult(`${await helpFor(command, unknown === "help" ? words.slice(1) : words)}\n`);
      return EXIT_OK;
    }
    if (command !== undefined) {
      const run = COMMANDS[command.name];
      if (run === undefined) throw new RangeError(`${command.name} has no implementation`);
      return run(await parseWithYargs(command, words, process.env));
    }
    if (options.includes("--version")) {
      writeResult(`keyhole ${VERSION}\n`);
      return EXIT_OK;
    }
    if (unknown === undefined) {
      say(await helpFor(undefined, []));
      return EXIT_USAGE;
    }
    throw unknownCommand(unknown);
  });
}

function unknownCommand(unknown: string): UsageError {
  const nearest = nearestCommand(unknown);
  return new UsageError("USAGE_COMMAND", `no command ${JSON.stringify(unknown)}`, {
    hint: nearest === undefined ? "see keyhole --help" : `did you mean keyhole ${nearest}?`,
  });
}
