import { createCipheriv, createPrivateKey, scryptSync } from "node:crypto";
import { parseBase64url } from "../base64url.ts";
import { concatBytes, wipe } from "../bytes.ts";
import { GlomeError } from "../errors.ts";
import { encodePem, encodePrivateDer } from "./pem.ts";

/** The label of a PKCS#8 key under a passphrase. Source: RFC 7468 §11. */
export const ENCRYPTED_LABEL = "ENCRYPTED PRIVATE KEY";

// The work factor that OWASP's Password Storage Cheat Sheet gives for the most
// memory OpenSSL lets a key file ask for (below 32 MiB): N = 2^14, r = 8, p = 5.
const SCRYPT = { N: 2 ** 14, r: 8, p: 5 } as const;
const SALT_LENGTH = 16;
const IV_LENGTH = 16;

const OID_PBES2 = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d); // 1.2.840.113549.1.5.13
const OID_SCRYPT = Uint8Array.of(0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b); // 1.3.6.1.4.1.11591.4.11
const OID_AES_256_CBC = Uint8Array.of(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a); // 2.16.840.1.101.3.4.1.42

/**
 * PKCS#8 under PBES2 with scrypt and AES-256-CBC, which `openssl pkey` reads.
 * Node's own export derives the key from the passphrase in 2,048 rounds of
 * PBKDF2, too few today, and offers no other.
 * Source: RFC 5958 §3, RFC 8018 §6.2, RFC 7914 §7.
 *
 * @param randomBytes - source of salt and initialisation vector
 */
export function encodeEncryptedPem(privateKey: Uint8Array, passphrase: Uint8Array, randomBytes: (length: number) => Uint8Array): string {
  const salt = randomBytes(SALT_LENGTH);
  const iv = randomBytes(IV_LENGTH);
  const key = scryptSync(passphrase, salt, 32, SCRYPT);
  const der = encodePrivateDer(privateKey);
  const cipher = createCipheriv("aes-256-cbc", key, iv);
  const ciphertext = concatBytes(cipher.update(der), cipher.final());
  wipe(key, der);

  const { N, r, p } = SCRYPT;
  const scrypt = sequence(tlv(0x06, OID_SCRYPT), sequence(tlv(0x04, salt), integer(N), integer(r), integer(p)));
  const cbc = sequence(tlv(0x06, OID_AES_256_CBC), tlv(0x04, iv));
  const algorithm = sequence(tlv(0x06, OID_PBES2), sequence(scrypt, cbc));
  return encodePem(ENCRYPTED_LABEL, sequence(algorithm, tlv(0x04, ciphertext)));
}

/**
 * Reads any encrypted PKCS#8 key that OpenSSL reads.
 *
 * @returns 32 bytes; wipe them
 * @throws {GlomeError} GLOME_PASSPHRASE, GLOME_PEM
 */
export function decryptPem(pem: string, passphrase: Uint8Array): Uint8Array {
  let key;
  try {
    key = createPrivateKey({ key: pem, format: "pem", passphrase: Buffer.from(passphrase) });
  } catch (error) {
    throw new GlomeError("GLOME_PASSPHRASE", "encrypted private key does not open with this passphrase", {
      hint: "check the passphrase; a damaged key file gives the same answer",
      cause: error,
    });
  }
  if (key.asymmetricKeyType !== "x25519") {
    throw new GlomeError("GLOME_PEM", `encrypted private key is ${key.asymmetricKeyType ?? "of unknown type"}, expected x25519`);
  }
  return parseBase64url(`${String(key.export({ format: "jwk" }).d)}=`);
}

// DER, tag(1) | length(1 or 2) | contents; nothing here is longer than 255 bytes.
function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const contents = concatBytes(...parts);
  const length = contents.length < 0x80 ? [contents.length] : [0x81, contents.length];
  return concatBytes(Uint8Array.of(tag, ...length), contents);
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(0x30, ...parts);
}

function integer(value: number): Uint8Array {
  return tlv(0x02, value < 0x80 ? Uint8Array.of(value) : Uint8Array.of(value >> 8, value & 0xff));
}
