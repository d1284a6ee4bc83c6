import { checkAuthcode } from "../../lib/glome/challenger.ts";
import { MIN_AUTHCODE_LENGTH, TAG_TEXT_LENGTH } from "../../lib/glome/tag-text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson } from "../io.ts";
import { EXIT_NO, EXIT_OK } from "../report.ts";
import { takeState } from "./state-file.ts";

/** keyhole challenge check */
export function challengeCheck(args: Arguments): number {
  const [code = ""] = args.positionals;
  const minLength = args.number("min-authcode-length", MIN_AUTHCODE_LENGTH, TAG_TEXT_LENGTH);
  const pending = takeState(args.required("state"));
  const isMatch = checkAuthcode(pending, code, minLength);
  pending.clientKey.destroy();
  if (args.flag("json")) writeJson({ match: isMatch });
  if (!isMatch && !args.flag("quiet")) say("authcode does not answer the challenge, which is used up");
  else if (args.flag("verbose")) say("authcode answers the challenge, which is used up");
  return isMatch ? EXIT_OK : EXIT_NO;
}
