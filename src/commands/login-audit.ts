import { userInfo } from "node:os";
import type { KeyholeError } from "../lib/errors.ts";
import type { AuditEvent } from "../lib/glome/audit.ts";
import type { Challenge } from "../lib/glome/challenge.ts";
import type { Grant } from "../lib/glome/responder.ts";

/** Who runs this, by name where the system knows one. */
export function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}

export function answerEvent(grant: Grant, user: string): AuditEvent {
  const { text, request } = grant.challenge;
  return { time: new Date(), event: "answer", challenge: text, request, key: grant.key, user };
}

/** @param challenge - the text alone where it could not be read */
export function refusalEvent(challenge: Challenge | string, error: KeyholeError, user: string): AuditEvent {
  const read = typeof challenge === "string" ? { text: challenge, request: undefined } : challenge;
  return { time: new Date(), event: "refusal", challenge: read.text, request: read.request, code: error.code, user };
}
