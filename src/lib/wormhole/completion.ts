import { isNameplate } from "./code.ts";
import { wordsAt } from "./word-list.ts";

/** What most codes have. */
const USUAL_WORDS = 2;

/**
 * What a code that is being typed may become with its next number or word.
 *
 * @param typed - from the start of the code to the cursor
 * @param nameplates - those that the server lists; any other can be typed all the same
 * @param words - so many words are expected; after the last one there is no `-`
 * @returns whole beginnings of codes, sorted
 */
export function completeCode(typed: string, nameplates: readonly string[], words = USUAL_WORDS): readonly string[] {
  const parts = typed.split("-");
  const place = parts.length - 1;
  const start = typed.slice(0, typed.lastIndexOf("-") + 1);
  const last = parts.at(-1) ?? "";
  // What the server lists is put on the line as it is, so it must be no more than digits.
  const candidates = place === 0 ? nameplates.filter(isNameplate) : isNameplate(parts[0] ?? "") ? wordsAt(place) : [];
  const end = place < words ? "-" : "";
  const complete = candidates.filter((candidate) => candidate.startsWith(last)).map((candidate) => `${start}${candidate}${end}`);
  return [...new Set(complete)].sort(place === 0 ? byNumber : undefined);
}

/** 2- before 10-. */
function byNumber(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : 1);
}
