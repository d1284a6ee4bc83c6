import { createHash } from "node:crypto";
import * as v from "valibot";
import { GlomeError, KeyholeError } from "../errors.ts";
import { jsonObject, parseJson } from "../json.ts";
import { encodeJsonLine } from "../text.ts";
import type { Request } from "./request.ts";

/**
 * One answer or refusal. It never holds the authcode.
 *
 * A line is JSON whose last field is `hash`: the SHA-256, in hexadecimal, of
 * the line's bytes without that field. `previous` is the hash of the line
 * before, so that a line cannot be changed, dropped or moved alone.
 */
export interface AuditEvent {
  readonly time: Date;
  readonly event: "answer" | "refusal";
  /** As it was received. */
  readonly challenge: string;
  /** Left out where the challenge cannot be read. */
  readonly request?: Request | undefined;
  /** Name of the key, where one was chosen. */
  readonly key?: string | undefined;
  /** Why not, for a refusal. */
  readonly code?: string | undefined;
  /** Login name of the operator. */
  readonly user: string;
}

/** What comes before the first line. */
export const EMPTY_CHAIN_HASH = "0".repeat(64);

/** Where a chain of lines ends. */
export interface ChainEnd {
  /** How many lines there are. */
  readonly sequence: number;
  readonly hash: string;
}

export const EMPTY_CHAIN: ChainEnd = { sequence: 0, hash: EMPTY_CHAIN_HASH };

const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "not a hash"));

const Line = jsonObject({
  sequence: v.pipe(v.number(), v.integer()),
  time: v.string(),
  event: v.picklist(["answer", "refusal"]),
  challenge: v.string(),
  hostType: v.exactOptional(v.string()),
  host: v.exactOptional(v.string()),
  action: v.exactOptional(v.string()),
  key: v.exactOptional(v.string()),
  code: v.exactOptional(v.string()),
  user: v.string(),
  previous: Hash,
  hash: Hash,
});

const HASH_FIELD = /,"hash":"[0-9a-f]{64}"\}$/;

/** @returns the next line, without its newline, and where the chain ends with it */
export function encodeAuditLine(event: AuditEvent, end: ChainEnd): { readonly line: string; readonly end: ChainEnd } {
  const sequence = end.sequence + 1;
  const body = encodeJsonLine({
    sequence,
    time: event.time.toISOString(),
    event: event.event,
    challenge: event.challenge,
    ...event.request,
    key: event.key,
    code: event.code,
    user: event.user,
    previous: end.hash,
  });
  const hash = sha256(body);
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}`, end: { sequence, hash } };
}

/**
 * Reads a line and checks its own hash.
 *
 * @throws {GlomeError} AUDIT_LINE
 */
export function parseAuditLine(line: string): ChainEnd & { readonly previous: string } {
  const { sequence, previous, hash } = parseLine(line);
  if (!HASH_FIELD.test(line) || sha256(line.replace(HASH_FIELD, "}")) !== hash) {
    throw new GlomeError("AUDIT_LINE", "hash does not fit the line, which was changed", { kind: "no" });
  }
  return { sequence, previous, hash };
}

function parseLine(line: string): v.InferOutput<typeof Line> {
  try {
    return parseJson(Line, line);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new GlomeError("AUDIT_LINE", `line ${error.message}`, { kind: "no", cause: error });
  }
}

/**
 * Follows a chain line by line.
 *
 * @throws {GlomeError} AUDIT_LINE, AUDIT_CHAIN
 */
export function nextInChain(end: ChainEnd, line: string): ChainEnd {
  const { sequence, previous, hash } = parseAuditLine(line);
  if (sequence !== end.sequence + 1 || previous !== end.hash) {
    throw new GlomeError("AUDIT_CHAIN", `line is number ${sequence} of its chain, expected the one after number ${end.sequence}: lines were dropped, added or moved`, {
      kind: "no",
    });
  }
  return { sequence, hash };
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
