import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

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
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [KEYHOLE, ...words], {
    cwd: directory,
    input,
    env: cleanEnvironment(directory, env),
    timeout: TIMEOUT_MS,
    maxBuffer: 256 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { status, stdout, stderr: stderr.toString() };
}

/** Starts keyhole and leaves it running. */
export function startKeyhole(words: readonly string[], { cwd, env }: RunOptions = {}): ChildProcessWithoutNullStreams {
  const directory = cwd ?? tmpdir();
  return spawn(process.execPath, [KEYHOLE, ...words], { cwd: directory, env: cleanEnvironment(directory, env) });
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
