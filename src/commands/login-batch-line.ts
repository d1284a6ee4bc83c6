import { KeyholeError } from "../lib/errors.ts";
import type { AuditEvent } from "../lib/glome/audit.ts";
import { MAX_CHALLENGE_TEXT_LENGTH, parseChallengeText, type Challenge } from "../lib/glome/challenge.ts";
import { KeyRing, type KeyName } from "../lib/glome/key-ring.ts";
import { PrivateKey } from "../lib/glome/private-key.ts";
import { nodePrimitives } from "../lib/glome/node-primitives.ts";
import type { Policy } from "../lib/glome/policy.ts";
import { grant } from "../lib/glome/responder.ts";
import { decodeUtf8, encodeJsonLine, encodeUtf8, type ByteString } from "../lib/text.ts";
import { answerEvent, refusalEvent } from "./login-audit.ts";

/** What a thread needs to answer by itself. */
export interface BatchSetup {
  readonly keys: readonly (KeyName & { readonly bytes: Uint8Array })[];
  readonly anyIndex: boolean;
  readonly policy: Policy | undefined;
  /** Characters of an authcode. */
  readonly length: number;
  /** Name of the operator, where an audit is kept. */
  readonly auditUser: string | undefined;
}

/** The answers to some whole lines, in order. */
export interface BatchAnswers {
  /** JSON lines, each with its newline. Bytes, as these go from thread to thread without a copy. */
  readonly output: Uint8Array;
  readonly events: readonly AuditEvent[];
  readonly hasErrors: boolean;
}

/** An overlong line is shown cut. */
const SHOWN_LENGTH = 256;

export class BatchResponder {
  readonly #setup: BatchSetup;
  readonly #keyRing: KeyRing;

  constructor(setup: BatchSetup) {
    this.#setup = setup;
    const entries = setup.keys.map(({ name, index, bytes }) => {
      const key = new PrivateKey(bytes, nodePrimitives);
      return { name, index, load: () => key };
    });
    this.#keyRing = new KeyRing(entries, setup.anyIndex);
  }

  /** @param lines - each with its newline, but perhaps the last */
  async answer(lines: Uint8Array): Promise<BatchAnswers> {
    const text = Buffer.from(lines.buffer, lines.byteOffset, lines.length).toString("latin1");
    let output = "";
    let hasErrors = false;
    const events: AuditEvent[] = [];
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf("\n", start);
      const end = newline < 0 ? text.length : newline;
      const line = text.slice(start, end);
      const answer = await this.#answerLine(line.endsWith("\r") ? line.slice(0, -1) : line);
      output += `${answer.json}\n`;
      hasErrors ||= answer.isError;
      if (answer.event !== undefined) events.push(answer.event);
      start = end + 1;
    }
    return { output: encodeUtf8(output), events, hasErrors };
  }

  async #answerLine(line: ByteString): Promise<{ readonly json: string; readonly isError: boolean; readonly event: AuditEvent | undefined }> {
    const { policy, length, auditUser } = this.#setup;
    let challenge: Challenge | undefined;
    try {
      challenge = parseChallengeText(line);
      const answer = await grant(challenge, this.#keyRing, policy);
      const { hostType, host, action } = challenge.request;
      const authcode = answer.authcode().slice(0, length);
      const event = auditUser === undefined ? undefined : answerEvent(answer, auditUser);
      const json = `{"challenge":${quote(shown(line))},"hostType":${quote(hostType)},"host":${quote(host)},"action":${quote(action)},"key":${quote(answer.key)},"authcode":"${authcode}"}`;
      return { json, isError: false, event };
    } catch (error) {
      if (!(error instanceof KeyholeError)) throw error;
      const text = shown(line);
      const event = auditUser === undefined ? undefined : refusalEvent(challenge ?? text, error, auditUser);
      return { json: encodeJsonLine({ challenge: text, error: { code: error.code, message: error.message } }), isError: true, event };
    }
  }
}

/** A JSON string; of printable ASCII in a tenth of the time. */
function quote(text: string): string {
  return /^[ !#-[\]-~]*$/.test(text) ? `"${text}"` : encodeJsonLine(text);
}

function shown(line: ByteString): string {
  return decodeUtf8(line.length > MAX_CHALLENGE_TEXT_LENGTH ? line.slice(0, SHOWN_LENGTH) : line);
}
