import { encodeBase64url, parseBase64url } from "../base64url.ts";

// Security keys and WebAuthn write base64url without padding. Source: WebAuthn
// §3, "Base64url Encoding".

export function encodeUnpaddedBase64url(bytes: Uint8Array): string {
  return encodeBase64url(bytes).replace(/=+$/, "");
}

/**
 * As strict as `parseBase64url`, and whether there is padding is the writer's
 * choice.
 *
 * @throws {KeyholeError} BASE64URL
 */
export function parseUnpaddedBase64url(text: string): Uint8Array {
  return parseBase64url(text.includes("=") ? text : text + "=".repeat((4 - (text.length % 4)) % 4));
}
