import { encodeBase64url } from "../lib/base64url.ts";
import type { Arguments } from "./arguments.ts";
import { readInput, writeJson, writeResult } from "./io.ts";
import { openDialog } from "./peer-dialog.ts";
import { EXIT_OK } from "./report.ts";

/** keyhole tag */
export async function tag(args: Arguments): Promise<number> {
  const counter = args.number("counter", 0, 255);
  const mac = (await openDialog(args)).startSending(counter);
  for (const chunk of readInput()) mac.update(chunk);
  const text = encodeBase64url(mac.digest());
  if (args.flag("json")) writeJson({ tag: text });
  else writeResult(`${text}\n`);
  return EXIT_OK;
}
