import type { Arguments } from "./commands/arguments.ts";
import { findCommand, parseWords, type CommandLine } from "./commands/command-line.ts";
import { genkey } from "./commands/genkey.ts";
import { login } from "./commands/login.ts";
import { pubkey } from "./commands/pubkey.ts";
import { runToExit } from "./commands/report.ts";
import { tag } from "./commands/tag.ts";
import { verify } from "./commands/verify.ts";

// Scripts start some commands thousands of times: those run from here, with
// nothing else loaded.

type FastCommand = (args: Arguments, env: NodeJS.ProcessEnv) => Promise<number>;

const FAST: Readonly<Record<string, FastCommand>> = { genkey, pubkey, tag, verify, login };

async function main(argv: readonly string[]): Promise<number> {
  const line = findCommand(argv);
  const run = line.command === undefined ? undefined : FAST[line.command.name];
  return runToExit(line.words.includes("--json"), async () => {
    const args = run === undefined ? undefined : parse(line);
    if (run !== undefined && args?.flag("help") === false) return run(args, process.env);
    const { runFull } = await import("./full.ts");
    return runFull(line);
  });
}

function parse({ command, words }: CommandLine): Arguments {
  if (command === undefined) throw new RangeError("no command");
  return parseWords(command, words, process.env);
}

void main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
