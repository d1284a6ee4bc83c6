import { Interrupted, InviteError, UsageError } from "../../lib/errors.ts";
import type { InviteEvent } from "../../lib/invite/events.ts";
import { FORMATS, type FormatName } from "../../lib/invite/formats/formats.ts";
import { issue, newInvite, type Invite } from "../../lib/invite/issue.ts";
import { startLocalServer } from "../../lib/invite/local-server.ts";
import { checkPayload, MAX_LARGE_LENGTH, MAX_PLAINTEXT_LENGTH, parsePayloadLine } from "../../lib/invite/payload.ts";
import { parseUtf8 } from "../../lib/text.ts";
import { checkWords, parseCode } from "../../lib/wormhole/code.ts";
import type { Arguments } from "../arguments.ts";
import { readDuration } from "../duration.ts";
import { interruptible } from "../interruptible.ts";
import { canPrompt, say } from "../io.ts";
import { EventLines, statusOf, type Meeting, type Tag } from "./event-lines.ts";
import { parseListenAddress } from "./listen-address.ts";
import { readAppid, readMailboxUrl } from "./mailbox-url.ts";
import { checkPayloadSource, readPayload } from "./payload-input.ts";
import { ServerNews } from "./progress.ts";
import { readCode } from "./read-code.ts";
import { readVerify } from "./verifier.ts";

const MAX_COUNT = 1000;
const MAX_WORDS = 16;

/** Invites that wait at a time; further lines are read when one of them is over. */
const MAX_OPEN = 1000;

/** A line that is longer holds more than a message may, however it is written. */
const MAX_LINE_LENGTH = 128 * 1024;

/** Everything of an invite but its payload. */
type Terms = Omit<Invite, "payload">;

/** keyhole invite create */
export async function create(args: Arguments): Promise<number> {
  checkCombination(args);
  const terms = readTerms(args);
  const count = args.number("count", 1, MAX_COUNT);
  const verify = readVerify(args, () => canPrompt() && !args.flag("lines"));
  const listen = args.optional("listen");
  const listenAddress = listen === undefined ? undefined : parseListenAddress(listen);
  const url = readMailboxUrl(args, process.env);
  const payload = args.flag("lines") ? undefined : readCheckedPayload(args, terms.format);
  const showQr = await readQr(args);

  return interruptible(async (signal) => {
    const maxPlaintext = args.flag("allow-large") ? MAX_LARGE_LENGTH : MAX_PLAINTEXT_LENGTH;
    const server = args.flag("local") ? await startLocalServer({ listen: listenAddress, count: payload === undefined ? MAX_OPEN : count, maxPlaintext }) : undefined;
    const meeting: Meeting = { format: terms.format, appid: terms.appid, urls: server?.urls ?? [url], isLocal: server !== undefined };
    const lines = new EventLines(args, meeting, showQr);
    const confirm = verify?.(signal);
    const news = new ServerNews(args);
    const issueOne = async (payload: string, tag: Tag, signal: AbortSignal, onEvent: (event: InviteEvent) => void): Promise<InviteEvent> => {
      const { end, ...watch } = news.watch();
      const seen = { code: null as string | null, isVerified: false };
      const options = {
        url: server?.ownUrl ?? url,
        signal,
        confirm,
        ...watch,
        onEvent: (event: InviteEvent): void => {
          seen.code = event.code;
          seen.isVerified ||= event.event === "verified";
          onEvent(event);
        },
        onSilentClaim: (): void => lines.warnOfSilence(seen.code, tag),
      };
      try {
        return await issue(newInvite({ ...terms, payload }), options);
      } catch (error) {
        if (error instanceof Interrupted && seen.isVerified) lines.warnOfInterruption(seen.code, tag);
        throw error;
      } finally {
        end();
      }
    };
    try {
      if (payload !== undefined && count === 1) return statusOf(await issueOne(payload, {}, signal, (event) => lines.tell(event)));
      const { issueMany, readLines } = await import("./create-many.ts");
      if (payload !== undefined) {
        const tags = Array.from({ length: count }, (_, i) => ({ index: i + 1 }));
        return await issueMany(() => tags.map((tag) => ({ tag, issue: issueOne.bind(undefined, payload, tag) })), MAX_OPEN, lines, signal);
      }
      const maxLength = args.flag("allow-large") ? MAX_LARGE_LENGTH : MAX_LINE_LENGTH;
      return await issueMany(
        async function* (signal) {
          let line = 0;
          for await (const bytes of readLines(maxLength, signal)) {
            line += 1;
            const tag = { line };
            if (isBlank(bytes)) lines.skip(tag);
            else yield { tag, issue: async (...rest) => issueOne(checkLine(args, terms.format, bytes, maxLength), tag, ...rest) };
          }
        },
        MAX_OPEN,
        lines,
        signal,
      );
    } finally {
      await server?.finish(signal);
    }
  });
}

/** @throws {UsageError} USAGE_CREATE, USAGE_PAYLOAD, USAGE_PATH */
function checkCombination(args: Arguments): void {
  const conflict = (left: string, right: string): void => {
    throw new UsageError("USAGE_CREATE", `${left} does not go with ${right}`, { hint: args.usageHint });
  };
  const exclude = (name: string, others: readonly string[]): void => {
    const other = args.isGiven(name) ? others.find((other) => args.isGiven(other)) : undefined;
    if (other !== undefined) conflict(`--${name}`, `--${other}`);
  };
  exclude("lines", ["text", "count", "code"]);
  exclude("code", ["count", "words"]);
  exclude("local", ["mailbox"]);
  if (args.flag("lines") && args.positionals.some((word) => word !== "-")) conflict("--lines", "FILE");
  if (args.isGiven("listen") && !args.flag("local")) throw new UsageError("USAGE_CREATE", "--listen needs --local", { hint: args.usageHint });
  if (!args.flag("lines")) checkPayloadSource(args);
}

/** @throws {UsageError}; {WormholeError} WORMHOLE_CODE, WORMHOLE_CODE_WORDS */
function readTerms(args: Arguments): Terms {
  const words = args.number("words", 1, MAX_WORDS);
  const ttlMs = readDuration(args, "ttl");
  return { format: args.required("format") as FormatName, ttlMs, appid: readAppid(args), words, code: readChosenCode(args) };
}

function readChosenCode(args: Arguments): string | undefined {
  const text = args.optional("code");
  if (text === undefined) return undefined;
  const code = parseCode(readCode(text));
  if (!args.flag("any-words")) checkWords(code);
  return code.text;
}

function readCheckedPayload(args: Arguments, format: FormatName): string {
  const payload = readPayload(args);
  checkPayload(FORMATS[format], payload, args.flag("allow-large"));
  return payload;
}

/** @throws {InviteError} INVITE_PAYLOAD, INVITE_TOO_LARGE; {KeyholeError} UTF8 */
function checkLine(args: Arguments, format: FormatName, bytes: Uint8Array, maxLength: number): string {
  if (bytes.length > maxLength) throw new InviteError("INVITE_TOO_LARGE", `the line is longer than ${maxLength} bytes`, { hint: args.flag("allow-large") ? "mailbox servers take no more; send a link to it instead" : "give --allow-large if the receiver's program is not wormhole-william" });
  const allowLarge = args.flag("allow-large");
  const payload = parsePayloadLine(format, parseUtf8(bytes, "the payload"));
  checkPayload(FORMATS[format], payload, allowLarge);
  return payload;
}

/** A line of nothing but blanks is between payloads and none itself. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

async function readQr(args: Arguments): Promise<((text: string) => void) | undefined> {
  if (!args.flag("qr")) return undefined;
  const { renderQr } = await import("../../lib/terminal/qr.ts");
  return (text) => say(renderQr(text));
}
