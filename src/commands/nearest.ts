/** The one of some words that a person may have meant. */
export function nearest(meant: string, words: readonly string[]): string | undefined {
  const [first] = words
    .map((word) => ({ word, distance: distance(meant, word) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return first?.word;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, character] of a.split("").entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (b[j] === character ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
