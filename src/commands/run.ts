import type { Arguments } from "./arguments.ts";
import { findCommand, parseWords } from "./command-line.ts";
import { runToExit } from "./report.ts";

/** What a command does, to its exit status. */
export type Run = (args: Arguments, env: NodeJS.ProcessEnv) => number | Promise<number>;

/**
 * Runs a line where its command is one of these and no help is asked for.
 *
 * @param commands - by name
 * @param runOther - runs any other line
 * @param isOther - lines of these commands that are to be run by that too
 * @returns the exit status
 */
export function runOr(commands: Readonly<Record<string, Run>>, argv: readonly string[], runOther: () => Promise<number>, isOther: (args: Arguments) => boolean = () => false): Promise<number> {
  const { command, words } = findCommand(argv);
  const run = command === undefined ? undefined : commands[command.name];
  return runToExit(words.includes("--json"), async () => {
    if (command === undefined || run === undefined) return runOther();
    const args = parseWords(command, words, process.env);
    return args.flag("help") || isOther(args) ? runOther() : run(args, process.env);
  });
}
