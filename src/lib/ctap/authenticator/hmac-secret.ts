import { createHmac } from "node:crypto";
import { concatBytes, copyBytes } from "../../bytes.ts";
import type { CredentialSource } from "./credential-id.ts";
import { deriveSecret } from "./credential-key.ts";
import { isBytes, isMap, isUnsigned, type Parameters } from "./parameters.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context } from "./session.ts";
import { openTunnel } from "./tunnel.ts";

const SALT_LENGTH = 32;

/** Gives the output of hmac-secret for one credential: two secrets where there were two salts, encrypted. */
export type HmacSecret = (source: CredentialSource, uv: boolean) => Uint8Array;

/**
 * Reads the input of hmac-secret. Source: CTAP 2.1 §12.5.
 *
 * @throws {Refusal} CTAP2_ERR_PIN_AUTH_INVALID, CTAP1_ERR_INVALID_LENGTH, CTAP1_ERR_INVALID_PARAMETER,
 *   CTAP2_ERR_MISSING_PARAMETER
 */
export function readHmacSecret(context: Context, input: Parameters): HmacSecret {
  const tunnel = openTunnel(context, input.optional(0x04, isUnsigned) ?? 1, input.required(0x01, isMap));
  const encryptedSalts = input.required(0x02, isBytes);
  if (!tunnel.verify(encryptedSalts, input.required(0x03, isBytes))) throw new Refusal(STATUS.pinAuthInvalid);
  const salts = tunnel.decrypt(encryptedSalts);
  if (salts.length !== SALT_LENGTH && salts.length !== 2 * SALT_LENGTH) throw new Refusal(STATUS.invalidLength);
  return ({ seed }, uv) => {
    const random = deriveSecret(seed, uv ? "hmac-secret with user verification" : "hmac-secret without user verification");
    const secrets = [];
    for (let offset = 0; offset < salts.length; offset += SALT_LENGTH) secrets.push(hmac(random, salts.subarray(offset, offset + SALT_LENGTH)));
    return tunnel.encrypt(concatBytes(...secrets));
  };
}

function hmac(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return copyBytes(createHmac("sha256", key).update(salt).digest());
}
