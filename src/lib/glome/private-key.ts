import { copyBytes, wipe } from "../bytes.ts";
import { GlomeError } from "../errors.ts";
import { Dialog } from "./dialog.ts";
import type { Primitives, X25519PrivateKey } from "./primitives.ts";
import { KEY_LENGTH, PublicKey } from "./public-key.ts";

/** An X25519 private key. It does not show its bytes when printed or logged. */
export class PrivateKey {
  readonly #bytes: Uint8Array;
  readonly #key: X25519PrivateKey;
  readonly #primitives: Primitives;
  #publicKey: PublicKey | undefined;

  /**
   * @param bytes - 32 bytes, copied
   * @throws {GlomeError} GLOME_PRIVATE_KEY_LENGTH
   */
  constructor(bytes: Uint8Array, primitives: Primitives) {
    if (bytes.length !== KEY_LENGTH) {
      throw new GlomeError("GLOME_PRIVATE_KEY_LENGTH", `private key is ${bytes.length} bytes, expected ${KEY_LENGTH}`);
    }
    this.#bytes = copyBytes(bytes);
    this.#primitives = primitives;
    this.#key = primitives.importPrivateKey(this.#bytes);
  }

  get publicKey(): PublicKey {
    this.#publicKey ??= new PublicKey(this.#key.publicKey());
    return this.#publicKey;
  }

  /**
   * The handshake: what both sides need to tag for each other.
   * Source: GLOME protocol, "Key Exchange" and "Tag Generation".
   *
   * @throws {GlomeError} GLOME_LOW_ORDER_KEY where the peer's key would make
   *   the shared secret known to everybody (RFC 7748 §6.1)
   */
  exchange(peer: PublicKey): Dialog {
    const sharedSecret = this.#key.sharedSecret(peer.bytes);
    if (sharedSecret === undefined) {
      throw new GlomeError("GLOME_LOW_ORDER_KEY", "peer public key is a low-order point, which makes every tag forgeable", {
        hint: "ask the peer for its real public key; no working client makes such a one",
      });
    }
    return new Dialog(this.publicKey, peer, sharedSecret, this.#primitives);
  }

  /** @returns a copy of the secret bytes, for the one who writes key files; wipe it */
  exportBytes(): Uint8Array {
    return copyBytes(this.#bytes);
  }

  /** Overwrites the bytes. What the cryptography library copied is beyond reach. */
  destroy(): void {
    wipe(this.#bytes);
  }

  toJSON(): string {
    return "[private key]";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[private key]";
  }
}
