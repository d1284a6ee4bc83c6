import { randomBytes } from "node:crypto";
import { editDistance } from "../edit-distance.ts";
import { WormholeError } from "../errors.ts";
import { wordsAt } from "./word-list.ts";

/** What one side tells the other: `7-guitarist-revenge`. */
export interface Code {
  /** All of it, as it goes into the key agreement: in NFC, else as it was typed. */
  readonly text: string;
  /** What leads to the mailbox; no secret. */
  readonly nameplate: string;
  readonly password: string;
}

const MAX_CODE_LENGTH = 1000;
/** The server's. */
const MAX_NAMEPLATE_LENGTH = 40;

/**
 * Takes what magic-wormhole takes, but for a code that has no password or
 * other blanks than it knows. Nothing is repaired: the other side has what was
 * typed there, and one guess is all that there is.
 *
 * Messages do not repeat the code, which is a secret while it lives.
 *
 * @throws {WormholeError} WORMHOLE_CODE
 */
export function parseCode(text: string): Code {
  if (text === "") throw codeError("the code is empty");
  if (text.length > MAX_CODE_LENGTH) throw codeError(`the code has ${text.length} characters, expected at most ${MAX_CODE_LENGTH}`);
  if (/^\s|\s$/.test(text)) throw codeError("the code has a blank or line end before or after it", "give the code alone, as 7-guitarist-revenge");
  if (/\s/.test(text)) throw codeError("the code has a blank in it", "words are joined by -, as in 7-guitarist-revenge");
  if (/[\0-\x1f\x7f-\x9f]/.test(text) || !text.isWellFormed()) throw codeError("the code has a control character in it, or is not Unicode text");
  const end = text.indexOf("-");
  if (end < 0) throw noHyphenError(text);
  const nameplate = text.slice(0, end);
  if (!isNameplate(nameplate)) throw nameplateError(nameplate);
  const password = text.slice(end + 1).normalize("NFC");
  if (password === "") throw codeError("the code ends after its number, expected words");
  return { text: `${nameplate}-${password}`, nameplate, password };
}

/** Whether it can be the number that a code begins with; leading zeros count. */
export function isNameplate(text: string): boolean {
  return text.length <= MAX_NAMEPLATE_LENGTH && /^[0-9]+$/.test(text);
}

function nameplateError(nameplate: string): WormholeError {
  if (nameplate === "") return codeError("the code begins with -, expected a number");
  if (nameplate.length > MAX_NAMEPLATE_LENGTH) return codeError(`the code begins with ${nameplate.length} characters before the first -, expected a number of at most ${MAX_NAMEPLATE_LENGTH} digits`);
  return codeError("the code does not begin with a number, in digits 0 to 9");
}

/** Programs for writing like to make other dashes of a hyphen. */
function noHyphenError(text: string): WormholeError {
  const dash = /\p{Pd}/u.exec(text)?.[0];
  if (dash === undefined) return codeError("the code has no -, expected a number, a - and words");
  return codeError(`the code is joined by ${dash}, expected the hyphen-minus -`, "type the code by hand");
}

function codeError(found: string, hint = "a code looks like 7-guitarist-revenge"): WormholeError {
  return new WormholeError("WORMHOLE_CODE", found, { hint });
}

/** Joins what the server gave and what only the two sides know. */
export function joinCode(nameplate: string, password: string): Code {
  return parseCode(`${nameplate}-${password}`);
}

/**
 * Chooses words by chance, each of 8 bits.
 *
 * @param words - how many, from 1
 */
export function makePassword(words: number, random: (length: number) => Uint8Array = randomBytes): string {
  return Array.from(random(words), (byte, i) => wordsAt(i + 1)[byte]).join("-");
}

/** A word that the program that makes codes would not have put there. */
export interface UnknownWord {
  /** 1 for the first word after the nameplate. */
  readonly place: number;
  readonly word: string;
  /** In none of the two lists, or in the one whose turn it is not. */
  readonly reason: "unknown" | "misplaced";
  /** Words that may have been meant, the likeliest first. */
  readonly nearest: readonly string[];
}

/** @returns nothing where every word is one of the list whose turn it is */
export function findUnknownWords(password: string): readonly UnknownWord[] {
  return splitWords(password).flatMap((word, i): readonly UnknownWord[] => {
    const place = i + 1;
    if (wordsAt(place).includes(word)) return [];
    if (wordsAt(place + 1).includes(word)) return [{ place, word, reason: "misplaced", nearest: nearestWords(word, wordsAt(place)) }];
    // Of words as near, those whose turn it is come first.
    return [{ place, word, reason: "unknown", nearest: nearestWords(word, [...wordsAt(place), ...wordsAt(place + 1)]) }];
  });
}

export function splitWords(password: string): readonly string[] {
  return password.split("-");
}

/**
 * Refuses a code in which a word was mistyped, left out or swapped, before it
 * costs the one guess. Those that people made up, or programs with lists of
 * their own, must not be checked.
 *
 * @throws {WormholeError} WORMHOLE_CODE_WORDS
 */
export function checkWords({ password }: Code): void {
  const unknown = findUnknownWords(password);
  if (unknown.length === 0) return;
  const isOrder = unknown.every(({ reason }) => reason === "misplaced");
  const named = unknown.slice(0, MAX_NAMED).map(describe).join("; ");
  throw new WormholeError("WORMHOLE_CODE_WORDS", unknown.length > MAX_NAMED ? `${named}; and ${unknown.length - MAX_NAMED} more` : named, {
    hint: `${isOrder ? "a word is missing, doubled or out of order" : "check the spelling"}; give --any-words if people chose the words`,
  });
}

const MAX_NAMED = 4;
const MAX_SHOWN_LENGTH = 30;

function describe({ place, word, reason, nearest }: UnknownWord): string {
  if (word === "") return `word ${place} of the code is empty`;
  const shown = JSON.stringify(word.length > MAX_SHOWN_LENGTH ? `${word.slice(0, MAX_SHOWN_LENGTH)}…` : word);
  const meant = nearest.length === 0 ? "" : `, nearest: ${nearest.join(", ")}`;
  if (reason === "unknown") return `word ${place} of the code, ${shown}, is not in the list${meant}`;
  return `word ${place} of the code, ${shown}, is in the list but never word ${place}${meant}`;
}

const MAX_NEAREST = 3;
/** Longer ones are nowhere near, and would take long to compare. */
const MAX_COMPARED_LENGTH = 30;

function nearestWords(word: string, candidates: readonly string[]): readonly string[] {
  if (word === "" || word.length > MAX_COMPARED_LENGTH) return [];
  const meant = word.normalize("NFKC").toLowerCase();
  const near = candidates
    .map((candidate) => ({ candidate, distance: editDistance(meant, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, Math.floor(candidate.length / 2)))
    .sort((a, b) => a.distance - b.distance);
  const least = near[0]?.distance ?? 0;
  return near
    .filter(({ distance }) => distance <= least + 1)
    .slice(0, MAX_NEAREST)
    .map(({ candidate }) => candidate);
}
