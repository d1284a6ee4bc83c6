import { encodeBase64url, parseBase64url } from "../base64url.ts";
import { encodeHex, parseHex } from "../bytes.ts";
import { GlomeError, KeyholeError } from "../errors.ts";
import { byteString } from "../text.ts";
import { KEY_LENGTH, PublicKey } from "./public-key.ts";
import { encodePublicPem, parsePublicPem, pemLabel } from "./pem.ts";

/** The first word of a public key line. Source: GLOME RFD 002. */
export const PUBLIC_KEY_ID = "glome-v1";

/** `glome-v1 <44 base64url characters>`, without a newline. Source: GLOME RFD 002. */
export function encodePublicKey(key: PublicKey): string {
  return `${PUBLIC_KEY_ID} ${encodeBase64url(key.bytes)}`;
}

/** 64 hexadecimal digits, as the `key` of older glome-login configurations. */
export function encodePublicKeyHex(key: PublicKey): string {
  return encodeHex(key.bytes);
}

export function encodePublicKeyPem(key: PublicKey): string {
  return encodePublicPem(key.bytes);
}

/**
 * Reads the one line of RFD 002: the identifier, blanks, the key, and perhaps a
 * comment after a blank, as glome-login takes it.
 *
 * @throws {GlomeError} GLOME_PUBLIC_KEY
 */
export function parsePublicKeyLine(line: string): PublicKey {
  const [, id, key] = /^(glome-v1)[ \t]+([^ \t]+)(?:[ \t].*)?$/.exec(line) ?? [];
  if (id === undefined || key === undefined) {
    throw new GlomeError("GLOME_PUBLIC_KEY", `public key does not begin with "${PUBLIC_KEY_ID} "`, {
      hint: `a public key is one line, ${PUBLIC_KEY_ID} and 44 characters, as keyhole pubkey prints it`,
    });
  }
  try {
    return new PublicKey(parseBase64url(key));
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new GlomeError("GLOME_PUBLIC_KEY", `public key: ${error.message}`, { cause: error });
  }
}

/** @throws {GlomeError} GLOME_PUBLIC_KEY */
export function parsePublicKeyHex(text: string): PublicKey {
  const bytes = parseHex(text.startsWith("0x") ? text.slice(2) : text);
  if (bytes?.length !== KEY_LENGTH) {
    throw new GlomeError("GLOME_PUBLIC_KEY", `public key is not ${2 * KEY_LENGTH} hexadecimal digits`);
  }
  return new PublicKey(bytes);
}

/**
 * Reads a public key file in any printable form that `keyhole pubkey` writes.
 * 32 raw bytes are refused: they look the same as a private key, and the
 * difference must not depend on which file was named.
 *
 * @throws {GlomeError} GLOME_PUBLIC_KEY, GLOME_PRIVATE_AS_PUBLIC
 */
export function parsePublicKeyFile(contents: Uint8Array): PublicKey {
  const text = byteString(contents);
  const label = pemLabel(text);
  if (label === "PUBLIC KEY") return new PublicKey(parsePublicPem(text));
  if (label !== undefined) {
    throw new GlomeError("GLOME_PRIVATE_AS_PUBLIC", `expected a public key, found a ${label.toLowerCase()}`, {
      hint: "give the peer's public key; keyhole pubkey makes it from a private one",
    });
  }
  if (contents.length === KEY_LENGTH) {
    throw new GlomeError("GLOME_PRIVATE_AS_PUBLIC", "expected a public key, found 32 raw bytes, which is how private keys are kept", {
      hint: `a public key is one line that begins with ${PUBLIC_KEY_ID}; keyhole pubkey --key FILE makes it from a private key`,
    });
  }
  const [line = "", ...rest] = text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (rest.some((more) => more.trim() !== "")) {
    throw new GlomeError("GLOME_PUBLIC_KEY", `public key file has ${rest.length + 1} lines, expected one`);
  }
  return /^(0x)?[0-9a-fA-F]{64}$/.test(line) ? parsePublicKeyHex(line) : parsePublicKeyLine(line);
}
