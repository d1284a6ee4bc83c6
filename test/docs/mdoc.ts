import { readFileSync } from "node:fs";

// Reads of a manual page what the tests need: sections, lists, literal blocks.
// Not a reader of mdoc(7) at large, but of the plain way these pages use it.

export interface ManualPage {
  readonly sections: readonly Section[];
  /** The section of this title; empty where there is none. */
  section(title: string): Section;
}

/** From one `.Sh` or `.Ss` to the next. */
export interface Section {
  /** Of a subsection its own, say `challenge new`. */
  readonly title: string;
  readonly lines: readonly string[];
}

export interface Item {
  /** What stands after `.It`, word by word: `Fl k , Fl -key Ar FILE`. */
  readonly head: readonly string[];
  /** What stands below, up to the next item or list. */
  readonly lines: readonly string[];
  /** The same without macros. */
  readonly text: string;
}

export function readManualPage(path: string): ManualPage {
  const sections: { title: string; lines: string[] }[] = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const title = /^\.S[hs] (.*)/.exec(line)?.[1];
    if (title !== undefined) sections.push({ title, lines: [] });
    else sections.at(-1)?.lines.push(line);
  }
  return {
    sections,
    section: (title) => sections.find((section) => section.title === title) ?? { title, lines: [] },
  };
}

/** Each list of the section, an inner one after the list that it is in. */
export function listsOf({ lines }: Section): readonly (readonly Item[])[] {
  const lists: { head: readonly string[]; lines: string[] }[][] = [];
  const open: (typeof lists)[number][] = [];
  for (const line of lines) {
    const list = open.at(-1);
    if (line.startsWith(".Bl ")) {
      const inner: (typeof lists)[number] = [];
      lists.push(inner);
      open.push(inner);
    } else if (line === ".El") open.pop();
    else if (line.startsWith(".It")) list?.push({ head: line.split(" ").slice(1), lines: [] });
    else list?.at(-1)?.lines.push(line);
  }
  return lists.map((list) => list.map(({ head, lines }) => ({ head, lines, text: plainText(lines) })));
}

/** The names after a macro in heads of items: `Va` of `.It Va host , action` gives both. */
export function namesOf(items: readonly Item[], macro: string): readonly string[] {
  return items.flatMap(({ head }) => (head[0] === macro ? head.slice(1).filter((word) => word !== ",") : []));
}

/** Running text without macros; options as they are typed. */
export function plainText(lines: readonly string[]): string {
  const words = lines.flatMap((line) => (line.startsWith(".") ? line.slice(1).split(" ").flatMap(plainWord) : [unescape(line)]));
  return words.join(" ").replace(/ (?=[.,;:)])/g, "");
}

function plainWord(word: string, i: number, words: readonly string[]): readonly string[] {
  if (words[i - 1] === "Fl") return [`-${unescape(word)}`];
  return /^[A-Z][a-z]$/.test(word) ? [] : [unescape(word)];
}

/** The contents of each `.Bd -literal`, as a reader sees them. */
export function literalBlocks({ lines }: Section): readonly string[] {
  return rawLiteralBlocks(lines).map((block) => block.map(unescape).join("\n"));
}

/** The same as they stand in the source. */
export function rawLiteralBlocks(lines: readonly string[]): readonly (readonly string[])[] {
  const blocks: string[][] = [];
  let isInside = false;
  for (const line of lines) {
    if (line.startsWith(".Bd -literal")) blocks.push([]);
    else if (isInside && line !== ".Ed") blocks.at(-1)?.push(line);
    isInside = line.startsWith(".Bd -literal") || (isInside && line !== ".Ed");
  }
  return blocks;
}

const ESCAPES: Readonly<Record<string, string>> = { "-": "-", "(aq": "'", "(ga": "`", "(ha": "^", "(ti": "~", "&": "", e: "\\", "[u2026]": "…" };

/** @throws for an escape that these pages do not use */
export function unescape(text: string): string {
  return text.replace(/\\(\[[^\]]*\]|\(..|.|$)/g, (escape, name: string) => {
    const character = ESCAPES[name];
    if (character === undefined) throw new Error(`unknown escape ${escape} in: ${text}`);
    return character;
  });
}
