import { readFile } from "../../lib/files.ts";
import { readLoginConfig, type Finding } from "../../lib/glome/login-config.ts";
import { escapeUnsafe, parseUtf8 } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { EXIT_NO, EXIT_OK } from "../report.ts";
import { MAX_CONFIG_LENGTH } from "./new.ts";

/** keyhole challenge lint */
export function challengeLint(args: Arguments): number {
  const [path = ""] = args.positionals;
  const text = parseUtf8(readFile(path, "configuration", MAX_CONFIG_LENGTH).bytes, `configuration ${path}`);
  const { findings } = readLoginConfig(text);
  if (args.flag("json")) writeJson({ findings });
  else writeResult(findings.map((finding) => `${format(path, finding)}\n`).join(""));
  return findings.some(({ severity }) => severity !== "note") ? EXIT_NO : EXIT_OK;
}

/** As compilers do, so that editors find the line. */
function format(path: string, { line, severity, message }: Finding): string {
  return escapeUnsafe(`${path}:${line === 0 ? "" : `${line}:`} ${severity}: ${message}`);
}
