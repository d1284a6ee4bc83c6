import { copyBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { cborMap, type CborMap } from "./cbor.ts";
import type { SharedSecret } from "./client-pin.ts";

// Secrets that a credential derives from salts, for its owner alone.
// Source: CTAP 2.1 §12.5, "HMAC Secret Extension (hmac-secret)".

/** Name of the extension, in getInfo, requests and answers; with `true` in makeCredential it enables the rest. */
export const HMAC_SECRET = "hmac-secret";

const SALT_LENGTH = 32;

/**
 * @param bytes - one salt or two, of 32 bytes each
 * @throws {CtapError} CTAP_SALT
 */
export function parseSalts(bytes: Uint8Array): Uint8Array {
  if (bytes.length === SALT_LENGTH || bytes.length === 2 * SALT_LENGTH) return copyBytes(bytes);
  throw new CtapError("CTAP_SALT", `salt is ${bytes.length} bytes, expected ${SALT_LENGTH}, or ${2 * SALT_LENGTH} for two salts`, { hint: "it is raw bytes, without a line end" });
}

/**
 * The extension's input in getAssertion.
 *
 * @param secret - made for this request
 * @param salts - as `parseSalts` gives them
 */
export function encodeHmacSecretInput({ protocol, publicKey, bytes }: SharedSecret, salts: Uint8Array): CborMap {
  const saltEnc = protocol.encrypt(bytes, salts);
  // Cards of before CTAP 2.1 know no protocols, and may refuse to hear of one.
  const number = protocol.number === 1 ? undefined : protocol.number;
  return cborMap([0x01, publicKey], [0x02, saltEnc], [0x03, protocol.authenticate(bytes, saltEnc)], [0x04, number]);
}

/**
 * @param secret - the one of the request
 * @param output - of the extension, in the authenticator data
 * @param salts - of the request
 * @returns 32 bytes for each salt, a secret
 * @throws {CtapError} CTAP_HMAC_SECRET where it is not so; CTAP_PIN_PROTOCOL
 */
export function decryptHmacSecretOutput({ protocol, bytes }: SharedSecret, output: unknown, salts: Uint8Array): Uint8Array {
  if (!(output instanceof Uint8Array)) throw new CtapError("CTAP_HMAC_SECRET", "card gave no hmac-secret", { kind: "outside", hint: "the credential must have been made with --hmac-secret" });
  const secrets = protocol.decrypt(bytes, output);
  if (secrets.length === salts.length) return secrets;
  throw new CtapError("CTAP_HMAC_SECRET", `hmac-secret is ${secrets.length} bytes, expected ${salts.length}`, { kind: "outside" });
}
