import { createHash } from "node:crypto";
import { equalBytes } from "../../src/lib/bytes.ts";
import { cborMap, type CborMap } from "../../src/lib/ctap/cbor.ts";
import { keyAgreement, pinProtocol } from "../../src/lib/ctap/pin-protocol.ts";
import type { Ctap2Request, Reply } from "./ctap.ts";

/** A card's side of PINs. */
export interface CardPin {
  /** What it answers to clientPIN. */
  readonly reply: (params: CborMap) => Reply;
  /** Whether a request that is not clientPIN carries this proof under these keys, made with the token. */
  readonly isProved: (request: Ctap2Request, message: Uint8Array, protocolKey: number, proofKey: number) => boolean;
}

/** As cards did before CTAP 2.1: protocol one, and tokens without permissions. */
export function legacyPin(pin: string): CardPin {
  const one = pinProtocol(1);
  const agreement = keyAgreement(1);
  const token = new Uint8Array(32).fill(0x42);
  let retries = 8;

  const getPinToken = (params: CborMap): Reply => {
    const secret = agreement.sharedSecret(params.get(0x03) as CborMap);
    const isRight = equalBytes(one.decrypt(secret, params.get(0x06) as Uint8Array), createHash("sha256").update(pin).digest().subarray(0, 16));
    retries = isRight ? 8 : retries - 1;
    return isRight ? cborMap([0x02, one.encrypt(secret, token)]) : 0x31;
  };
  return {
    reply: (params) => {
      switch (params.get(0x02)) {
        case 1:
          return cborMap([0x03, retries]);
        case 2:
          return cborMap([0x01, agreement.publicKey]);
        case 5:
          return getPinToken(params);
        default:
          return 0x3e;
      }
    },
    isProved: ({ params }, message, protocolKey, proofKey) => params.get(protocolKey) === 1 && one.verify(token, message, params.get(proofKey) as Uint8Array),
  };
}
