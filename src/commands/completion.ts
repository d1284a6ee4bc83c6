import { UsageError } from "../lib/errors.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "../lib/terminal/completion.ts";
import type { Arguments } from "./arguments.ts";
import { writeJson, writeResult } from "./io.ts";
import { EXIT_OK } from "./report.ts";
import { COMMANDS, optionsOf, SHELLS } from "./table.ts";

const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** keyhole completion */
export function completion(args: Arguments): number {
  const shell = SHELLS.find((name) => name === args.positionals[0]);
  if (shell === undefined) {
    throw new UsageError("USAGE_SHELL", `no completion for ${JSON.stringify(args.positionals[0])}, expected ${SHELLS.join(", ")}`, { hint: args.usageHint });
  }
  const commands = COMMANDS.map((command) => ({
    words: command.name.split(" "),
    summary: command.summary,
    takesFile: command.positionals.some(({ name }) => name === "FILE"),
    options: optionsOf(command),
  }));
  const script = SCRIPTS[shell](commands);
  if (args.flag("json")) writeJson({ shell, script });
  else writeResult(script);
  return EXIT_OK;
}
