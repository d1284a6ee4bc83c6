import { encodeBase64url, parseBase64url } from "../base64url.ts";
import { concatBytes } from "../bytes.ts";
import { GlomeError, KeyholeError } from "../errors.ts";
import { TAG_LENGTH } from "./dialog.ts";
import { KEY_LENGTH, PublicKey } from "./public-key.ts";

export type Version = "v1" | "v2";

/** Highest index a challenge can name. */
export const MAX_INDEX = 127;

const INDEX_FLAG = 0x80;
const MIN_LENGTH = 1 + KEY_LENGTH;
const MAX_LENGTH = MIN_LENGTH + TAG_LENGTH;

/**
 * Which service key a challenge is for. v1 sends one number that is an index
 * or seven bits of the public key, and does not say which.
 */
export type KeyHint =
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "prefix"; readonly byte: number }
  | { readonly kind: "index-or-prefix"; readonly value: number };

export interface Handshake {
  readonly keyHint: KeyHint;
  /** The ephemeral key of the machine that asks. */
  readonly clientKey: PublicKey;
  /** 0 to 32 bytes of the client's tag over the message. */
  readonly messageTagPrefix: Uint8Array;
}

/**
 * The byte of a public key that names it: in v2 the last one, whose top bit
 * X25519 leaves clear. v1 meant the top seven bits and its tools came to send
 * the low seven of the first byte, which is now the protocol.
 * Source: GLOME RFD 001, "prefix7"; google/glome issue 60.
 */
export function publicKeyPrefix(key: PublicKey, version: Version): number {
  return version === "v2" ? (key.bytes[KEY_LENGTH - 1] ?? 0) & 0x7f : (key.bytes[0] ?? 0) & 0x7f;
}

/**
 * @param text - padded base64url
 * @throws {GlomeError} CHALLENGE_HANDSHAKE
 */
export function parseHandshake(text: string, version: Version): Handshake {
  const bytes = parseHandshakeBytes(text);
  if (bytes.length < MIN_LENGTH || bytes.length > MAX_LENGTH) {
    throw new GlomeError("CHALLENGE_HANDSHAKE", `handshake is ${bytes.length} bytes, expected ${MIN_LENGTH} to ${MAX_LENGTH}`, {
      hint: "characters were lost or added; copy the whole challenge again",
    });
  }
  // prefix(1) | client public key(32) | message tag prefix(0..32)
  return {
    keyHint: parseKeyHint(bytes[0] ?? 0, version),
    clientKey: new PublicKey(bytes.subarray(1, MIN_LENGTH)),
    messageTagPrefix: bytes.subarray(MIN_LENGTH),
  };
}

function parseHandshakeBytes(text: string): Uint8Array {
  try {
    return parseBase64url(text);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new GlomeError("CHALLENGE_HANDSHAKE", `handshake: ${error.message}`, {
      hint: "a character was lost or misread; copy the challenge again",
      cause: error,
    });
  }
}

function parseKeyHint(byte: number, version: Version): KeyHint {
  if (version === "v2") {
    return byte >= INDEX_FLAG ? { kind: "index", index: byte - INDEX_FLAG } : { kind: "prefix", byte };
  }
  if (byte >= INDEX_FLAG) {
    throw new GlomeError("CHALLENGE_HANDSHAKE", "handshake has the prefix type 1, which GLOME Login v1 reserves", {
      hint: "a v2 challenge begins with v2/; check the first characters",
    });
  }
  return { kind: "index-or-prefix", value: byte };
}

/** @returns padded base64url */
export function encodeHandshake(handshake: Handshake): string {
  const { keyHint, clientKey, messageTagPrefix } = handshake;
  return encodeBase64url(concatBytes(Uint8Array.of(encodeKeyHint(keyHint)), clientKey.bytes, messageTagPrefix));
}

function encodeKeyHint(hint: KeyHint): number {
  switch (hint.kind) {
    case "index":
      return INDEX_FLAG | hint.index;
    case "prefix":
      return hint.byte;
    case "index-or-prefix":
      return hint.value;
  }
}
