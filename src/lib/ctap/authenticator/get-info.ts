import { parseHex } from "../../bytes.ts";
import { cborMap } from "../cbor.ts";
import { okMap } from "./answer.ts";
import { CREDENTIAL_ID_LENGTH } from "./credential-id.ts";
import { ALGORITHMS } from "./credential-key.ts";
import { MAX_LIST_LENGTH } from "./entities.ts";
import type { Context } from "./session.ts";
import { MAX_CREDENTIALS, MAX_LARGE_BLOBS_LENGTH, type State } from "./state.ts";

/** Of this model, as RFC 9562 makes one at random. */
export const AAGUID: Uint8Array = parseHex("6d6f7a54f1c94b0ba9a2b7c3d05e4e18") ?? new Uint8Array();

/** Bytes in the longest request of CTAP2: those of 31 packets, which is what uhid keeps of what has not been read yet. */
export const MAX_MESSAGE_SIZE = 1827;

export const MAX_CRED_BLOB_LENGTH = 32;
export const MAX_MIN_PIN_LENGTH_RP_IDS = 8;

const FIRMWARE_VERSION = 1;

/**
 * authenticatorGetInfo. Source: CTAP 2.1 §6.4. Hosts ask for it all the time,
 * and it hardly ever changes.
 */
export function getInfo({ state, session }: Context): Uint8Array {
  const variant = [state.alwaysUv, state.pin !== undefined, state.forcePinChange, state.minPinLength, state.credentials.length].join();
  if (session.info?.variant !== variant) session.info = { variant, answer: encodeInfo(state) };
  return session.info.answer;
}

function encodeInfo(state: State): Uint8Array {
  const options = cborMap(
    ["rk", true],
    ["up", true],
    ["ep", false],
    ["alwaysUv", state.alwaysUv],
    ["clientPin", state.pin !== undefined],
    ["credMgmt", true],
    ["authnrCfg", true],
    ["largeBlobs", true],
    ["pinUvAuthToken", true],
    ["setMinPINLength", true],
    ["makeCredUvNotRqd", !state.alwaysUv],
  );
  return okMap(
    [0x01, versions(state)],
    [0x02, ["credBlob", "credProtect", "hmac-secret", "largeBlobKey", "minPinLength"]],
    [0x03, AAGUID],
    [0x04, options],
    [0x05, MAX_MESSAGE_SIZE],
    [0x06, [2, 1]],
    [0x07, MAX_LIST_LENGTH],
    [0x08, CREDENTIAL_ID_LENGTH],
    [0x09, ["usb"]],
    [0x0a, ALGORITHMS.map((alg) => cborMap(["alg", alg], ["type", "public-key"]))],
    [0x0b, MAX_LARGE_BLOBS_LENGTH],
    [0x0c, state.forcePinChange],
    [0x0d, state.minPinLength],
    [0x0e, FIRMWARE_VERSION],
    [0x0f, MAX_CRED_BLOB_LENGTH],
    [0x10, MAX_MIN_PIN_LENGTH_RP_IDS],
    [0x14, MAX_CREDENTIALS - state.credentials.length],
  );
}

/** U2F knows no user verification, so that it is off where that is always asked for. Source: CTAP 2.1 §7.2. */
function versions({ alwaysUv }: State): readonly string[] {
  return alwaysUv ? ["FIDO_2_0", "FIDO_2_1"] : ["U2F_V2", "FIDO_2_0", "FIDO_2_1"];
}
