import { WormholeError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import { checkWords, findUnknownWords, parseCode, splitWords, type Code, type UnknownWord } from "../../lib/wormhole/code.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { reportPartial } from "../partial.ts";
import { EXIT_OK } from "../report.ts";
import { readCode } from "./read-code.ts";

/** keyhole invite code check */
export function codeCheck(args: Arguments): number {
  const [word = ""] = args.positionals;
  const code = parseCode(readCode(word));
  const words = splitWords(code.password);
  const unknown = findUnknownWords(code.password);
  const result = { code: code.text, nameplate: code.nameplate, words, unknown };
  try {
    if (!args.flag("any-words")) checkWords(code);
  } catch (error) {
    if (error instanceof WormholeError) return reportPartial(args, result, error);
    throw error;
  }
  if (args.flag("json")) writeJson(result);
  else writeResult(`${describe(code, words, unknown)}\n`);
  return EXIT_OK;
}

function describe({ text, nameplate }: Code, words: readonly string[], unknown: readonly UnknownWord[]): string {
  const count = words.length === 1 ? "1 word" : `${words.length} words`;
  const found = unknown.length === 0 ? "all in the list" : `${unknown.length} not in the list, or not at that place`;
  return `${escapeForTerminal(text)}: nameplate ${nameplate}, ${count}, ${found}`;
}
