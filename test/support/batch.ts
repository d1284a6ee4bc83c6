import { keyhole, type RunOptions } from "./keyhole.ts";

/** One line that `keyhole login --batch` writes. */
export interface Answer {
  readonly challenge: string;
  readonly hostType?: string;
  readonly host?: string;
  readonly action?: string;
  readonly key?: string;
  readonly authcode?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export function parseAnswers(stdout: string): readonly Answer[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Answer);
}

/** Sends challenges through one `keyhole login --batch`. */
export function answerAll(challenges: readonly string[], words: readonly string[], options: RunOptions = {}): { readonly status: number | null; readonly answers: readonly Answer[] } {
  const { status, stdout } = keyhole(["login", "--batch", ...words], { ...options, input: challenges.map((challenge) => `${challenge}\n`).join("") });
  return { status, answers: parseAnswers(stdout) };
}
