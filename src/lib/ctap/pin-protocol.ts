import { createCipheriv, createDecipheriv, createECDH, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { concatBytes, copyBytes, equalBytes, wipe } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { COSE_ALGORITHM, encodeP256Key, parseP256Key, type CoseKey } from "./cose.ts";
import { sha256 } from "./hash.ts";

// Host and card use the same. Sources: CTAP 2.1 §6.5.6, "PIN/UV Auth Protocol
// One", and §6.5.7, "PIN/UV Auth Protocol Two".

export type PinProtocolNumber = 1 | 2;

/** How secrets are sent, and requests proved, under one PIN/UV auth protocol. */
export interface PinProtocol {
  readonly number: PinProtocolNumber;

  /**
   * @param sharedSecret - of `KeyAgreement`
   * @param plain - a multiple of 16 bytes
   * @throws {CtapError} CTAP_PIN_PROTOCOL
   */
  encrypt(sharedSecret: Uint8Array, plain: Uint8Array): Uint8Array;

  /** @throws {CtapError} CTAP_PIN_PROTOCOL where no plain text can have this length */
  decrypt(sharedSecret: Uint8Array, cipher: Uint8Array): Uint8Array;

  /**
   * @param key - a shared secret or a pinUvAuthToken
   * @returns 16 bytes for one, 32 bytes for two
   */
  authenticate(key: Uint8Array, message: Uint8Array): Uint8Array;

  /** Whether `authenticate` gives this signature. */
  verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** One side's key for the key agreement. */
export interface KeyAgreement {
  readonly publicKey: CoseKey;
  /**
   * @param peer - the other side's public key
   * @returns 32 bytes for one; 64 bytes, HMAC key and AES key, for two
   * @throws {CtapError} CTAP_COSE_KEY
   */
  sharedSecret(peer: CoseKey): Uint8Array;
}

const BLOCK = 16;
const KEY = 32;
const COORDINATE = 32;

/** @param random - for the initialisation vectors of protocol two */
export function pinProtocol(number: PinProtocolNumber, random: (length: number) => Uint8Array = randomBytes): PinProtocol {
  return number === 1 ? PROTOCOL_ONE : protocolTwo(random);
}

/** @param privateKey - a P-256 scalar, 32 bytes; without it a new one is made */
export function keyAgreement(number: PinProtocolNumber, privateKey?: Uint8Array): KeyAgreement {
  const ecdh = createECDH("prime256v1");
  if (privateKey === undefined) ecdh.generateKeys();
  else ecdh.setPrivateKey(privateKey);
  const point = ecdh.getPublicKey();
  return {
    publicKey: encodeP256Key(COSE_ALGORITHM.ecdhEs, { x: copyBytes(point.subarray(1, 1 + COORDINATE)), y: copyBytes(point.subarray(1 + COORDINATE)) }),
    sharedSecret: (peer) => {
      // Cards of the first drafts call it ES256.
      const { x, y } = parseP256Key(peer, COSE_ALGORITHM.ecdhEs, COSE_ALGORITHM.es256);
      let z: Uint8Array;
      try {
        z = ecdh.computeSecret(concatBytes(Uint8Array.of(4), x, y));
      } catch (error) {
        throw new CtapError("CTAP_COSE_KEY", "key agreement key is not a point of P-256", { kind: "outside", cause: error });
      }
      try {
        return number === 1 ? sha256(z) : concatBytes(derive(z, "CTAP2 HMAC key"), derive(z, "CTAP2 AES key"));
      } finally {
        wipe(z);
      }
    },
  };
}

const ZERO_IV = new Uint8Array(BLOCK);

const PROTOCOL_ONE: PinProtocol = {
  number: 1,
  encrypt: (sharedSecret, plain) => encryptBlocks(sharedSecret, ZERO_IV, plain),
  decrypt: (sharedSecret, cipher) => decryptBlocks(sharedSecret, ZERO_IV, cipher),
  authenticate: (key, message) => hmac(key, message).subarray(0, 16),
  verify: (key, message, signature) => equalBytes(PROTOCOL_ONE.authenticate(key, message), signature),
};

function protocolTwo(random: (length: number) => Uint8Array): PinProtocol {
  // Of a shared secret the first half; a token is no longer than that.
  const authenticate = (key: Uint8Array, message: Uint8Array): Uint8Array => hmac(key.subarray(0, KEY), message);
  return {
    number: 2,
    encrypt: (sharedSecret, plain) => {
      const iv = random(BLOCK);
      return concatBytes(iv, encryptBlocks(sharedSecret.subarray(KEY), iv, plain));
    },
    decrypt: (sharedSecret, cipher) => {
      if (cipher.length < BLOCK) throw badLength(cipher.length);
      return decryptBlocks(sharedSecret.subarray(KEY), cipher.subarray(0, BLOCK), cipher.subarray(BLOCK));
    },
    authenticate,
    verify: (key, message, signature) => equalBytes(authenticate(key, message), signature),
  };
}

function encryptBlocks(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array {
  checkBlocks(plain);
  const cipher = createCipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
  return concatBytes(cipher.update(plain), cipher.final());
}

function decryptBlocks(key: Uint8Array, iv: Uint8Array, cipher: Uint8Array): Uint8Array {
  checkBlocks(cipher);
  const decipher = createDecipheriv("aes-256-cbc", key, iv).setAutoPadding(false);
  const parts = [decipher.update(cipher), decipher.final()];
  const plain = concatBytes(...parts);
  wipe(...parts);
  return plain;
}

function checkBlocks({ length }: Uint8Array): void {
  if (length === 0 || length % BLOCK !== 0) throw badLength(length);
}

function badLength(length: number): CtapError {
  return new CtapError("CTAP_PIN_PROTOCOL", `encrypted data is ${length} bytes, expected a multiple of ${BLOCK}`, { kind: "outside" });
}

function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(message).digest());
}

function derive(z: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", z, new Uint8Array(KEY), info, KEY));
}
