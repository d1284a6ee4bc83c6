import { editDistance } from "../lib/edit-distance.ts";

/** The one of some words that a person may have meant. */
export function nearest(meant: string, words: readonly string[]): string | undefined {
  const [first] = words
    .map((word) => ({ word, distance: editDistance(meant, word) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return first?.word;
}
