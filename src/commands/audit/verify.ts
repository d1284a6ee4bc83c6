import { UsageError } from "../../lib/errors.ts";
import { verifyAudit } from "../../lib/glome/audit-log.ts";
import { escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { EXIT_NO, EXIT_OK } from "../report.ts";

/** keyhole audit verify */
export function auditVerify(args: Arguments): number {
  const [path = ""] = args.positionals;
  const knownHash = args.optional("known-hash");
  if (knownHash !== undefined && !/^[0-9a-f]{64}$/.test(knownHash)) {
    throw new UsageError("USAGE_HASH", "--known-hash is not 64 hexadecimal digits in small letters", { hint: "give the hash that an earlier keyhole audit verify printed" });
  }
  const { end, broken } = verifyAudit(path, knownHash);
  if (broken === undefined) {
    if (args.flag("json")) writeJson({ ok: true, lines: end.sequence, hash: end.hash });
    else writeResult(`${end.sequence} ${end.sequence === 1 ? "line" : "lines"}, hash ${end.hash}\n`);
    return EXIT_OK;
  }
  if (args.flag("json")) writeJson({ ok: false, ...broken });
  else writeResult(`line ${broken.line}: ${escapeUnsafe(broken.message)}\n`);
  return EXIT_NO;
}
