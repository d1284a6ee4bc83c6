import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { cleanEnvironment, KEYHOLE } from "./keyhole.ts";

/** A person waits for a text on the screen, and then types. */
export interface Step {
  readonly expect: string;
  readonly send: string;
  /** Seconds before typing. */
  readonly pause?: number;
}

export interface Session {
  readonly status: number;
  /** All that the terminal got, with its line ends as `\n`. */
  readonly screen: string;
  /** What went into a pipe, where standard output was one. */
  readonly stdout: string;
  /** Whether the terminal was left showing what is typed. */
  readonly echo: boolean;
  /** The text that never came, if one did not. */
  readonly missed: string | null;
}

interface SessionOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Standard output is a pipe; the other two remain at the terminal. */
  readonly pipe?: boolean;
}

/** Runs keyhole at a terminal. */
export async function atTerminal(words: readonly string[], steps: readonly Step[], { cwd = tmpdir(), env = {}, pipe = false }: SessionOptions = {}): Promise<Session> {
  const job = { argv: [process.execPath, KEYHOLE, ...words], cwd, env: cleanEnvironment(cwd, { TERM: "xterm", ...env }), steps, pipe };
  const python = spawn("python3", [resolve("test/support/terminal.py")], { stdio: ["pipe", "pipe", "inherit"] });
  python.stdin.end(JSON.stringify(job));
  const session = JSON.parse(await text(python.stdout)) as Session;
  return { ...session, screen: session.screen.replaceAll("\r\n", "\n") };
}
