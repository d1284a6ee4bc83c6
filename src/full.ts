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
    const { command, unknown, words } = line;
    const end = words.indexOf("--");
    const options = words.slice(0, end < 0 ? undefined : end);
    if (options.some((word) => word === "--help" || word === "-h") || unknown === "help") {
      writeResult(`${await helpFor(command, unknown === "help" ? words.slice(1) : words)}\n`);
      return EXIT_OK;
    }
    if (command !== undefined) {
      const run = RUN[command.name];
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
  const inGroup = COMMANDS.filter(({ name }) => name.startsWith(`${unknown} `)).map(({ name }) => `keyhole ${name}`);
  if (inGroup.length > 0) {
    return new UsageError("USAGE_COMMAND", `${unknown} needs a further word`, { hint: `it is ${inGroup.join(", ")}` });
  }
  const nearest = nearestCommand(unknown);
  return new UsageError("USAGE_COMMAND", `no command ${JSON.stringify(unknown)}`, {
    hint: nearest === undefined ? "see keyhole --help" : `did you mean keyhole ${nearest}?`,
  });
}
