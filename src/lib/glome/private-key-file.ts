import { copyBytes } from "../bytes.ts";
import { GlomeError } from "../errors.ts";
import { byteString } from "../text.ts";
import { decryptPem, ENCRYPTED_LABEL } from "./encrypted-pem.ts";
import { PUBLIC_KEY_ID } from "./key-text.ts";
import { KEY_LENGTH } from "./public-key.ts";
import { parsePrivatePem, pemLabel } from "./pem.ts";

/** More than any private key file needs. */
export const MAX_KEY_FILE_LENGTH = 16 * 1024;

/**
 * Reads a private key in any form that `keyhole genkey` writes, told apart by
 * content: 32 raw bytes, PKCS#8 PEM (RFC 8410), or that under a passphrase.
 *
 * @param passphrase - asked for only when the key is encrypted
 * @returns 32 bytes; wipe them
 * @throws {GlomeError} GLOME_PRIVATE_KEY_LENGTH, GLOME_PUBLIC_AS_PRIVATE, GLOME_PEM, GLOME_PASSPHRASE
 */
export function parsePrivateKeyFile(contents: Uint8Array, passphrase: () => Uint8Array): Uint8Array {
  // First of all by length: any 32 bytes are a key, even printable ones.
  if (contents.length === KEY_LENGTH) return copyBytes(contents);
  const text = byteString(contents);
  const label = pemLabel(text);
  if (label === "PRIVATE KEY") return parsePrivatePem(text);
  if (label === ENCRYPTED_LABEL) return decryptPem(text, passphrase());
  if (label === "PUBLIC KEY" || text.trimStart().startsWith(PUBLIC_KEY_ID)) {
    throw new GlomeError("GLOME_PUBLIC_AS_PRIVATE", "expected a private key, found a public key", {
      hint: "give the file that keyhole genkey wrote, not the one of keyhole pubkey",
    });
  }
  if (label !== undefined) {
    throw new GlomeError("GLOME_PEM", `expected a private key, found a PEM block "${label}"`, {
      hint: "GLOME keys are X25519 keys in PKCS#8, as keyhole genkey --format pem writes them",
    });
  }
  throw new GlomeError("GLOME_PRIVATE_KEY_LENGTH", `private key is ${contents.length} bytes, expected ${KEY_LENGTH} raw bytes or PEM`, {
    hint: lengthHint(contents.length, text),
  });
}

/** Whether reading this key will ask for a passphrase. */
export function isEncryptedKeyFile(contents: Uint8Array): boolean {
  return contents.length !== KEY_LENGTH && pemLabel(byteString(contents)) === ENCRYPTED_LABEL;
}

function lengthHint(length: number, text: string): string {
  if (length === 0) return "the file is empty; write a key with keyhole genkey --out FILE";
  if (/^[0-9a-fA-F]{64}\s*$/.test(text)) return "these are 64 hexadecimal digits, which in older configurations are a public key";
  if (length === KEY_LENGTH + 1 && text.endsWith("\n")) return "the file ends in a newline that is not part of the key, perhaps added by an editor";
  return "write a key with keyhole genkey --out FILE";
}
