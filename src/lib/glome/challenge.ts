import { GlomeError } from "../errors.ts";
import { decodeUtf8, type ByteString } from "../text.ts";
import { encodeHandshake, parseHandshake, type Handshake, type Version } from "./handshake.ts";
import { parseMessage, type Message } from "./message.ts";
import type { Oddity, Request } from "./request.ts";

/** More than any challenge or text around one needs. */
export const MAX_CHALLENGE_TEXT_LENGTH = 64 * 1024;

/** One GLOME Login challenge, v1 or v2. Source: docs/glome-login.md, "Challenge request format". */
export interface Challenge extends Handshake {
  readonly version: Version;
  /** From `v1/` or `v2/` to the last slash, as it was received. */
  readonly text: string;
  readonly request: Request;
  /** What both sides tag. */
  readonly tagged: Uint8Array;
  readonly oddities: readonly Oddity[];
}

/**
 * Finds and reads the one challenge in a text: bare, in a URL, behind a
 * prompt, or on one line of pasted console output.
 *
 * @param text - the bytes as received, in the form of `byteString`
 * @throws {GlomeError} CHALLENGE_…, for everything that is not exactly one
 *   whole challenge
 */
export function parseChallengeText(text: ByteString): Challenge {
  if (text.length > MAX_CHALLENGE_TEXT_LENGTH) {
    throw new GlomeError("CHALLENGE_TOO_LONG", `text is longer than ${MAX_CHALLENGE_TEXT_LENGTH} bytes, expected one challenge`);
  }
  return parseChallenge(BARE.test(text) ? text : findChallenge(text));
}

/** Whether a text has something that may be a challenge, whole or damaged. */
export function hasChallenge(text: string): boolean {
  return /v[12]\//.test(text);
}

const HINT_WHOLE = "copy the whole challenge, from v1/ or v2/ to the last slash";

/**
 * A place where a challenge may begin. `v2/` alone may stand in any URL or host
 * name; with a handshake's worth of characters behind it, it is a challenge or
 * a damaged one.
 */
const START = /v[0-9]+\//g;
const LIKE_HANDSHAKE = /[A-Za-z0-9_=+*-]{40,}(?=\/|\s|$)/y;

/** A challenge and nothing else, which is what programs send; finding it costs as much as reading it. */
const BARE = /^v[12]\/[A-Za-z0-9_=-]{40,}\/(?:[^v\r\n]|v(?![0-9]))*$/;

const LINE_END = /\r\n|\r|\n/;

function findChallenge(text: ByteString): ByteString {
  const lines = LINE_END.test(text) ? text.split(LINE_END) : [text];
  const found = lines.flatMap((line, number) => findStarts(line).map((start) => ({ number, start, line })));
  const [first, second] = found;
  if (second !== undefined) {
    throw new GlomeError("CHALLENGE_SEVERAL", `text has ${found.length} challenges, expected one`, {
      hint: "give the last challenge that the console shows; to answer many, use --batch with one a line",
    });
  }
  if (first === undefined) return findDamaged(lines);

  if (/v[0-9]+$/.test(first.line.slice(0, first.start))) {
    throw new GlomeError("CHALLENGE_VERSION", "challenge begins with two versions, expected v1/ or v2/", { hint: HINT_WHOLE });
  }
  const challenge = first.line.slice(first.start);
  checkNotWrapped(challenge, lines.slice(first.number + 1));
  return challenge;
}

/** A terminal that breaks long lines leaves a challenge in pieces, and a piece of v1 may be one. */
function checkNotWrapped(challenge: ByteString, following: readonly ByteString[]): void {
  const next = following.map((line) => line.trim()).find((line) => line !== "");
  if (next !== undefined && (!challenge.endsWith("/") || /^\S+\/$/.test(next))) {
    throw new GlomeError("CHALLENGE_WRAPPED", "challenge seems to go on in the next line", {
      hint: "join the lines into one, without blanks between",
    });
  }
}

function findStarts(line: ByteString): readonly number[] {
  const starts: number[] = [];
  let end = 0;
  START.lastIndex = 0;
  for (let match = START.exec(line); match !== null; match = START.exec(line)) {
    LIKE_HANDSHAKE.lastIndex = START.lastIndex;
    if (match.index < end || !LIKE_HANDSHAKE.test(line)) continue;
    // The name of the host or action before it may end in "-v2"; what follows
    // is then hardly whole base64.
    const isWord = match.index > 0 && /[A-Za-z0-9_.-]/.test(line.charAt(match.index - 1));
    const isWhole = (LIKE_HANDSHAKE.lastIndex - START.lastIndex) % 4 === 0;
    if (isWord && !isWhole && starts.length > 0) continue;
    starts.push(match.index);
    end = LIKE_HANDSHAKE.lastIndex;
  }
  return starts;
}

/** Nothing looks like a whole handshake; take the nearest thing, for what its error says. */
function findDamaged(lines: readonly ByteString[]): ByteString {
  if (lines.every((line) => line.trim() === "")) {
    throw new GlomeError("CHALLENGE_EMPTY", "challenge is empty", { hint: HINT_WHOLE });
  }
  for (const [number, line] of lines.entries()) {
    const start = line.search(/v[12]\//);
    if (start < 0) continue;
    const challenge = line.slice(start);
    checkNotWrapped(challenge, lines.slice(number + 1));
    return challenge;
  }
  throw new GlomeError("CHALLENGE_NOT_FOUND", "text has no challenge, which begins with v1/ or v2/", {
    hint: lines.some((line) => /V[12]\//.test(line)) ? "the v is a small letter" : HINT_WHOLE,
  });
}

function parseChallenge(text: ByteString): Challenge {
  const version = text.startsWith("v2/") ? "v2" : "v1";
  if (!text.startsWith(`${version}/`)) {
    throw new GlomeError("CHALLENGE_VERSION", `challenge is of version ${/^v[0-9]+/.exec(text)?.[0] ?? "unknown"}, expected v1 or v2`);
  }
  checkCharacters(text);
  if (!text.endsWith("/")) {
    const tail = decodeUtf8(text.slice(Math.max(text.lastIndexOf("/") + 1, text.length - SHOWN_TAIL)));
    throw new GlomeError("CHALLENGE_END", `challenge ends with ${JSON.stringify(tail)}, expected its last slash`, {
      hint: `${HINT_WHOLE}; nothing may follow that, not even a space or a quote`,
    });
  }
  const handshakeText = text.slice(3, text.indexOf("/", 3));
  if (handshakeText === "") {
    throw new GlomeError("CHALLENGE_HANDSHAKE", "challenge has no handshake", { hint: HINT_WHOLE });
  }
  const handshake = parseHandshake(handshakeText, version);
  const message = text.slice(3 + handshakeText.length + 1, -1);
  if (message === "") {
    throw new GlomeError("CHALLENGE_SEGMENTS", "challenge has no host and no action", { hint: HINT_WHOLE });
  }
  return assemble(version, text, handshake, parseMessage(message, version));
}

/** How much of a wrong end is told. */
const SHOWN_TAIL = 24;

function checkCharacters(text: ByteString): void {
  const control = /[\x00-\x1f\x7f]/.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(2, "0");
    throw new GlomeError("CHALLENGE_CONTROL", `challenge has the control character 0x${code} after ${control.index} characters`, {
      hint: "clients escape these; the line was damaged or is not text",
    });
  }
}

function assemble(version: Version, text: ByteString, handshake: Handshake, message: Message): Challenge {
  const oddities = handshake.clientKey.isCanonical
    ? message.oddities
    : [...message.oddities, { code: "client-key", message: "the client's public key is not in its canonical form" }];
  return { version, text: decodeUtf8(text), ...handshake, request: message.request, tagged: message.tagged, oddities };
}

/** Writes a challenge. @param message - as `encodeMessage` gives it */
export function encodeChallenge(version: Version, handshake: Handshake, message: string): string {
  return `${version}/${encodeHandshake(handshake)}/${message}/`;
}
