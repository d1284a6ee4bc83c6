import { EVEN_WORDS, ODD_WORDS } from "../../lib/wormhole/word-list.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";

/** keyhole invite words */
export function words(args: Arguments): number {
  if (args.flag("json")) writeJson({ odd: ODD_WORDS, even: EVEN_WORDS });
  else writeResult([...ODD_WORDS, ...EVEN_WORDS].map((word) => `${word}\n`).join(""));
  return EXIT_OK;
}
