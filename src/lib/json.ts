import * as v from "valibot";
import { KeyholeError } from "./errors.ts";

/**
 * An object with these fields and no others. valibot's own takes a list for an
 * object without fields.
 */
export function jsonObject<const Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.custom<Record<string, unknown>>((value) => typeof value === "object" && value !== null && !Array.isArray(value), "not an object"),
    v.strictObject(entries),
  );
}

/**
 * Reads JSON of a given shape; a field that the shape does not name is an error.
 *
 * @throws {KeyholeError} JSON, with a message that reads on after a name: `is not JSON`
 */
export function parseJson<const Schema extends v.GenericSchema>(schema: Schema, text: string): v.InferOutput<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KeyholeError("JSON", "is not JSON", { cause: error });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw new KeyholeError("JSON", describe(result.issues[0]));
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (issue.type === "strict_object" && issue.expected === "never") return `has an unknown field ${JSON.stringify(path ?? issue.received)}`;
  if (issue.type === "strict_object" && issue.received === "undefined") return `lacks the field ${JSON.stringify(path ?? issue.expected)}`;
  const expected = issue.type === "custom" ? "an object" : (issue.expected ?? "another value");
  return `${path === null ? "" : `field "${path}" `}is ${issue.received}, expected ${expected}`;
}
