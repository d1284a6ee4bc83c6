import { createHash } from "node:crypto";
import { encodeUtf8 } from "../text.ts";
import { encodeUnpaddedBase64url } from "./unpadded-base64url.ts";

export type ClientDataType = "webauthn.create" | "webauthn.get";

/** What a browser would tell the relying party about a request, which the card signs. */
export interface ClientData {
  /** JSON in UTF-8, these very bytes. */
  readonly json: Uint8Array;
  /** SHA-256 of it. */
  readonly hash: Uint8Array;
}

/**
 * Client data as a browser writes them for a page of the origin itself.
 * Source: WebAuthn §5.8.1.1, "Serialization".
 *
 * @param challenge - the bytes that the relying party made up
 * @param origin - of the page, say `https://example.com`
 */
export function makeClientData(type: ClientDataType, challenge: Uint8Array, origin: string): ClientData {
  const json = encodeUtf8(`{"type":${quote(type)},"challenge":${quote(encodeUnpaddedBase64url(challenge))},"origin":${quote(origin)},"crossOrigin":false}`);
  return { json, hash: new Uint8Array(createHash("sha256").update(json).digest()) };
}

/** Unlike JSON.stringify, it knows no short escapes but those of quote and backslash. */
function quote(text: string): string {
  const escaped = text.replace(/["\\]/g, "\\$&").replace(/[\x00-\x1f]/g, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `"${escaped}"`;
}
