import { concatBytes, wipe } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { Answer, BYTES, MAP, UNSIGNED } from "./answer.ts";
import { cborMap, type CborValue } from "./cbor.ts";
import type { CoseKey } from "./cose.ts";
import { CTAP2_COMMAND, type Ctap2 } from "./ctap2.ts";
import { hasOption, supportsOption, type GetInfo } from "./get-info.ts";
import { keyAgreement, pinProtocol, type PinProtocol, type PinProtocolNumber } from "./pin-protocol.ts";
import { checkPinLength, encryptPin, encryptPinHash } from "./pin.ts";
import { parsePinRetries, pinRetriesParams, type PinRetries } from "./pin-retries.ts";
import { PinUvAuthToken } from "./pin-uv-auth-token.ts";
import { isStatus, statusError } from "./status.ts";

// Source: CTAP 2.1 §6.5, "authenticatorClientPIN".

export { checkPinLength, parsePin } from "./pin.ts";
export type { PinRetries } from "./pin-retries.ts";
export { PERMISSION, PinUvAuthToken } from "./pin-uv-auth-token.ts";

/** How a user shows who they are: a PIN, as `parsePin` gives it, or what the card has of its own. */
export type Verification = { readonly pin: Uint8Array } | { readonly uv: true };

/** A secret that host and card share, for one request. */
export interface SharedSecret {
  readonly protocol: PinProtocol;
  /** The host's, for the request. */
  readonly publicKey: CoseKey;
  /** Wipe it after use. */
  readonly bytes: Uint8Array;
}

/** Where secrets come from; a test fixes them. */
export interface PinRandomness {
  /** A P-256 scalar of 32 bytes for each key agreement. */
  readonly privateKey?: (() => Uint8Array) | undefined;
  /** For the initialisation vectors of protocol two. */
  readonly random?: ((length: number) => Uint8Array) | undefined;
}

const SUBCOMMAND = { getKeyAgreement: 2, setPin: 3, changePin: 4, getPinToken: 5, getTokenUsingUv: 6, getUvRetries: 7, getTokenUsingPin: 9 } as const;

/** PINs, retries and tokens of one card. */
export class ClientPin {
  readonly #ctap2: Ctap2;
  readonly #protocol: PinProtocolNumber | undefined;
  readonly #randomness: PinRandomness;

  /** @param protocol - without it, the one that the card likes best */
  constructor(ctap2: Ctap2, protocol?: PinProtocolNumber, randomness: PinRandomness = {}) {
    this.#ctap2 = ctap2;
    this.#protocol = protocol;
    this.#randomness = randomness;
  }

  /** @throws {CtapError} as `Ctap2.call` */
  async retries(): Promise<PinRetries> {
    return parsePinRetries(await this.#ctap2.call(CTAP2_COMMAND.clientPin, pinRetriesParams(await this.#knownProtocol())));
  }

  /** Failed verifications on the card until it wants the PIN. @throws {CtapError} as `Ctap2.call` */
  async uvRetries(): Promise<number> {
    return (await this.#call(SUBCOMMAND.getUvRetries, await this.#knownProtocol())).required(0x05, UNSIGNED);
  }

  /**
   * Gives a card without a PIN its first one.
   *
   * @param pin - as `parsePin` gives it
   * @throws {CtapError} CTAP_PIN where it is shorter or longer than this card takes, CTAP_PIN_SET,
   *   CTAP_PIN_UNSUPPORTED; as `shareSecret`
   */
  async setPin(pin: Uint8Array): Promise<void> {
    const info = await this.#ctap2.getInfo();
    checkHasNoPin(info);
    checkPinLength(pin, info);
    await this.#withSecret(async ({ protocol, publicKey, bytes }) => {
      const newPinEnc = encryptPin(protocol, bytes, pin);
      await this.#call(SUBCOMMAND.setPin, protocol.number, [0x03, publicKey], [0x04, protocol.authenticate(bytes, newPinEnc)], [0x05, newPinEnc]);
    });
    this.#ctap2.forget();
  }

  /**
   * @param pin - the one that the card has
   * @param newPin - as `parsePin` gives it
   * @throws {CtapError} CTAP_PIN where the new one is shorter or longer than this card takes, CTAP_PIN_UNSUPPORTED,
   *   CTAP2_ERR_PIN_NOT_SET, CTAP2_ERR_PIN_INVALID, CTAP2_ERR_PIN_AUTH_BLOCKED, CTAP2_ERR_PIN_BLOCKED; as `shareSecret`
   */
  async changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void> {
    const info = await this.#ctap2.getInfo();
    checkHasPin(info);
    checkPinLength(newPin, info);
    await this.#withSecret(async ({ protocol, publicKey, bytes }) => {
      const newPinEnc = encryptPin(protocol, bytes, newPin);
      const pinHashEnc = encryptPinHash(protocol, bytes, pin);
      const proof = protocol.authenticate(bytes, concatBytes(newPinEnc, pinHashEnc));
      await this.#call(SUBCOMMAND.changePin, protocol.number, [0x03, publicKey], [0x04, proof], [0x05, newPinEnc], [0x06, pinHashEnc]);
    });
    this.#ctap2.forget();
  }

  /**
   * Gets a token, from cards of before CTAP 2.1 one without permissions. On a
   * card with user verification of its own, the card asks the user for it.
   *
   * @param permissions - bits of `PERMISSION`
   * @param rpId - needed for mc and ga; for others it narrows them
   * @throws {CtapError} CTAP_PIN_CHANGE where the PIN must be changed first, CTAP_UV_TOKEN where the card gives none
   *   for its own verification, CTAP2_ERR_PIN_NOT_SET, CTAP2_ERR_PIN_INVALID, CTAP2_ERR_PIN_AUTH_BLOCKED,
   *   CTAP2_ERR_PIN_BLOCKED, CTAP2_ERR_UV_INVALID, CTAP2_ERR_UV_BLOCKED; as `shareSecret`
   */
  async getToken(verification: Verification, permissions: number, rpId?: string): Promise<PinUvAuthToken> {
    const info = await this.#ctap2.getInfo();
    const hasPermissions = hasOption(info, "pinUvAuthToken");
    const limits = hasPermissions ? ([[0x09, permissions], [0x0a, rpId]] as const) : [];
    if ("uv" in verification) {
      if (!hasPermissions) throw new CtapError("CTAP_UV_TOKEN", "card gives no token for its own user verification", { kind: "outside", hint: "ask for the verification with the request, or use the PIN" });
      return this.#token(SUBCOMMAND.getTokenUsingUv, () => [], limits);
    }
    if (!hasOption(info, "clientPin")) throw statusError(0x35);
    if (info.forcePinChange) throw mustChange();
    try {
      return await this.#token(
        hasPermissions ? SUBCOMMAND.getTokenUsingPin : SUBCOMMAND.getPinToken,
        ({ protocol, bytes }) => [[0x06, encryptPinHash(protocol, bytes, verification.pin)]],
        limits,
      );
    } catch (error) {
      // There is no other policy that a PIN which is set could be against. Source: CTAP 2.1 §6.5.5.7.2.
      throw isStatus(error, 0x37) ? mustChange(error) : error;
    }
  }

  /**
   * A new secret with the card, as for hmac-secret.
   *
   * @throws {CtapError} CTAP_NO_PIN_PROTOCOL, CTAP_COSE_KEY; as `Ctap2.call`
   */
  async shareSecret(): Promise<SharedSecret> {
    const number = await this.#requiredProtocol();
    const answer = await this.#call(SUBCOMMAND.getKeyAgreement, number);
    const agreement = keyAgreement(number, this.#randomness.privateKey?.());
    return { protocol: pinProtocol(number, this.#randomness.random), publicKey: agreement.publicKey, bytes: agreement.sharedSecret(answer.required(0x01, MAP)) };
  }

  async #token(subCommand: number, proof: (secret: SharedSecret) => readonly Entry[], limits: readonly Entry[]): Promise<PinUvAuthToken> {
    return this.#withSecret(async (secret) => {
      const { protocol, publicKey, bytes } = secret;
      const answer = await this.#call(subCommand, protocol.number, [0x03, publicKey], ...proof(secret), ...limits);
      const token = protocol.decrypt(bytes, answer.required(0x02, BYTES));
      try {
        checkTokenLength(token.length, protocol.number);
        return new PinUvAuthToken(token, protocol.number);
      } finally {
        wipe(token);
      }
    });
  }

  async #withSecret<T>(run: (secret: SharedSecret) => Promise<T>): Promise<T> {
    const secret = await this.shareSecret();
    try {
      return await run(secret);
    } finally {
      wipe(secret.bytes);
    }
  }

  async #call(subCommand: number, protocol: PinProtocolNumber | undefined, ...entries: readonly Entry[]): Promise<Answer> {
    return new Answer(await this.#ctap2.call(CTAP2_COMMAND.clientPin, cborMap([0x01, protocol], [0x02, subCommand], ...entries)), "clientPIN");
  }

  async #knownProtocol(): Promise<PinProtocolNumber | undefined> {
    return choosePinProtocol(await this.#ctap2.getInfo(), this.#protocol);
  }

  async #requiredProtocol(): Promise<PinProtocolNumber> {
    const protocol = await this.#knownProtocol();
    if (protocol !== undefined) return protocol;
    throw new CtapError("CTAP_NO_PIN_PROTOCOL", "card has no PIN/UV protocol that is known here, expected 1 or 2", {
      kind: "outside",
      hint: "what needs no PIN works without one: give --uv discouraged",
    });
  }
}

type Entry = readonly [number, CborValue];

/**
 * @param override - against the card's preference; taken as it is where the card lists none
 * @returns nothing where the card has none that is known here
 * @throws {CtapError} CTAP_NO_PIN_PROTOCOL where the card lists others than the override
 */
export function choosePinProtocol(info: GetInfo, override?: PinProtocolNumber): PinProtocolNumber | undefined {
  const offered = info.pinUvAuthProtocols;
  if (override === undefined) return offered.find((number) => number === 1 || number === 2);
  if (offered.length === 0 || offered.includes(override)) return override;
  throw new CtapError("CTAP_NO_PIN_PROTOCOL", `card does not have PIN/UV protocol ${override}, it has ${offered.join(" and ")}`, { kind: "outside" });
}

/** @throws {CtapError} CTAP_PIN_UNSUPPORTED, CTAP_PIN_SET */
export function checkHasNoPin(info: GetInfo): void {
  checkPinSupport(info);
  if (!hasOption(info, "clientPin")) return;
  throw new CtapError("CTAP_PIN_SET", "card has a PIN already", { kind: "no", hint: "keyhole ctap pin change changes it" });
}

/** @throws {CtapError} CTAP_PIN_UNSUPPORTED, CTAP2_ERR_PIN_NOT_SET */
export function checkHasPin(info: GetInfo): void {
  checkPinSupport(info);
  if (!hasOption(info, "clientPin")) throw statusError(0x35);
}

/** @throws {CtapError} CTAP_PIN_UNSUPPORTED */
export function checkPinSupport(info: GetInfo): void {
  if (!supportsOption(info, "clientPin")) throw new CtapError("CTAP_PIN_UNSUPPORTED", "card has no PINs", { kind: "outside", hint: "keyhole ctap info shows what it has" });
}

/** Source: CTAP 2.1 §6.5.6 and §6.5.7. */
function checkTokenLength(length: number, protocol: PinProtocolNumber): void {
  if (length === 32 || (length === 16 && protocol === 1)) return;
  throw new CtapError("CTAP_ANSWER", `PIN/UV auth token is ${length} bytes, expected ${protocol === 1 ? "16 or 32" : "32"}`, { kind: "outside" });
}

function mustChange(cause?: unknown): CtapError {
  return new CtapError("CTAP_PIN_CHANGE", "card wants its PIN changed before it takes it for anything else", { kind: "no", cause, hint: "keyhole ctap pin change changes it" });
}
