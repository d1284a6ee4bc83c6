import { FileError, KeyholeError } from "../../lib/errors.ts";
import { END, type EventName, type InviteEvent } from "../../lib/invite/events.ts";
import type { FormatName } from "../../lib/invite/formats/formats.ts";
import { encodeJsonLine, escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import { EXIT_OK, EXIT_STATUS } from "../report.ts";
import { PUBLIC_MAILBOX } from "./mailbox-url.ts";

/** Tells invites apart where there are many: the line of the payload, or a count from 1. */
export type Tag = Readonly<Record<string, number>>;

/** Where the other side comes to. */
export interface Meeting {
  readonly format: FormatName;
  readonly appid: string | undefined;
  /** Addresses of one mailbox server, the best first. */
  readonly urls: readonly [string, ...(readonly string[])];
  /** Whether it is a server of this call, so that nobody can know its address. */
  readonly isLocal: boolean;
}

/** What a person is told of an event, and what to do about it. */
interface Words {
  readonly what: string;
  /** Where a reason says all, and better. */
  readonly isReasonEnough?: true;
  readonly hint?: string;
}

const WORDS: Readonly<Record<Exclude<EventName, "code">, Words>> = {
  contacted: { what: "somebody has tried the code; nobody else can use it any more" },
  verified: { what: "it was the right code" },
  delivered: { what: "delivered" },
  "handed-over": { what: "handed over; the receiver's program does not say whether it has it" },
  "wrong-guess": { what: "somebody tried a wrong code", hint: "issue a new one; if nobody mistyped it, somebody is guessing" },
  "silent-guess": { what: "somebody tried a code and vanished", isReasonEnough: true, hint: "issue a new one; somebody may be guessing" },
  crowded: { what: "a third side came, so that nobody can use the code", hint: "issue a new one; somebody may be guessing" },
  expired: { what: "nobody has used the code in time", isReasonEnough: true, hint: "issue a new one; --ttl waits longer" },
  refused: { what: "refused" },
  lost: { what: "the invite is lost", hint: "issue a new one" },
};

/** Writes what happens to invites: codes to standard output, or events with `--json`; all else is said. */
export class EventLines {
  readonly #args: Arguments;
  readonly #meeting: Meeting;
  readonly #showQr: ((text: string) => void) | undefined;
  /** Of payloads that come line by line, the codes that wait for those before them. */
  readonly #waiting = new Map<number, string>();
  #nextLine = 1;
  #wasLimitSaid = false;

  constructor(args: Arguments, meeting: Meeting, showQr?: (text: string) => void) {
    this.#args = args;
    this.#meeting = meeting;
    this.#showQr = showQr;
  }

  /** @throws {FileError} STDOUT */
  tell(event: InviteEvent, tag: Tag = {}): void {
    try {
      this.#tell(event, tag);
    } catch (error) {
      throw error instanceof FileError && error.code === "STDOUT" && event.code !== null ? withHint(error) : error;
    }
  }

  /** There is no code for a line that holds nothing. */
  skip(tag: Tag): void {
    if (!this.#args.flag("json")) this.#write("\n", tag);
  }

  /** Somebody is there, and says nothing yet. */
  warnOfSilence(code: string | null, tag: Tag): void {
    if (this.#args.flag("quiet")) return;
    say(escapeUnsafe(`${nameOf(tag, code)}somebody has taken the number of the code and has not spoken yet; if it is not the person you mean, issue a new code`));
  }

  /** Ctrl-C, once the right one had come. */
  warnOfInterruption(code: string | null, tag: Tag): void {
    if (!this.#args.flag("quiet")) say(escapeUnsafe(`${nameOf(tag, code)}interrupted; the receiver had the right code, and may have the payload`));
  }

  /** The server makes us wait. */
  sayLimited(): void {
    if (!this.#wasLimitSaid && !this.#args.flag("quiet")) say("the mailbox server allows no more claims for now; waiting");
    this.#wasLimitSaid = true;
  }

  #tell(event: InviteEvent, tag: Tag): void {
    if (event.event === "code" && event.code !== null) return this.#announce(event.code, tag);
    if (this.#args.flag("json")) writeJson({ ...event, ...tag });
    else if (event.code === null) this.#write("\n", tag);
    else if (event.answer !== undefined) writeResult(`${encodeJsonLine(event.answer)}\n`);
    if (event.event !== "code") this.#say(event, WORDS[event.event], tag);
  }

  /** Writes what kept an invite from being issued. @returns its exit status */
  fail({ code, message, hint, kind }: KeyholeError, tag: Tag): number {
    if (this.#args.flag("json")) writeJson({ error: { code, message, hint }, ...tag });
    else this.#write("\n", tag);
    sayError(`${nameOf(tag, null)}${message}`, hint);
    return EXIT_STATUS[kind];
  }

  #announce(code: string, tag: Tag): void {
    const { urls, isLocal } = this.#meeting;
    const commands = urls.map((url) => this.#commandFor(url, code));
    const [url] = urls;
    if (this.#args.flag("json")) writeJson({ event: "code", code, url, ...(isLocal ? { urls } : {}), command: commands[0], ...tag });
    else this.#write([code, ...(isLocal ? commands : [])].map((line) => `${line}\n`).join(""), tag);
    if (!isLocal && !this.#isQuiet) say(`the receiver runs: ${escapeUnsafe(commands[0] ?? "")}`);
    this.#showQr?.(this.#uriOf(code));
  }

  /** The n-th line of the output is for the n-th payload, an empty one where there is no code. */
  #write(text: string, { line }: Tag): void {
    if (line === undefined) return text === "\n" ? undefined : writeResult(text);
    if (line >= this.#nextLine) this.#waiting.set(line, text);
    for (let next = this.#waiting.get(this.#nextLine); next !== undefined; next = this.#waiting.get(++this.#nextLine)) {
      this.#waiting.delete(this.#nextLine);
      writeResult(next);
    }
  }

  #commandFor(url: string, code: string): string {
    const { format, appid, isLocal } = this.#meeting;
    const words = ["keyhole", "invite", "accept"];
    if (isLocal || url !== PUBLIC_MAILBOX) words.push("--mailbox", url);
    if (format !== "json") words.push("--format", format);
    if (appid !== undefined) words.push("--appid", appid);
    for (const name of ["any-words", "verify"]) if (this.#args.flag(name)) words.push(`--${name}`);
    return [...words, code].map(quote).join(" ");
  }

  /**
   * What other programs read from a QR code. They have no word for other
   * applications, nor a path for the server. Source: magic-wormhole-protocols, uri-scheme.md.
   */
  #uriOf(code: string): string {
    const { format, appid, urls: [url] } = this.#meeting;
    if (!["json", "text"].includes(format) || appid !== undefined) return code;
    const uri = `wormhole-transfer:${encodeURIComponent(code)}`;
    return url === PUBLIC_MAILBOX ? uri : `${uri}?rendezvous=${encodeURIComponent(url.replace(/\/v1$/, ""))}`;
  }

  /** With `--json` the line on standard output has told. */
  get #isQuiet(): boolean {
    return this.#args.flag("quiet") || this.#args.flag("json");
  }

  #say({ event, code, reason }: InviteEvent, { what, isReasonEnough, hint }: Words, tag: Tag): void {
    const text = `${nameOf(tag, code)}${reason === undefined ? what : isReasonEnough === true ? reason : `${what}: ${reason}`}`;
    const end = END[event];
    if (end !== undefined && end !== "done") sayError(text, hint);
    else if (!this.#isQuiet) say(escapeUnsafe(text));
  }
}

/** @returns the exit status that the last event of an invite stands for */
export function statusOf({ event }: InviteEvent): number {
  const end = END[event];
  return end === undefined || end === "done" ? EXIT_OK : EXIT_STATUS[end];
}

/** Whoever reads events and stops reading ends the invite. */
function withHint({ code, message, kind, cause }: FileError): FileError {
  return new FileError(code, message, { kind, cause, hint: "the code cannot be used any more; whoever reads standard output must read it to its end" });
}

function sayError(text: string, hint: string | undefined): void {
  say(`error: ${escapeUnsafe(text)}`);
  if (hint !== undefined) say(`hint: ${escapeUnsafe(hint)}`);
}

/** `line 3, 7-guitarist-revenge: ` */
function nameOf(tag: Tag, code: string | null): string {
  const names = Object.entries(tag).map(([name, number]) => `${name} ${number}`);
  if (names.length === 0) return "";
  return `${[...names, ...(code === null ? [] : [code])].join(", ")}: `;
}

/** One word for a shell. Source: POSIX, Shell Command Language, 2.2. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
