import { fstatSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FileError } from "../lib/errors.ts";
import { describeSystemError } from "../lib/files.ts";
import { appendAudit } from "../lib/glome/audit-log.ts";
import { MAX_CHALLENGE_TEXT_LENGTH } from "../lib/glome/challenge.ts";
import { STDIN, writeResult } from "./io.ts";
import { BatchResponder, type BatchAnswers, type BatchSetup } from "./login-batch-line.ts";
import { LineCutter } from "./line-cutter.ts";
import { EXIT_NO, EXIT_OK, runToExit } from "./report.ts";

/** Up to here threads would cost more than they bring. */
const ALONE_LENGTH = 64 * 1024;

/** Runs of lines that wait for a thread or are in one; with more, reading pauses. */
const RUNS_PER_THREAD = 2;

/**
 * keyhole login --batch
 *
 * @param audit - audit file, where one is kept
 * @returns the exit status
 */
export function answerBatch(setup: BatchSetup, audit: string | undefined, json: boolean): Promise<number> {
  return runToExit(json, async () => {
    const responders = new ResponderPool(setup);
    try {
      const hasErrors = await answerAll(responders, audit);
      return hasErrors ? EXIT_NO : EXIT_OK;
    } finally {
      process.stdin.destroy();
      await responders.close();
    }
  });
}

/**
 * Answers in the order of the questions, each as soon as it can be, the record
 * before the codes.
 *
 * @returns whether some line had no answer
 */
async function answerAll(responders: ResponderPool, audit: string | undefined): Promise<boolean> {
  let hasErrors = false;
  const finish = (answers: BatchAnswers): void => {
    if (audit !== undefined) appendAudit(audit, answers.events);
    writeResult(answers.output);
    hasErrors ||= answers.hasErrors;
  };

  // Each run is finished after the one before it. A failure ends the reading at
  // once, not when the next line comes.
  let failure: unknown;
  const unfinished: Promise<void>[] = [];
  let last = Promise.resolve();
  for await (const lines of readRuns(() => failure)) {
    last = Promise.all([responders.answer(lines), last]).then(([answers]) => finish(answers));
    last.catch((error: unknown) => {
      failure ??= error;
      process.stdin.destroy();
    });
    unfinished.push(last);
    if (unfinished.length >= responders.capacity) await unfinished.shift();
  }
  await last;
  return hasErrors;
}

/** @param failure - why the input was closed by us, if it was */
async function* readRuns(failure: () => unknown): AsyncGenerator<Uint8Array, void> {
  const cutter = new LineCutter(MAX_CHALLENGE_TEXT_LENGTH);
  try {
    // Of a directory Node makes an empty stream.
    if (fstatSync(STDIN).isDirectory()) throw new FileError("STDIN", "standard input cannot be read: it is a directory");
    for await (const chunk of process.stdin) {
      const lines = cutter.push(chunk as Buffer);
      if (lines.length > 0) yield lines;
    }
  } catch (error) {
    if (failure() !== undefined) throw failure();
    if (error instanceof FileError) throw error;
    throw new FileError("STDIN", `standard input cannot be read: ${describeSystemError(error)}`, { cause: error });
  }
  const lines = cutter.end();
  if (lines.length > 0) yield lines;
}

/** This thread at first, and one thread for each processor once there is enough to do. */
class ResponderPool {
  readonly capacity = RUNS_PER_THREAD * availableParallelism();
  readonly #setup: BatchSetup;
  readonly #alone: BatchResponder;
  readonly #threads: ResponderThread[] = [];
  #length = 0;

  constructor(setup: BatchSetup) {
    this.#setup = setup;
    this.#alone = new BatchResponder(setup);
  }

  answer(lines: Uint8Array): Promise<BatchAnswers> {
    this.#length += lines.length;
    if (this.#length <= ALONE_LENGTH) return this.#alone.answer(lines);
    while (this.#threads.length < availableParallelism()) this.#threads.push(new ResponderThread(this.#setup));
    const [first, ...others] = this.#threads;
    if (first === undefined) return this.#alone.answer(lines);
    return others.reduce((idlest, thread) => (thread.load < idlest.load ? thread : idlest), first).answer(lines);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}

class ResponderThread {
  readonly #worker: Worker;
  readonly #waiting: { readonly resolve: (answers: BatchAnswers) => void; readonly reject: (error: unknown) => void }[] = [];

  constructor(setup: BatchSetup) {
    this.#worker = new Worker(new URL("./login-batch-worker.js", import.meta.url), { workerData: setup });
    this.#worker.on("message", (answers: BatchAnswers) => this.#waiting.shift()?.resolve(answers));
    this.#worker.on("error", (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
  }

  get load(): number {
    return this.#waiting.length;
  }

  answer(lines: Uint8Array): Promise<BatchAnswers> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(lines, [lines.buffer as ArrayBuffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
