import { setMaxListeners } from "node:events";
import { fstatSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { FileError, KeyholeError } from "../../lib/errors.ts";
import { describeSystemError } from "../../lib/files.ts";
import type { InviteEvent } from "../../lib/invite/events.ts";
import { Gate } from "../../lib/invite/gate.ts";
import { STDIN } from "../io.ts";
import { LineCutter } from "../line-cutter.ts";
import { EXIT_OK } from "../report.ts";
import { statusOf, type EventLines, type Tag } from "./event-lines.ts";

/** Of those that wait at a time, so many that have no code yet: servers do not like to be stormed. */
const MAX_STARTING = 16;

/** A server that counts claims counts them by the minute. */
const LIMIT_PAUSE_MS = 5000;
const LIMIT_PATIENCE_MS = 120_000;

/** One of many invites. */
export interface Job {
  readonly tag: Tag;
  /**
   * Issues it to its end.
   *
   * @param signal - ends it
   * @throws {KeyholeError} where its payload cannot be used, or there is no server
   */
  readonly issue: (signal: AbortSignal, onEvent: (event: InviteEvent) => void) => Promise<InviteEvent>;
}

/**
 * Issues many invites at once. Where the server allows no more claims for now,
 * those that have no code yet wait, some minutes at most.
 *
 * @param jobsUntil - the invites; the signal ends the waiting for more of them
 * @param maxOpen - how many wait at a time; the rest begins when one of them is over
 * @returns the worst exit status
 * @throws what ends them all: {FileError} STDIN, STDOUT; the reason of the signal
 */
export async function issueMany(jobsUntil: (signal: AbortSignal) => AsyncIterable<Job> | Iterable<Job>, maxOpen: number, lines: EventLines, signal: AbortSignal): Promise<number> {
  const failing = new AbortController();
  const ending = AbortSignal.any([signal, failing.signal]);
  setMaxListeners(0, ending);
  const open = new Gate(maxOpen);
  const starting = new Gate(MAX_STARTING);
  const running: Promise<void>[] = [];
  let worst = EXIT_OK;
  const run = async ({ tag, issue }: Job, leave: () => void): Promise<void> => {
    const start = await starting.enter();
    try {
      const event = await patiently(lines, ending, () =>
        issue(ending, (event) => {
          lines.tell(event, tag);
          if (event.event === "code") start();
        }),
      );
      worst = Math.max(worst, statusOf(event));
    } catch (error) {
      if (!(error instanceof KeyholeError) || error.code === "STDOUT") throw error;
      worst = Math.max(worst, lines.fail(error, tag));
    } finally {
      start();
      leave();
    }
  };
  try {
    for await (const job of jobsUntil(ending)) {
      ending.throwIfAborted();
      const leave = await open.enter();
      running.push(run(job, leave).catch((error: unknown) => failing.abort(error)));
    }
  } catch (error) {
    failing.abort(error);
  }
  await Promise.all(running);
  ending.throwIfAborted();
  return worst;
}

/** Tries again what the server allows later. Nothing has been told of it by then. */
async function patiently(lines: EventLines, signal: AbortSignal, issue: () => Promise<InviteEvent>): Promise<InviteEvent> {
  const deadline = Date.now() + LIMIT_PATIENCE_MS;
  for (;;) {
    try {
      return await issue();
    } catch (error) {
      if (!(error instanceof KeyholeError) || error.code !== "INVITE_LIMITED" || Date.now() >= deadline) throw error;
      lines.sayLimited();
      // All come back at different times.
      await pause(LIMIT_PAUSE_MS * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
    }
  }
}

const NEWLINE = 0x0a;

/**
 * Lines of standard input, as they come, without their ends.
 *
 * @param maxLength - of a longer one this many bytes and one more
 * @throws {FileError} STDIN; the reason of the signal
 */
export async function* readLines(maxLength: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const cutter = new LineCutter(maxLength);
  const stop = (): void => void process.stdin.destroy();
  signal.addEventListener("abort", stop);
  try {
    // Of a directory Node makes an empty stream.
    if (fstatSync(STDIN).isDirectory()) throw new FileError("STDIN", "standard input cannot be read: it is a directory");
    for await (const chunk of process.stdin) yield* split(cutter.push(chunk as Buffer));
    yield* split(cutter.end());
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeyholeError) throw error;
    throw new FileError("STDIN", `standard input cannot be read: ${describeSystemError(error)}`, { cause: error });
  } finally {
    signal.removeEventListener("abort", stop);
    process.stdin.destroy();
  }
}

function* split(lines: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(NEWLINE, start);
    const end = newline < 0 ? lines.length : newline;
    yield lines.subarray(start, end);
    start = end + 1;
  }
}
