import { comparedBits, matchesTag, parsePaddedTagPrefix, TAG_TEXT_LENGTH } from "../lib/glome/tag-text.ts";
import type { Arguments } from "./arguments.ts";
import { readInput, say, writeJson } from "./io.ts";
import { openDialog } from "./peer-dialog.ts";
import { EXIT_NO, EXIT_OK } from "./report.ts";

/** Shorter than a byte says nothing. */
const MIN_TAG_LENGTH = 2;

/** keyhole verify */
export async function verify(args: Arguments): Promise<number> {
  const counter = args.number("counter", 0, 255);
  const minLength = args.number("min-tag-length", MIN_TAG_LENGTH, TAG_TEXT_LENGTH);
  const given = parsePaddedTagPrefix(args.required("tag"), minLength);
  const mac = (await openDialog(args)).startReceiving(counter);
  for (const chunk of readInput()) mac.update(chunk);
  const isMatch = matchesTag(given, mac.digest());
  const bits = comparedBits(given);
  if (args.flag("json")) writeJson({ match: isMatch, bitsCompared: bits });
  if (args.flag("verbose")) say(`${isMatch ? "tag matches" : "tag does not match"}: compared ${bits} of 256 bits`);
  else if (!isMatch && !args.flag("quiet")) say("tag does not match the message");
  return isMatch ? EXIT_OK : EXIT_NO;
}
