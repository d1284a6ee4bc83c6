import { join } from "node:path";
import type { Test } from "tap";
import { listsOf, namesOf, readManualPage, type Item } from "./mdoc.ts";

// What the manual says of the fields of JSON objects.

export type Fields = Readonly<Record<string, unknown>>;

/** The lists of a section whose items begin with a macro: `Va` for fields, `Li` for codes. */
export function listsWith(macro: string, page: string, section: string): readonly (readonly Item[])[] {
  return listsOf(readManualPage(join("man", page)).section(section)).filter((items) => namesOf(items, macro).length > 0);
}

/** Fields by their documented type. */
export function documentedFields(page: string, section: string, list = 0): Readonly<Record<string, string>> {
  const items = listsWith("Va", page, section)[list] ?? [];
  return Object.fromEntries(items.flatMap((item) => namesOf([item], "Va").map((name) => [name, documentedType(item)])));
}

function documentedType({ text }: Item): string {
  return /^(string|number|boolean|object|array)/.exec(text)?.[1] ?? `no type: ${text}`;
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}

/** Together the objects have all of the documented fields and no others. */
export function checkFields(t: Test, objects: readonly Fields[], page: string, section: string, list?: number): void {
  const found = Object.assign({}, ...objects.map((object) => Object.fromEntries(Object.entries(object).map(([name, value]) => [name, typeOf(value)])))) as object;
  t.same(found, documentedFields(page, section, list), `${page}: ${section}`);
}
