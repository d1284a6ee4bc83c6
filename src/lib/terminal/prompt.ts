import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** A person who has not answered by then has left. */
const PATIENCE_MS = 10 * 60_000;

/** Lines that come this soon after the first were pasted with it. */
const PASTE_MS = 100;

/**
 * Asks for a text that may be pasted as several lines.
 *
 * @returns the lines joined by newlines, or nothing on Ctrl-C, end of input, or
 *   after ten minutes
 */
export function promptText(question: string): Promise<string | undefined> {
  return ask(question, { moreMs: PASTE_MS });
}

/** Asks for one line. */
export function promptLine(question: string): Promise<string | undefined> {
  return ask(question, { moreMs: 0 });
}

/** Asks for one line and does not show it. */
export async function promptSecret(question: string): Promise<string | undefined> {
  const answer = await ask(question, { moreMs: 0, isSecret: true });
  process.stderr.write("\n");
  return answer;
}

/** Asks a question that only `y` or `yes` affirms. */
export async function confirm(question: string): Promise<boolean | undefined> {
  const answer = await promptLine(`${question} [y/N] `);
  return answer === undefined ? undefined : /^y(es)?$/i.test(answer.trim());
}

/** @param moreMs - how long to wait for further lines after the first */
function ask(question: string, { moreMs, isSecret = false }: { readonly moreMs: number; readonly isSecret?: boolean }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lines: string[] = [];
    const silence = new Writable({ write: (_chunk, _encoding, done) => void done() });
    // From here on the terminal itself shows nothing, so only now may the question appear.
    const terminal = createInterface({ input: process.stdin, output: isSecret ? silence : process.stderr, terminal: true, historySize: 0 });
    const patience = setTimeout(() => void terminal.close(), PATIENCE_MS);
    let end: NodeJS.Timeout | undefined;
    if (isSecret) process.stderr.write(question);
    else terminal.setPrompt(question);
    terminal.prompt();
    terminal.on("line", (line) => {
      lines.push(line);
      if (moreMs === 0) terminal.close();
      else end ??= setTimeout(() => void terminal.close(), moreMs);
    });
    terminal.on("SIGINT", () => {
      lines.length = 0;
      if (!isSecret) process.stderr.write("\n");
      terminal.close();
    });
    terminal.on("close", () => {
      clearTimeout(patience);
      clearTimeout(end);
      process.stdin.pause();
      resolve(lines.length === 0 ? undefined : lines.slice(0, moreMs === 0 ? 1 : undefined).join("\n"));
    });
  });
}
