import { createHash } from "node:crypto";

/** @param data - bytes, or text of which the UTF-8 is meant */
export function sha256(data: Uint8Array | string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest());
}

/** How authenticator data and credential management name an rp. Source: WebAuthn §6.1. */
export function hashRpId(rpId: string): Uint8Array {
  return sha256(rpId);
}
