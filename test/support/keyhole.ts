import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import type { Test } from "tap";

/** The built program, as a user runs it. */
export const KEYHOLE = resolve("dist/main.cjs");

/** Longer than any command takes on a busy machine. */
const TIMEOUT_MS = 60_000;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** An environment in which nothing of the person who runs the tests counts. */
export function cleanEnvironment(home: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? "", HOME: home, XDG_CONFIG_HOME: join(home, "config"), ...more };
}

/** Runs keyhole to its end, in pipes. */
export function keyhole(words: readonly string[], options: RunOptions = {}): Outcome {
  const { stdout, ...rest } = keyholeRaw(words, options);
  return { ...rest, stdout: Buffer.from(stdout).toString() };
}

/** The same, with what it writes to standard output as bytes. */
export function keyholeRaw(words: readonly string[], { cwd, input = "", env }: RunOptions = {}): Omit<Outcome, "stdout"> & { readonly stdout: Uint8Array } {
  const directory = cwd ?? tmpdir();
  return runToEnd([process.execPath, KEYHOLE, ...words], directory, input, cleanEnvironment(directory, env));
}

export function runToEnd(command: readonly string[], cwd: string, input: string | Uint8Array, env: Readonly<Record<string, string>>): ReturnType<typeof keyholeRaw> {
  const { status, stdout, stderr, error } = spawnSync("env", withNothingElse(command, env), { cwd, input, timeout: TIMEOUT_MS, maxBuffer: 256 * 1024 * 1024 });
  // A command may end before it has read everything.
  if (error !== undefined && !("code" in error && error.code === "EPIPE")) throw error;
  return { status, stdout, stderr: stderr.toString() };
}

/** Starts keyhole and leaves it running. */
export function startKeyhole(words: readonly string[], { cwd, env }: RunOptions = {}): ChildProcessWithoutNullStreams {
  const directory = cwd ?? tmpdir();
  return spawn("env", withNothingElse([process.execPath, KEYHOLE, ...words], cleanEnvironment(directory, env)), { cwd: directory });
}

/**
 * The words of env(1) for this environment and no other: tap adds NODE_OPTIONS
 * to every process that a test starts, which would load tap into it and change
 * how it meets signals.
 */
function withNothingElse(command: readonly string[], env: Readonly<Record<string, string>>): readonly string[] {
  return ["-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...command];
}

/** What a running keyhole writes from now on, and how it ends. */
export function finish(child: ChildProcessWithoutNullStreams): Promise<Outcome & { readonly signal: NodeJS.Signals | null }> {
  const read = (stream: NodeJS.ReadableStream): Buffer[] => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    return chunks;
  };
  const stdout = read(child.stdout);
  const stderr = read(child.stderr);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => void child.kill("SIGKILL"), TIMEOUT_MS);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** Runs keyhole once for each case, as many at a time as there are processors; the outcomes are in the order of the cases. */
export async function keyholeForEach<Case>(
  cases: readonly Case[],
  commandOf: (of: Case, i: number) => readonly [words: readonly string[], options: RunOptions],
): Promise<readonly (readonly [Case, Outcome])[]> {
  const outcomes: (readonly [Case, Outcome])[] = [];
  const waiting = cases.entries();
  const work = async (): Promise<void> => {
    for (const [i, of] of waiting) {
      const [words, { input = "", ...options }] = commandOf(of, i);
      const child = startKeyhole(words, options);
      const ended = finish(child);
      // A command may end before it has read everything.
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
      outcomes[i] = [of, await ended];
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return outcomes;
}

/** Runs a script of bash in which `keyhole` is the built program. */
export function shell(script: string, { cwd, input = "", env }: RunOptions = {}): Outcome {
  const directory = cwd ?? tmpdir();
  const command = ["bash", "-c", `keyhole() { "$NODE" "$KEYHOLE" "$@"; }\n${script}`];
  const { stdout, ...rest } = runToEnd(command, directory, input, cleanEnvironment(directory, { NODE: process.execPath, KEYHOLE, ...env }));
  return { ...rest, stdout: Buffer.from(stdout).toString() };
}

/**
 * Asserts that a command failed as every one must: nothing on standard output,
 * and on standard error, last of all, what is wrong in one line and perhaps
 * what to do in another.
 */
export function checkFailure(t: Test, outcome: Outcome, status: number, error: RegExp, name = "fails with a clear error"): void {
  const lines = outcome.stderr.split("\n");
  const start = lines.findIndex((line) => line.startsWith("error: "));
  const [message, ...after] = start < 0 ? [] : lines.slice(start);
  t.match(
    { status: outcome.status, stdout: outcome.stdout, message, after: after.join("\n") },
    { status, stdout: /^$/, message: error, after: /^(hint: [^\n]+\n)?$/ },
    name,
    { stderr: outcome.stderr },
  );
}

/** Everything below a directory, by its path from there. */
export function listing(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** Writes files of these names and contents. */
export function writeFiles(directory: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(directory, name), contents, { mode: 0o600 });
}

interface Teardown {
  readonly teardown: (remove: () => void) => unknown;
}

/** A directory that is removed with the test. */
export function temporaryDirectory(t: Teardown): string {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-test-"));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
