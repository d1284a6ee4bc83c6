import { randomBytes } from "node:crypto";
import { parseHex } from "../../lib/bytes.ts";
import { makeClientData, type ClientData, type ClientDataType } from "../../lib/ctap/client-data.ts";
import { parseUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { KeyholeError, UsageError } from "../../lib/errors.ts";
import { escapeUnsafe } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";

/** Client data, of which the JSON need not be known. */
export interface ClientDataInput {
  /** 32 bytes. */
  readonly hash: Uint8Array;
  /** Where it was made here. */
  readonly clientData: ClientData | undefined;
}

const HASH_LENGTH = 32;

/**
 * The client data of `--client-data-hash`, of `--challenge` and `--origin`, or
 * random ones.
 *
 * @param rpId - that the origin should be of
 * @throws {UsageError} USAGE_CLIENT_DATA, USAGE_CLIENT_DATA_HASH, USAGE_CHALLENGE, USAGE_ORIGIN
 */
export function readClientData(args: Arguments, type: ClientDataType, rpId: string): ClientDataInput {
  const hash = args.optional("client-data-hash");
  const challenge = args.optional("challenge");
  const origin = args.optional("origin");
  if ((challenge === undefined) !== (origin === undefined)) throw misfit(args, "--challenge and --origin go together");
  if (hash !== undefined && challenge !== undefined) throw misfit(args, "--client-data-hash does not go with --challenge");
  if (challenge !== undefined && origin !== undefined) {
    warnOfForeignOrigin(args, checkOrigin(origin), rpId);
    const clientData = makeClientData(type, parseChallenge(challenge), origin);
    return { hash: clientData.hash, clientData };
  }
  if (args.flag("webauthn-json")) throw misfit(args, "--webauthn-json needs --challenge and --origin");
  return { hash: hash === undefined ? randomBytes(HASH_LENGTH) : parseHash(hash), clientData: undefined };
}

function parseHash(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (bytes?.length === HASH_LENGTH) return bytes;
  const found = bytes === undefined ? "no hexadecimal" : `${bytes.length} bytes`;
  throw new UsageError("USAGE_CLIENT_DATA_HASH", `--client-data-hash is ${found}, expected ${2 * HASH_LENGTH} hexadecimal digits`);
}

function parseChallenge(text: string): Uint8Array {
  try {
    const challenge = parseUnpaddedBase64url(text);
    if (challenge.length > 0) return challenge;
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new UsageError("USAGE_CHALLENGE", `--challenge is not base64url: ${error.message}`, { cause: error });
  }
  throw new UsageError("USAGE_CHALLENGE", "--challenge is empty");
}

/** A slash at the end is easily typed, and no server takes it. */
function checkOrigin(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw new UsageError("USAGE_ORIGIN", `--origin is ${JSON.stringify(text)}, which is no URL`, { hint: "it is like https://example.com" });
  if (url.origin === text || url.origin === "null") return url;
  throw new UsageError("USAGE_ORIGIN", `--origin is ${JSON.stringify(text)}, expected ${url.origin}`);
}

/**
 * A card does not look at it, and related origins are known to a server alone.
 * Origins that are no web page's, as `android:apk-key-hash:…`, have no host.
 *
 * Source: WebAuthn §5.1.3, step 8, and §5.1.4.1, step 7.
 */
function warnOfForeignOrigin(args: Arguments, { origin, hostname }: URL, rpId: string): void {
  if (args.flag("quiet") || origin === "null" || hostname === rpId || hostname.endsWith(`.${rpId}`)) return;
  say(`warning: the host of --origin ${origin} is not ${escapeUnsafe(rpId)} or below it: a browser would refuse this, and so do most servers`);
}

function misfit(args: Arguments, message: string): UsageError {
  return new UsageError("USAGE_CLIENT_DATA", message, { hint: args.usageHint });
}
