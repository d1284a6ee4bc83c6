import { Answer, BOOLEAN, UNSIGNED } from "./answer.ts";
import { cborMap, type CborMap } from "./cbor.ts";

// authenticatorClientPIN with getPINRetries. Source: CTAP 2.1 §6.5.5.2.

export interface PinRetries {
  /** Wrong PINs until it is blocked for good. */
  readonly retries: number;
  /** The card takes no PIN until it was without power. */
  readonly needsPowerCycle: boolean;
}

/** To ask counts no try. @param protocol - which CTAP 2.0 demands, and CTAP 2.1 ignores */
export function pinRetriesParams(protocol: number | undefined): CborMap {
  return cborMap([0x01, protocol], [0x02, 0x01]);
}

/** @throws {CtapError} CTAP_ANSWER */
export function parsePinRetries(map: CborMap): PinRetries {
  const answer = new Answer(map, "clientPIN");
  return { retries: answer.required(0x03, UNSIGNED), needsPowerCycle: answer.optional(0x04, BOOLEAN) ?? false };
}

/** `1 try left`, `8 tries left` */
export function triesLeft(retries: number): string {
  return `${retries} ${retries === 1 ? "try" : "tries"} left`;
}
