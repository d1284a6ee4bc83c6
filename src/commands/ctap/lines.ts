/** A label and a text that is safe to show at a terminal. */
export type Line = readonly [label: string, text: string];

/** `label: text`, the texts below each other. */
export function formatLines(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(([label]) => label.length)) + 2;
  return lines.map(([label, text]) => `${`${label}:`.padEnd(width)}${text}`.trimEnd() + "\n").join("");
}
