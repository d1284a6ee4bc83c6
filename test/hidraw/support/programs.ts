import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import assert from "node:assert/strict";

// Programs in the emulated machine, which is some ten times slower than this one.

const KEYHOLE = "/keyhole/dist/main.cjs";

/** Longer than any program takes there that does not wait for a person. */
const TIMEOUT_MS = 60_000;

/** Without any rights of its own. */
export const NOBODY = 65_534;

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface RunOptions {
  readonly input?: string;
  /** As whom. */
  readonly uid?: number;
}

/** A program that runs. */
export class Running {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #begin = performance.now();
  #stdout = "";
  #stderr = "";
  readonly #outcome: Promise<Outcome>;

  constructor([program = "", ...words]: readonly string[], { input = "", uid = 0 }: RunOptions) {
    // In a session of its own, it has no terminal to ask for a PIN.
    this.#process = spawn(program, words, { uid, gid: uid, detached: true, cwd: "/tmp", env: { PATH: "/bin", HOME: "/tmp" } });
    this.#process.stdout.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
    this.#process.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    // It may end before it has read everything.
    this.#process.stdin.on("error", () => undefined);
    this.#process.stdin.end(input);
    this.#outcome = once(this.#process, "close").then(([status]) => ({ status: status as number | null, stdout: this.#stdout, stderr: this.#stderr, durationMs: performance.now() - this.#begin }));
  }

  /** Waits for a text on either of its outputs. */
  async says(text: RegExp): Promise<RegExpExecArray> {
    const end = performance.now() + TIMEOUT_MS;
    for (;;) {
      const found = text.exec(this.#stdout) ?? text.exec(this.#stderr);
      if (found !== null) return found;
      assert.ok(performance.now() < end && this.#process.exitCode === null, `it says ${this.#stdout}${this.#stderr}, expected ${text.source}`);
      await delay(20);
    }
  }

  /** Ends a program, or sees it end. */
  async end(signal?: NodeJS.Signals): Promise<Outcome> {
    if (signal !== undefined) this.#process.kill(signal);
    const timer = setTimeout(() => void this.#process.kill("SIGKILL"), TIMEOUT_MS);
    const outcome = await this.#outcome;
    clearTimeout(timer);
    return outcome;
  }
}

export function start(command: readonly string[], options: RunOptions = {}): Running {
  return new Running(command, options);
}

export function startKeyhole(words: readonly string[], options: RunOptions = {}): Running {
  return start([process.execPath, KEYHOLE, ...words], options);
}

/** Runs `keyhole` to its end. */
export function keyhole(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return startKeyhole(words, options).end();
}

/** Runs a program that must do well, and gives what it prints. */
export async function output(command: readonly string[], options: RunOptions = {}): Promise<string> {
  return checked(command, await start(command, options).end());
}

/** The same for `keyhole`, with the one object of --json. */
export async function keyholeJson(words: readonly string[], options: RunOptions = {}): Promise<unknown> {
  return JSON.parse(await output([process.execPath, KEYHOLE, ...words, "--json"], options));
}

function checked(words: readonly string[], { status, stdout, stderr }: Outcome): string {
  assert.equal(status, 0, `${words.join(" ")} ended with ${status}: ${stdout}${stderr}`);
  return stdout;
}
