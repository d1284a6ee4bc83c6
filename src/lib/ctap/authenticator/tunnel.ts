import { CtapError } from "../../errors.ts";
import type { CborMap } from "../cbor.ts";
import { pinProtocol, type PinProtocolNumber } from "../pin-protocol.ts";
import { parsePinProtocol } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context } from "./session.ts";

/** Under a shared secret, host and card send what nobody between them may read or change. Source: CTAP 2.1 §6.5.4. */
export interface Tunnel {
  readonly protocol: PinProtocolNumber;
  verify(message: Uint8Array, proof: Uint8Array): boolean;
  encrypt(plain: Uint8Array): Uint8Array;
  /** @throws {Refusal} CTAP2_ERR_PIN_AUTH_INVALID */
  decrypt(cipher: Uint8Array): Uint8Array;
}

/**
 * @param peer - the host's key
 * @throws {Refusal} CTAP1_ERR_INVALID_PARAMETER where it is no key, or the protocol unknown; CTAP2_ERR_MISSING_PARAMETER
 */
export function openTunnel({ session }: Context, protocol: number | undefined, peer: CborMap): Tunnel {
  const number = parsePinProtocol(protocol);
  const sharedSecret = refusing(STATUS.invalidParameter, () => session.keyAgreement(number).sharedSecret(peer));
  const rules = pinProtocol(number);
  return {
    protocol: number,
    verify: (message, proof) => rules.verify(sharedSecret, message, proof),
    encrypt: (plain) => rules.encrypt(sharedSecret, plain),
    decrypt: (cipher) => refusing(STATUS.pinAuthInvalid, () => rules.decrypt(sharedSecret, cipher)),
  };
}

/** @throws {Refusal} with the status, in place of a CtapError */
function refusing<Result>(status: number, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof CtapError) throw new Refusal(status);
    throw error;
  }
}
