import { Interrupted, UsageError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";
import { canPrompt, say } from "../io.ts";

type Confirm = (verifier: string) => Promise<boolean>;

/**
 * How `--verify` is done: the verifier is shown, and a person asked. Where
 * nobody can be asked, `--yes` must say so beforehand: afterwards the code
 * would be used up.
 *
 * @returns nothing without `--verify`
 * @throws {UsageError} USAGE_VERIFY
 */
export function readVerify(args: Arguments, canAsk = canPrompt): ((signal: AbortSignal) => Confirm) | undefined {
  if (!args.flag("verify")) return undefined;
  if (args.flag("yes")) return () => (verifier) => {
    say(`verifier: ${verifier}`);
    return Promise.resolve(true);
  };
  if (!canAsk()) throw new UsageError("USAGE_VERIFY", "--verify has nobody to ask here", { hint: "give --yes to have the verifier on standard error and go on" });
  const other = args.command.name === "invite create" ? "receiver" : "sender";
  return (signal) => inTurn((verifier) => ask(verifier, other, signal));
}

async function ask(verifier: string, other: string, signal: AbortSignal): Promise<boolean> {
  say(`verifier: ${verifier}`);
  const { promptLine } = await import("../../lib/terminal/prompt.ts");
  const answer = await promptLine(`does the ${other} have the same? [y/N] `, signal);
  if (answer === undefined) throw new Interrupted();
  return /^y(es)?$/i.test(answer.trim());
}

/** One question at a time, where many invites are issued. */
function inTurn(confirm: Confirm): Confirm {
  let last: Promise<unknown> = Promise.resolve();
  return (verifier) => {
    const answer = last.then(() => confirm(verifier));
    last = answer.catch(() => undefined);
    return answer;
  };
}
