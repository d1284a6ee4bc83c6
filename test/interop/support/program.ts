import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { tmpdir } from "node:os";
import { cleanEnvironment } from "../../support/keyhole.ts";

/** Longer than any exchange takes on a busy machine. */
const TIMEOUT_MS = 60_000;

export interface Ending {
  /** Exit status, or the signal that ended it. */
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** All of its standard input; `null` leaves it open for `type`. */
  readonly input?: string | null;
  /** A server, which ends with the test alone. */
  readonly isUnbounded?: boolean;
}

export interface Teardown {
  readonly teardown: (stop: () => void) => unknown;
}

export type Command = readonly [file: string, ...words: string[]];

/** A program that runs beside the test and ends with it at the latest. */
export class Program {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #written = { stdout: "", stderr: "" };
  #waiting: (() => void)[] = [];
  #hasEnded = false;
  /** How it ends; by `SIGABRT` where it had to be ended after a minute. */
  readonly ended: Promise<Ending>;

  constructor(t: Teardown, command: Command, { cwd = tmpdir(), env = {}, input = "", isUnbounded = false }: ProgramOptions = {}) {
    const environment = cleanEnvironment(cwd, { LC_ALL: "C.UTF-8", PYTHONUNBUFFERED: "1", ...env });
    // By env(1), as tap adds to the environment of every process that a test starts.
    this.#process = spawn("env", ["-i", ...Object.entries(environment).map(([name, value]) => `${name}=${value}`), ...command], { cwd });
    t.teardown(() => {
      this.#process.kill("SIGKILL");
    });
    this.#read("stdout");
    this.#read("stderr");
    // It may end before it has read everything.
    this.#process.stdin.on("error", () => undefined);
    if (input !== null) this.#process.stdin.end(input);
    this.ended = new Promise((resolve, reject) => {
      const timer = isUnbounded ? undefined : setTimeout(() => void this.#process.kill("SIGABRT"), TIMEOUT_MS);
      this.#process.on("error", reject);
      this.#process.on("close", (status, signal) => {
        clearTimeout(timer);
        this.#hasEnded = true;
        this.#wake();
        resolve({ status: signal ?? status, ...this.#written });
      });
    });
  }

  /** Waits until what it has written matches. */
  async expect(stream: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#written[stream]);
      if (match !== null) return match;
      if (this.#hasEnded) throw new Error(`a program ended before its ${stream} had ${String(pattern)}: ${JSON.stringify(this.#written)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.#process.stdin.write(text);
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#process.kill(signal);
  }

  #read(stream: "stdout" | "stderr"): void {
    const decoder = new TextDecoder();
    this.#process[stream].on("data", (chunk: Buffer) => {
      this.#written[stream] += decoder.decode(chunk, { stream: true });
      this.#wake();
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
