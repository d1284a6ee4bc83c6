import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import * as v from "valibot";
import { KEYHOLE } from "../../support/keyhole.ts";
import type { MailboxClient } from "../../support/mailbox-client.ts";
import { installed } from "./installed.ts";
import { Program, type Command, type Ending, type ProgramOptions, type Teardown } from "./program.ts";

/** Of the formats json and text. */
export const APPID = "lothar.com/wormhole/text-or-file-xfer";

/** Above it a text goes by standard input, as Linux takes no longer argument. */
const ARGUMENT_LENGTH = 100_000;

export interface SendOptions extends ProgramOptions {
  /** Further words for its command line. */
  readonly more?: readonly string[];
}

/** A text that waits for its receiver. */
export interface Sending {
  readonly code: string;
  readonly program: Program;
}

/** A program that sends and receives texts by a code. */
export interface Peer {
  readonly name: string;
  readonly send: (t: Teardown, url: string, text: string, options?: SendOptions) => Promise<Sending>;
  readonly receive: (t: Teardown, url: string, code: string, options?: SendOptions) => Program;
  /** What it prints when it has received a text. */
  readonly prints: (text: string) => string;
  /** In what it says when the text has arrived. */
  readonly sent: RegExp;
  /** In what it says when the code was another, and the status it exits with. */
  readonly wrongCode: RegExp;
}

const CODE = /^Wormhole code is: (\S+)$/m;

/** Everything a program has written. */
export function writtenBy({ stdout, stderr }: Ending): string {
  return stdout + stderr;
}

async function startSending(t: Teardown, stream: "stdout" | "stderr", command: (textWord: string) => Command, text: string, options: ProgramOptions): Promise<Sending> {
  const isLong = text.length > ARGUMENT_LENGTH;
  const program = new Program(t, command(isLong ? "-" : text), isLong ? { ...options, input: text } : options);
  const [, code] = await program.expect(stream, CODE);
  return { code: code!, program };
}

function pythonWords(url: string): Command {
  // No transit helper: nothing here may look for one outside.
  return [installed("wormhole/bin/wormhole"), "--relay-url", url, "--transit-helper", ""];
}

export const python: Peer = {
  name: "magic-wormhole",
  send: (t, url, text, { more = [], ...options } = {}) => startSending(t, "stderr", (word) => [...pythonWords(url), "send", `--text=${word}`, ...more], text, options),
  receive: (t, url, code, { more = [], ...options } = {}) => new Program(t, [...pythonWords(url), "receive", ...more, code], options),
  prints: (text) => `${pythonRepr(text)}\n`,
  sent: /^text message sent$/m,
  wrongCode: /Key confirmation failed/,
};

export const go: Peer = {
  name: "wormhole-william",
  send: (t, url, text, { more = [], ...options } = {}) => startSending(t, "stdout", (word) => [goProgram(), "--relay-url", url, "send", `--text=${word}`, ...more], text, options),
  receive: (t, url, code, { more = [], ...options } = {}) => new Program(t, [goProgram(), "--relay-url", url, "receive", ...more, code], options),
  prints: (text) => `${text}\n`,
  sent: /^text message sent$/m,
  wrongCode: /decrypt message failed/,
};

/** Has magic-wormhole offer a file or a directory. */
export async function offerFile(t: Teardown, url: string, path: string): Promise<Sending> {
  const program = new Program(t, [...pythonWords(url), "send", path]);
  const [, code] = await program.expect("stderr", CODE);
  return { code: code!, program };
}

function goProgram(): string {
  return installed("go/wormhole-william");
}

/** Why the Go program is not there; `false` where it is. */
export function goWormholeSkipReason(): string | false {
  const reason = ".interop/go/wormhole-william-unavailable";
  return existsSync(reason) && readFileSync(reason, "utf8").trim();
}

/** The peers that are there. */
export function peers(): readonly Peer[] {
  return goWormholeSkipReason() === false ? [python, go] : [python];
}

/** Python's way to write a text so that nothing of it acts on a terminal, which `wormhole receive` prints. */
function pythonRepr(text: string): string {
  const script = "import sys; sys.stdout.buffer.write(repr(sys.stdin.buffer.read().decode())[1:-1].encode())";
  return spawnSync(installed("wormhole/bin/python"), ["-c", script], { input: text, maxBuffer: 64 * 1024 * 1024 }).stdout.toString();
}

/** How both programs of an exchange ended. */
export interface Exchange {
  readonly sent: Ending;
  readonly received: Ending;
}

/**
 * Does an exchange with the right code, and again where it is wormhole-william
 * that finds it wrong: the library it takes SPAKE2 from drops the last byte of
 * the shared point where that is zero, so that one exchange in 256 with any
 * other program fails.
 */
export async function withGo(exchange: () => Promise<Exchange>): Promise<Exchange> {
  const result = await exchange();
  return [result.sent, result.received].some((ending) => go.wrongCode.test(writtenBy(ending))) ? exchange() : result;
}

/** Does something for each case, some at a time; the results are in the order of the cases. */
export async function forEach<Case, Result>(cases: readonly Case[], act: (of: Case) => Promise<Result>): Promise<readonly (readonly [Case, Result])[]> {
  const results: (readonly [Case, Result])[] = [];
  const waiting = cases.entries();
  const work = async (): Promise<void> => {
    for (const [i, of] of waiting) results[i] = [of, await act(of)];
  };
  // They mostly wait, one for the other.
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}

/** Starts `keyhole invite` with these words. */
export function keyholeInvite(t: Teardown, words: readonly string[], options?: ProgramOptions): Program {
  return new Program(t, [process.execPath, KEYHOLE, "invite", ...words], options);
}

/** Starts `keyhole invite create --json`, and waits until there is a code. */
export async function create(t: Teardown, url: string, payload: string, more: readonly string[]): Promise<Sending> {
  const program = keyholeInvite(t, ["create", "--json", "--mailbox", url, ...more, "-"], { input: payload });
  const [, code] = await program.expect("stdout", /"event":"code","code":"([^"]+)"/);
  return { code: code!, program };
}

/** Starts `keyhole invite accept`. */
export function accept(t: Teardown, url: string, code: string, more: readonly string[], options?: ProgramOptions): Program {
  return keyholeInvite(t, ["accept", "--mailbox", url, ...more, code], options);
}

const Event = v.looseObject({ event: v.string() });

/** The events that `create --json` has told, in order. */
export function eventsOf({ stdout }: Ending): readonly v.InferOutput<typeof Event>[] {
  return stdout.split("\n").filter((line) => line !== "").map((line) => v.parse(Event, JSON.parse(line)));
}

export function eventNames(ending: Ending): readonly string[] {
  return eventsOf(ending).map(({ event }) => event);
}

const Nameplates = v.tuple([v.looseObject({ type: v.literal("nameplates"), nameplates: v.array(v.looseObject({ id: v.string() })) })]);

/** The nameplates in use, as any client is told. */
export async function listNameplates(client: MailboxClient): Promise<readonly string[]> {
  const [{ nameplates }] = v.parse(Nameplates, await client.say({ type: "list" }));
  return nameplates.map(({ id }) => id);
}
