import { genkey } from "./commands/genkey.ts";
import { login } from "./commands/login.ts";
import { pubkey } from "./commands/pubkey.ts";
import { runOr } from "./commands/run.ts";
import { tag } from "./commands/tag.ts";
import { verify } from "./commands/verify.ts";

/** The commands that scripts start thousands of times, with nothing else loaded. */
export function run(argv: readonly string[]): Promise<number> {
  return runOr({ genkey, pubkey, tag, verify, login }, argv, async () => (await import("./full.ts")).run(argv));
}
