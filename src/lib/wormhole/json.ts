/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Deeper than any message has need of, and shallow enough for every function that recurs. */
const MAX_DEPTH = 64;

/** @returns nothing where the text is not JSON, or nested deeper than 64 levels */
export function parseJsonText(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isDeeper(value, MAX_DEPTH) ? undefined : value;
  } catch {
    return undefined;
  }
}

function isDeeper(value: Json, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((inner: Json) => isDeeper(inner, depth - 1));
}

export type JsonObject = Readonly<Record<string, Json>>;

/** @returns nothing where the value is not an object */
export function asObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** A field of an object's own, as `__proto__` and its like are not. */
export function field(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
