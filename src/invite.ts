import type { Arguments } from "./commands/arguments.ts";
import { accept } from "./commands/invite/accept.ts";
import { create } from "./commands/invite/create.ts";
import { runOr } from "./commands/run.ts";

/** The commands by which two persons meet: neither is to wait for the other's program. */
export function run(argv: readonly string[]): Promise<number> {
  return runOr({ "invite create": create, "invite accept": accept }, argv, async () => (await import("./full.ts")).run(argv), isRare);
}

/** A server of one's own, and codes as pictures, are larger than all that is here. */
function isRare(args: Arguments): boolean {
  return args.command.name === "invite create" && (args.flag("local") || args.flag("qr"));
}
