import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";

/**
 * Writes what a command did.
 *
 * @param text - lines for people, without their ends
 */
export function writeOutcome(args: Arguments, json: object, ...text: readonly string[]): number {
  if (args.flag("json")) writeJson(json);
  else writeResult(text.map((line) => `${line}\n`).join(""));
  return EXIT_OK;
}

/** `1 blob`, `2 blobs` */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
