import { createHash, hkdfSync } from "node:crypto";
import { concatBytes } from "../bytes.ts";
import { encodeUtf8 } from "../text.ts";

const KEY_LENGTH = 32;

/**
 * A key for a purpose of its own. Source: magic-wormhole, `derive_key`.
 *
 * @param key - of `finishPake`
 * @param purpose - at most 1024 bytes; an application begins it with its appid
 * @param length - in bytes
 */
export function deriveKey(key: Uint8Array, purpose: string | Uint8Array, length = KEY_LENGTH): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, "", purpose, length));
}

/**
 * The key of one message. Source: magic-wormhole, `derive_phase_key`.
 *
 * @param side - of the one who sends
 */
export function derivePhaseKey(key: Uint8Array, side: string, phase: string): Uint8Array {
  return deriveKey(key, concatBytes(encodeUtf8("wormhole:phase:"), sha256(side), sha256(phase)));
}

/** What two people can compare, in hex, to know that nobody sits between them: 32 bytes. */
export function deriveVerifier(key: Uint8Array): Uint8Array {
  return deriveKey(key, "wormhole:verifier");
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
