import { randomBytes } from "node:crypto";
import { copyBytes } from "../../bytes.ts";
import { pinProtocol, type PinProtocolNumber } from "../pin-protocol.ts";
import type { Touch } from "./approval.ts";
import { isBytes, isUnsigned, type Parameters } from "./parameters.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { State } from "./state.ts";

/** What a token allows. Source: CTAP 2.1 §6.5.5.7, "pinUvAuthToken permissions". */
export const PERMISSION = { makeCredential: 0x01, getAssertion: 0x02, credentialManagement: 0x04, bioEnrollment: 0x08, largeBlobWrite: 0x10, authenticatorConfig: 0x20 } as const;

/** A token that was not used by then is void. Source: CTAP 2.1 §6.5.2.1, for USB. */
const FIRST_USE_MS = 30_000;

/** However it is used, a token is void by then. */
const LIFE_MS = 600_000;

const TOKEN_LENGTH = 32;

/** A pinUvAuthToken: the PIN was right, and so its holder may do this. Source: CTAP 2.1 §6.5.2.1. */
export class PinToken {
  readonly protocol: PinProtocolNumber;
  readonly bytes: Uint8Array = copyBytes(randomBytes(TOKEN_LENGTH));
  permissions: number;
  /** The relying party that it is for; the first that it is used for, where it was not said. */
  rpId: string | undefined;
  readonly #issuedMs: number;
  #isUsed = false;

  constructor(protocol: PinProtocolNumber, permissions: number, rpId: string | undefined, nowMs: number) {
    this.protocol = protocol;
    this.permissions = permissions;
    this.rpId = rpId;
    this.#issuedMs = nowMs;
  }

  /** Whether this is proof that somebody holds the token, in time. */
  verify(message: Uint8Array, proof: Uint8Array, nowMs: number): boolean {
    const ageMs = nowMs - this.#issuedMs;
    if (ageMs > LIFE_MS || (!this.#isUsed && ageMs > FIRST_USE_MS)) return false;
    if (!pinProtocol(this.protocol).verify(this.bytes, message, proof)) return false;
    this.#isUsed = true;
    return true;
  }

  /** After a touch it is worth no further credential or assertion. Source: CTAP 2.1 §6.1.2, step 14. */
  spend(): void {
    this.permissions &= PERMISSION.largeBlobWrite;
  }
}

/** Who holds the token that was given out last, and what time it is. */
interface Holder {
  readonly session: { readonly token: PinToken | undefined };
  /** In milliseconds, from any beginning. */
  readonly nowMs: number;
}

/** A pinUvAuthParam as a request has it. */
export interface Proof {
  readonly protocol: number | undefined;
  readonly param: Uint8Array | undefined;
}

/** @throws {Refusal} CTAP2_ERR_CBOR_UNEXPECTED_TYPE */
export function readProof(params: Parameters, protocolKey: number, paramKey: number): Proof {
  return { protocol: params.optional(protocolKey, isUnsigned), param: params.optional(paramKey, isBytes) };
}

/** @throws {Refusal} CTAP2_ERR_MISSING_PARAMETER, CTAP1_ERR_INVALID_PARAMETER */
export function parsePinProtocol(number: number | undefined): PinProtocolNumber {
  if (number === undefined) throw new Refusal(STATUS.missingParameter);
  if (number !== 1 && number !== 2) throw new Refusal(STATUS.invalidParameter);
  return number;
}

/**
 * @param message - what the proof must be over
 * @param permission - one of `PERMISSION`
 * @returns the token
 * @throws {Refusal} CTAP2_ERR_PUAT_REQUIRED without a proof; CTAP2_ERR_PIN_AUTH_INVALID, CTAP2_ERR_MISSING_PARAMETER,
 *   CTAP1_ERR_INVALID_PARAMETER
 */
export function requireToken({ session, nowMs }: Holder, { protocol, param }: Proof, message: Uint8Array, permission: number): PinToken {
  if (param === undefined) throw new Refusal(STATUS.puatRequired);
  const number = parsePinProtocol(protocol);
  const { token } = session;
  if (token?.protocol !== number || !token.verify(message, param, nowMs) || (token.permissions & permission) === 0) throw new Refusal(STATUS.pinAuthInvalid);
  return token;
}

/**
 * The same for a request about one relying party, which the token must be for.
 *
 * @returns the token, or nothing where the request has no proof
 */
export function verifyUser(holder: Holder, proof: Proof, clientDataHash: Uint8Array, permission: number, rpId: string): PinToken | undefined {
  if (proof.param === undefined) return undefined;
  const token = requireToken(holder, proof, clientDataHash, permission);
  if (token.rpId !== undefined && token.rpId !== rpId) throw new Refusal(STATUS.pinAuthInvalid);
  token.rpId = rpId;
  return token;
}

/** A pinUvAuthParam of no bytes asks a person which of several cards to use. Source: CTAP 2.1 §6.1.2, step 1. */
export function* chooseCard(context: { readonly state: State }): Generator<Touch, never, void> {
  yield { what: "pin-check" };
  throw new Refusal(context.state.pin === undefined ? STATUS.pinNotSet : STATUS.pinInvalid);
}
