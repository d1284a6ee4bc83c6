import { FileError, GlomeError, Interrupted, KeyholeError, UsageError } from "../lib/errors.ts";
import { appendAudit } from "../lib/glome/audit-log.ts";
import { MAX_CHALLENGE_TEXT_LENGTH, hasChallenge, parseChallengeText, type Challenge } from "../lib/glome/challenge.ts";
import { KeyRing } from "../lib/glome/key-ring.ts";
import { grant, type Grant } from "../lib/glome/responder.ts";
import { MIN_AUTHCODE_LENGTH, TAG_TEXT_LENGTH } from "../lib/glome/tag-text.ts";
import { byteString, decodeUtf8, encodeUtf8, type ByteString } from "../lib/text.ts";
import { wantsColour } from "../lib/terminal/wants-colour.ts";
import type { Arguments } from "./arguments.ts";
import { canPrompt, isInteractive, isTerminal, readWholeInput, say, STDERR, STDIN, writeJson, writeResult } from "./io.ts";
import { answerEvent, operator, refusalEvent } from "./login-audit.ts";
import { describeRequest, requestFields, type RequestLine } from "./login-request.ts";
import { readLoginSetup, type LoginSetup } from "./login-setup.ts";
import { EXIT_OK } from "./report.ts";

/** keyhole login */
export async function login(args: Arguments, env: NodeJS.ProcessEnv): Promise<number> {
  const length = args.number("length", MIN_AUTHCODE_LENGTH, TAG_TEXT_LENGTH);
  if (args.flag("batch")) return batch(args, env, length);
  if (args.flag("show")) return show(args);

  const setup = readLoginSetup(args, env);
  const text = await readOrRecord(args, setup);
  const answer = await open(byteString(text), setup, args, env);
  const authcode = answer.authcode().slice(0, length);
  if (setup.audit !== undefined) appendAudit(setup.audit, [answerEvent(answer, operator())]);
  if (args.flag("json")) {
    writeJson({ ...requestFields(answer.challenge), key: answer.key, authcode });
  } else {
    writeResult(`${args.flag("group") ? inGroups(authcode) : authcode}\n`);
  }
  if (args.flag("qr")) {
    const { renderQr } = await import("../lib/terminal/qr.ts");
    say(renderQr(authcode));
  }
  return EXIT_OK;
}

async function batch(args: Arguments, env: NodeJS.ProcessEnv, length: number): Promise<number> {
  const useless = ["show", "group", "qr"].find((name) => args.isGiven(name));
  if (useless !== undefined || args.positionals.length > 0) {
    throw new UsageError("USAGE_BATCH", `--batch does not go with ${useless === undefined ? "a challenge on the command line" : `--${useless}`}`, { hint: args.usageHint });
  }
  const { keys, policy, audit } = readLoginSetup(args, env);
  const opened = [];
  for (const { name, index, load } of keys.entries) opened.push({ name, index, bytes: (await load()).exportBytes() });
  const { answerBatch } = await import("./login-batch.ts");
  return answerBatch({ keys: opened, anyIndex: keys.anyIndex, policy, length, auditUser: audit === undefined ? undefined : operator() }, audit, args.flag("json"));
}

async function show(args: Arguments): Promise<number> {
  const challenge = parseChallengeText(byteString(await readChallengeText(args)));
  if (args.flag("json")) writeJson(requestFields(challenge));
  else writeResult(`${formatPlain(describeRequest(challenge, undefined))}\n`);
  return EXIT_OK;
}

/** Reads, shows and asks; every way but the answer ends in an error that is on record. */
async function open(text: ByteString, setup: LoginSetup, args: Arguments, env: NodeJS.ProcessEnv): Promise<Grant> {
  let challenge: Challenge | undefined;
  let isShown = false;
  try {
    challenge = parseChallengeText(text);
    const answer = await grant(challenge, new KeyRing(setup.keys.entries, setup.keys.anyIndex), setup.policy);
    isShown = true;
    const mustAsk = isInteractive() && !args.flag("yes");
    if (mustAsk || !args.flag("quiet")) await showRequest(describeRequest(challenge, answer.key), env);
    if (mustAsk) await ask();
    return answer;
  } catch (error) {
    if (challenge !== undefined && !isShown && !args.flag("quiet")) await showRequest(describeRequest(challenge, undefined), env);
    const refusal = error instanceof Interrupted ? new GlomeError("INTERRUPTED", "interrupted") : error;
    if (setup.audit !== undefined && refusal instanceof KeyholeError) {
      appendAudit(setup.audit, [refusalEvent(challenge ?? decodeUtf8(text), refusal, operator())]);
    }
    throw error;
  }
}

/** What cannot even be read is on record too. */
async function readOrRecord(args: Arguments, setup: LoginSetup): Promise<Uint8Array> {
  try {
    return await readChallengeText(args);
  } catch (error) {
    if (setup.audit !== undefined && error instanceof FileError) appendAudit(setup.audit, [refusalEvent("", error, operator())]);
    throw error;
  }
}

async function ask(): Promise<void> {
  const { confirm } = await import("../lib/terminal/prompt.ts");
  const answer = await confirm("Give the authcode?");
  if (answer === undefined) throw new Interrupted();
  if (!answer) throw new GlomeError("DECLINED", "declined at the terminal; no authcode was given", { kind: "no" });
}

/** @throws {UsageError} USAGE_POSITIONALS; {FileError}; {Interrupted} */
async function readChallengeText(args: Arguments): Promise<Uint8Array> {
  const [word] = args.positionals;
  if (word !== undefined) {
    // Node has replaced bytes that are not UTF-8, so that they are lost.
    if (word.includes("\ufffd")) {
      throw new FileError("CHALLENGE_ARGUMENT", "challenge on the command line has bytes that are not UTF-8", { hint: "give it on standard input" });
    }
    return encodeUtf8(word);
  }
  if (!isTerminal(STDIN)) return readWholeInput("challenge", MAX_CHALLENGE_TEXT_LENGTH);
  if (!canPrompt()) throw new UsageError("USAGE_MISSING", "login needs a challenge", { hint: args.usageHint });
  const { promptText } = await import("../lib/terminal/prompt.ts");
  const text = await promptText("Challenge: ", (lines) => hasChallenge(lines) || lines.length > MAX_CHALLENGE_TEXT_LENGTH);
  if (text === undefined) throw new Interrupted();
  return encodeUtf8(text);
}

const LABEL_WIDTH = 13;

function formatPlain(lines: readonly RequestLine[]): string {
  return lines.map(({ label, text }) => `${`${label}:`.padEnd(LABEL_WIDTH)}${text}`).join("\n");
}

async function showRequest(lines: readonly RequestLine[], env: NodeJS.ProcessEnv): Promise<void> {
  if (!wantsColour(isTerminal(STDERR), env)) {
    say(formatPlain(lines));
    return;
  }
  const { colourRequest } = await import("./login-colour.ts");
  say(colourRequest(lines, LABEL_WIDTH));
}

/** `RXxu KMeb 4s`: four characters are what one remembers while typing. */
function inGroups(authcode: string): string {
  return authcode.replace(/.{4}(?=.)/g, "$& ");
}
