import { concatBytes, wipe } from "../bytes.ts";
import type { PublicKey } from "./public-key.ts";
import type { Mac, Primitives } from "./primitives.ts";

/** Bytes in a whole tag. */
export const TAG_LENGTH = 32;

/**
 * Two parties after their handshake, seen from one of them. Tags differ by
 * direction, so that what one party sent cannot be sent back to it.
 * Source: GLOME protocol, "Tag Generation".
 */
export class Dialog {
  readonly #ours: PublicKey;
  readonly #peer: PublicKey;
  readonly #sharedSecret: Uint8Array;
  readonly #primitives: Primitives;

  /** @param sharedSecret - 32 bytes, which the dialog takes over */
  constructor(ours: PublicKey, peer: PublicKey, sharedSecret: Uint8Array, primitives: Primitives) {
    this.#ours = ours;
    this.#peer = peer;
    this.#sharedSecret = sharedSecret;
    this.#primitives = primitives;
  }

  /** Begins the tag over a message of ours; feed it the message and take `digest()`. */
  startSending(counter: number): Mac {
    return this.#start(this.#peer, this.#ours, counter);
  }

  /** Begins the tag that the peer would have put on its message. */
  startReceiving(counter: number): Mac {
    return this.#start(this.#ours, this.#peer, counter);
  }

  /** @returns the 32-byte tag over a message of ours */
  tag(message: Uint8Array, counter = 0): Uint8Array {
    const mac = this.startSending(counter);
    mac.update(message);
    return mac.digest();
  }

  /** @returns the 32-byte tag that the peer's message must carry */
  expectedTag(message: Uint8Array, counter = 0): Uint8Array {
    const mac = this.startReceiving(counter);
    mac.update(message);
    return mac.digest();
  }

  #start(receiver: PublicKey, sender: PublicKey, counter: number): Mac {
    if (!Number.isInteger(counter) || counter < 0 || counter > 255) {
      throw new RangeError(`counter is ${counter}, expected 0 to 255`);
    }
    // shared secret(32) | receiver public key(32) | sender public key(32)
    const key = concatBytes(this.#sharedSecret, receiver.bytes, sender.bytes);
    const mac = this.#primitives.hmacSha256(key);
    wipe(key);
    mac.update(Uint8Array.of(counter));
    return mac;
  }
}
