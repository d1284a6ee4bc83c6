import { copyBytes, wipe } from "../bytes.ts";
import { pinProtocol, type PinProtocolNumber } from "./pin-protocol.ts";

/** What a token may be good for, as bits. Source: CTAP 2.1 §6.5.5.7. */
export const PERMISSION = {
  /** makeCredential; needs an rp id. */
  mc: 0x01,
  /** getAssertion; needs an rp id. */
  ga: 0x02,
  /** credentialManagement. */
  cm: 0x04,
  /** bioEnrollment. */
  be: 0x08,
  /** largeBlobs, to write. */
  lbw: 0x10,
  /** config. */
  acfg: 0x20,
  /** credentialManagement, to read alone; CTAP 2.2. */
  pcmr: 0x40,
} as const;

/** The proof that a PIN or user verification was right. It does not show its bytes when printed or logged. */
export class PinUvAuthToken {
  readonly protocol: PinProtocolNumber;
  readonly #bytes: Uint8Array;

  /** @param bytes - 16 or 32, copied */
  constructor(bytes: Uint8Array, protocol: PinProtocolNumber) {
    this.#bytes = copyBytes(bytes);
    this.protocol = protocol;
  }

  /** The pinUvAuthParam of a request. */
  authenticate(message: Uint8Array): Uint8Array {
    return pinProtocol(this.protocol).authenticate(this.#bytes, message);
  }

  /** Overwrites the bytes. */
  destroy(): void {
    wipe(this.#bytes);
  }

  toJSON(): string {
    return "[PIN/UV auth token]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[PIN/UV auth token]";
  }
}
