import { randomBytes } from "node:crypto";
import { copyBytes } from "../../bytes.ts";

/** What the authenticator keeps over a loss of power. Commands change it in place. */
export interface State {
  /** 32 bytes, from which all other keys come; a reset makes a new one, which voids every credential. */
  deviceKey: Uint8Array;
  /** Of signatures. */
  counter: number;
  pin: Pin | undefined;
  /** Wrong PINs that are still taken. */
  pinRetries: number;
  forcePinChange: boolean;
  /** In code points. */
  minPinLength: number;
  /** Relying parties that may see it. */
  minPinLengthRpIds: readonly string[];
  alwaysUv: boolean;
  /** The discoverable ones, the newest last. */
  credentials: readonly StoredCredential[];
  /** The serialized large-blob array, with its checksum. */
  largeBlobs: Uint8Array;
}

export interface Pin {
  /** The first 16 bytes of the PIN's SHA-256. */
  readonly hash: Uint8Array;
  /** In code points. */
  readonly length: number;
}

/** A discoverable credential; its keys are in its id. */
export interface StoredCredential {
  readonly id: Uint8Array;
  readonly rpId: string;
  readonly user: User;
  readonly credBlob?: Uint8Array | undefined;
}

/** The person that a credential is for. */
export interface User {
  /** 1 to 64 bytes. */
  readonly id: Uint8Array;
  readonly name?: string | undefined;
  readonly displayName?: string | undefined;
}

export const MAX_PIN_RETRIES = 8;
export const LEAST_MIN_PIN_LENGTH = 4;

/** Discoverable credentials that there is room for. */
export const MAX_CREDENTIALS = 64;

/** Bytes in the serialized large-blob array, checksum and all. */
export const MAX_LARGE_BLOBS_LENGTH = 4096;

/** An empty large-blob array and its checksum. Source: CTAP 2.1 §6.10.3. */
export const NO_LARGE_BLOBS: Uint8Array = Uint8Array.from([0x80, 0x76, 0xbe, 0x8b, 0x52, 0x8d, 0x00, 0x75, 0xf7, 0xaa, 0xe9, 0x8d, 0x6f, 0xa5, 0x7a, 0x6d, 0x3c]);

/** A new card's. */
export function newState(): State {
  return {
    deviceKey: copyBytes(randomBytes(32)),
    counter: 0,
    pin: undefined,
    pinRetries: MAX_PIN_RETRIES,
    forcePinChange: false,
    minPinLength: LEAST_MIN_PIN_LENGTH,
    minPinLengthRpIds: [],
    alwaysUv: false,
    credentials: [],
    largeBlobs: NO_LARGE_BLOBS,
  };
}

/** Keeps a state. */
export interface Store {
  /**
   * Runs one step over the state as it is now, and keeps what it changed before
   * it returns. Nobody else's step runs meanwhile.
   */
  run<Result>(step: (state: State) => Result): Result;
}

/** Keeps a state for as long as the process lives. */
export class MemoryStore implements Store {
  readonly #state: State;

  constructor(state: State = newState()) {
    this.#state = state;
  }

  run<Result>(step: (state: State) => Result): Result {
    return step(this.#state);
  }
}
