import type { Arguments } from "./commands/arguments.ts";
import { getAssertion } from "./commands/ctap/get-assertion.ts";
import { makeCredential } from "./commands/ctap/make-credential.ts";
import { runOr } from "./commands/run.ts";

/** The commands for security keys that scripts run, for a card outside of this process. */
export function run(argv: readonly string[]): Promise<number> {
  const commands = { "ctap make-credential": makeCredential, "ctap get-assertion": getAssertion };
  return runOr(commands, argv, async () => (await import("./full.ts")).run(argv), isRare);
}

/** The software authenticator and the recorder are larger than all that is here. */
function isRare(args: Arguments): boolean {
  return args.optional("trace") !== undefined || args.optional("device")?.startsWith("virtual:") === true;
}
