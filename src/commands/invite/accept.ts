import { UsageError } from "../../lib/errors.ts";
import { accept as acceptInvite } from "../../lib/invite/accept.ts";
import { FORMATS, type FormatName } from "../../lib/invite/formats/formats.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import { checkWords, parseCode } from "../../lib/wormhole/code.ts";
import type { Arguments } from "../arguments.ts";
import { readDuration } from "../duration.ts";
import { interruptible } from "../interruptible.ts";
import { canPrompt, say, writeJson } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { readAppid, readMailboxUrl } from "./mailbox-url.ts";
import { readPath } from "./path-word.ts";
import { openPayloadOutput } from "./payload-output.ts";
import { ServerNews } from "./progress.ts";
import { readCode } from "./read-code.ts";
import { readVerify } from "./verifier.ts";

/** keyhole invite accept */
export async function accept(args: Arguments): Promise<number> {
  const format = args.required("format") as FormatName;
  const url = readMailboxUrl(args, process.env);
  const appid = readAppid(args);
  const timeoutMs = readDuration(args, "timeout");
  const verify = readVerify(args);
  const personal = await readPersonal(args, format);
  const given = readGivenCode(args);
  return interruptible(async (signal) => {
    const write = openPayloadOutput(args, format, signal);
    const code = given ?? (await promptForCode(args, url, appid ?? FORMATS[format].appid, signal));
    let about: object = { code, format };
    const { end, ...watch } = new ServerNews(args).watch();
    await acceptInvite(
      { format, code, appid, personal },
      {
        url,
        signal,
        timeoutMs,
        write: (payload, verifier) => {
          about = { ...about, verifier };
          return write(payload, about);
        },
        confirm: verify?.(signal),
        ...watch,
        ...(args.flag("verbose") && !args.flag("quiet") ? { onProgress: sayProgress } : {}),
      },
    ).finally(end);
    reportFile(args, about);
    return EXIT_OK;
  });
}

/** @returns nothing where it is to be asked for */
function readGivenCode(args: Arguments): string | undefined {
  const [word] = args.positionals;
  if (word !== undefined) return checkCode(args, readCode(word));
  if (canPrompt()) return undefined;
  throw new UsageError("USAGE_POSITIONALS", "invite accept needs CODE", { hint: "or - to read it from standard input" });
}

async function promptForCode(args: Arguments, url: string, appid: string, signal: AbortSignal): Promise<string> {
  const { promptCode } = await import("./code-prompt.ts");
  return promptCode(url, appid, signal, (text) => checkCode(args, text));
}

/** @throws {WormholeError} WORMHOLE_CODE, WORMHOLE_CODE_WORDS */
function checkCode(args: Arguments, text: string): string {
  const code = parseCode(text);
  if (!args.flag("any-words")) checkWords(code);
  return code.text;
}

/** @throws {UsageError} USAGE_PERSONAL, USAGE_PATH; {InviteError} INVITE_PERSONAL; {FileError} */
async function readPersonal(args: Arguments, format: FormatName): Promise<string | undefined> {
  const path = readPath(args, "personal");
  if (path === undefined) return undefined;
  if (format !== "magic-folder") throw new UsageError("USAGE_PERSONAL", "--personal goes with --format magic-folder alone", { hint: args.usageHint });
  const [{ readSecretLine }, { parseUtf8 }, { checkPersonal }] = await Promise.all([import("../secret-line.ts"), import("../../lib/text.ts"), import("../../lib/invite/formats/magic-folder.ts")]);
  const capability = parseUtf8(readSecretLine(path, "capability file", args), path);
  checkPersonal(capability);
  return capability;
}

function sayProgress(progress: "contacted" | "verified"): void {
  say(progress === "contacted" ? "the sender is there" : "it is the right code");
}

/** What went to standard output has been reported by that. */
function reportFile(args: Arguments, about: object): void {
  const out = args.optional("out");
  if (out === undefined) return;
  if (args.flag("json")) writeJson({ ...about, out });
  else if (!args.flag("quiet")) say(`written to ${escapeForTerminal(out)}`);
}
