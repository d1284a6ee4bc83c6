import { Writable } from "node:stream";

/** A person who has not answered by then has left. */
const PATIENCE_MS = 10 * 60_000;

/** Lines that come this soon after the first were pasted with it. */
const PASTE_MS = 250;

/**
 * Asks for a text that may be pasted as several lines, and reads on until it is
 * complete: what was pasted for this must not reach whoever reads next.
 *
 * @param isComplete - whether the lines so far have what was asked for; an
 *   empty line ends the text in any case
 * @returns the lines joined by newlines, or nothing on Ctrl-C, end of input, or
 *   after ten minutes
 */
export function promptText(question: string, isComplete: (text: string) => boolean): Promise<string | undefined> {
  return ask(question, { isComplete: (lines) => lines.at(-1)?.trim() === "" || isComplete(lines.join("\n")), moreMs: PASTE_MS });
}

/**
 * Asks for one line.
 *
 * @param signal - ends it as Ctrl-C does
 */
export function promptLine(question: string, signal?: AbortSignal): Promise<string | undefined> {
  return ask(question, { signal });
}

/**
 * Asks for one line, in which Tab completes.
 *
 * @param complete - what the line up to the cursor may become
 * @param signal - ends it as Ctrl-C does
 */
export function promptCompleted(question: string, complete: (typed: string) => readonly string[], signal?: AbortSignal): Promise<string | undefined> {
  return ask(question, { complete, signal });
}

/**
 * Asks for one line and does not show it.
 *
 * @param signal - ends it as Ctrl-C does
 */
export async function promptSecret(question: string, signal?: AbortSignal): Promise<string | undefined> {
  const answer = await ask(question, { isSecret: true, signal });
  process.stderr.write("\n");
  return answer;
}

/** Asks a question that only `y` or `yes` affirms. */
export async function confirm(question: string): Promise<boolean | undefined> {
  const answer = await promptLine(`${question} [y/N] `);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer.trim());
}

interface Manner {
  readonly isComplete?: (lines: readonly string[]) => boolean;
  /** How long to wait for further lines once it is complete. */
  readonly moreMs?: number;
  readonly isSecret?: boolean;
  readonly complete?: ((typed: string) => readonly string[]) | undefined;
  readonly signal?: AbortSignal | undefined;
}

function ask(question: string, { isComplete = () => true, moreMs = 0, isSecret = false, complete, signal }: Manner): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lines: string[] = [];
    const silence = new Writable({ write: (_chunk, _encoding, done) => void done() });
    // From here on the terminal itself shows nothing, so only now may the question appear.
    const completer = complete && ((typed: string): [string[], string] => [[...complete(typed)], typed]);
    const { createInterface } = process.getBuiltinModule("node:readline"); // 1 ms, and most programs that could ask do not
    const terminal = createInterface({ input: process.stdin, output: isSecret ? silence : process.stderr, terminal: true, historySize: 0, ...(completer === undefined ? {} : { completer }) });
    const show = (): void => {
      if (isSecret) process.stderr.write(question);
      terminal.setPrompt(isSecret || lines.length > 0 ? "" : question);
      terminal.prompt(true);
    };
    const patience = setTimeout(() => void terminal.close(), PATIENCE_MS);
    let end: NodeJS.Timeout | undefined;
    let isAnswered = false;
    const finish = (): void => {
      isAnswered = true;
      terminal.close();
    };
    const abort = (): void => void terminal.close();
    signal?.addEventListener("abort", abort);
    show();
    terminal.on("line", (line) => {
      if (isAnswered) return;
      lines.push(line);
      clearTimeout(end);
      terminal.setPrompt("");
      if (!isComplete(lines)) return;
      if (moreMs === 0) finish();
      // What was pasted without its last line end waits for Enter.
      else end = setTimeout(() => terminal.line === "" && finish(), moreMs);
    });
    terminal.on("SIGINT", () => void terminal.close());
    // After Ctrl-Z and fg.
    terminal.on("SIGCONT", show);
    terminal.on("close", () => {
      clearTimeout(patience);
      clearTimeout(end);
      signal?.removeEventListener("abort", abort);
      process.stdin.pause();
      if (!isAnswered && !isSecret) process.stderr.write("\n");
      resolve(isAnswered ? lines.join("\n") : undefined);
    });
  });
}
