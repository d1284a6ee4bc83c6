import { WormholeError } from "../../errors.ts";
import { systemErrorCode } from "../../files.ts";

/**
 * Looks at a URL whose password nobody is to see.
 *
 * @returns what to call the database in messages: `postgres://host:port/name`
 * @throws {WormholeError} WORMHOLE_STORE_URL
 */
export function parsePostgresUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const hostname = decode(url?.hostname);
  // A password with a slash as it is ends up, in part, in the path.
  if (url === undefined || hostname === undefined || /@|\/.*\//.test(url.pathname)) {
    throw new WormholeError("WORMHOLE_STORE_URL", "database URL cannot be read", { hint: "as postgres://user:password@host:5432/name, with %40 for an @ and %2F for a / in the password" });
  }
  // A socket's directory may stand in either place.
  const host = hostname === "" ? (url.searchParams.get("host") ?? "localhost") : hostname;
  const port = url.port === "" ? "" : `:${url.port}`;
  return `postgres://${host}${port}${url.pathname}`;
}

/** @returns nothing where it is not encoded as URLs are */
function decode(text = ""): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Of PostgreSQL: no connection, too many, shutting down or starting up, a lock
 * or statement that took too long, a transaction undone for another's sake.
 * Source: PostgreSQL 15, appendix A.
 */
const PASSING_STATES = /^(?:08|53300|57P0[1-5]|57014|55P03|25P03|40001|40P01)/;
const PASSING_SYSTEM_ERRORS = new Set(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ENOENT", "ENOTFOUND", "EAI_AGAIN", "EPIPE", "ETIMEDOUT"]);
/** The driver's own words for which it has no codes. */
const PASSING_MESSAGES = /connection terminated|connection error|timeout|not queryable|client was closed/i;

/** Whether it may be over when it is tried again. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof WormholeError) return false;
  const code = systemErrorCode(error);
  if (code !== undefined) return PASSING_SYSTEM_ERRORS.has(code) || PASSING_STATES.test(code);
  return PASSING_MESSAGES.test(error.message);
}

/** What the database or the system said, in one line; neither says the password. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = systemErrorCode(error);
  const message = error instanceof AggregateError ? error.errors.map((inner: unknown) => (inner instanceof Error ? inner.message : String(inner))).join(", ") : error.message;
  return `${message.replace(/\s+/g, " ")}${code === undefined || message.includes(code) ? "" : ` (${code})`}`;
}
