import { setTimeout } from "node:timers/promises";
import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { byteString } from "../text.ts";
import { describeStatusWord, encodeApdu, parseApduResponse, STATUS_WORD, type ApduCommand, type ApduResponse } from "./apdu.ts";
import { COSE_ALGORITHM } from "./cose.ts";
import { USER_TIMEOUT_MS, type CtapDevice, type TransactOptions } from "./device.ts";
import type { CredentialDescriptor } from "./entities.ts";
import type { Assertion, GetAssertionParams } from "./get-assertion.ts";
import { hashRpId } from "./hash.ts";
import type { MadeCredential, MakeCredentialParams } from "./make-credential.ts";
import { HID_COMMAND } from "./packet.ts";
import { statusError } from "./status.ts";
import { parseAuthentication, parseRegistration, type Authentication } from "./u2f.ts";

// Sources: FIDO U2F Raw Message Formats; CTAP 2.1 §7, "Interoperating with
// CTAP1/U2F authenticators".

/** Instructions of CTAP1. */
export const U2F_INS = { register: 0x01, authenticate: 0x02, version: 0x03 } as const;

/** What AUTHENTICATE is to do. */
export const U2F_CONTROL = { checkOnly: 0x07, sign: 0x03, signWithoutTouch: 0x08 } as const;

/** Between two askings whether the card was touched. */
const POLL_MS = 250;

/** Of the person's time, for the last asking; a card answers each at once. */
const MIN_CALL_MS = 500;

const MAX_KEY_HANDLE_LENGTH = 255;

export interface Ctap1Options extends TransactOptions {
  /** Between two askings whether the card was touched. */
  readonly pollMs?: number | undefined;
}

/** CTAP1, or U2F, with one card. One request at a time. */
export class Ctap1 {
  readonly device: CtapDevice;
  readonly #options: Ctap1Options;

  /** @param options - for every request; the person's time is for all the polling of one */
  constructor(device: CtapDevice, options: Ctap1Options = {}) {
    this.device = device;
    this.#options = options;
  }

  /** @throws {CtapError} CTAP_ANSWER; what `CtapDevice.transact` throws */
  async call(command: ApduCommand, options: TransactOptions = this.#options): Promise<ApduResponse> {
    return parseApduResponse(await this.device.transact(HID_COMMAND.msg, encodeApdu(command), options));
  }

  /**
   * @returns `U2F_V2`, of every card that there is
   * @throws {CtapError} CTAP_STATUS_WORD; as `call`
   */
  async version(): Promise<string> {
    return byteString(checkStatus(await this.call({ ins: U2F_INS.version })));
  }

  /**
   * Makes a credential, once the card was touched.
   *
   * @param clientDataHash - 32 bytes
   * @param rpIdHash - 32 bytes
   * @throws {CtapError} CTAP_USER_TIMEOUT, CTAP_STATUS_WORD; as `call`
   */
  async register(clientDataHash: Uint8Array, rpIdHash: Uint8Array): Promise<MadeCredential> {
    return parseRegistration(checkStatus(await this.#poll({ ins: U2F_INS.register, data: concatBytes(clientDataHash, rpIdHash) })), rpIdHash);
  }

  /**
   * Whether a key handle is one of the card's. Nobody has to touch it.
   *
   * @throws {CtapError} CTAP_STATUS_WORD; as `call`
   */
  async check(clientDataHash: Uint8Array, rpIdHash: Uint8Array, keyHandle: Uint8Array): Promise<boolean> {
    if (keyHandle.length > MAX_KEY_HANDLE_LENGTH) return false;
    const response = await this.call(authenticate(U2F_CONTROL.checkOnly, clientDataHash, rpIdHash, keyHandle));
    if (response.status === STATUS_WORD.conditionsNotSatisfied) return true;
    if (isForeignHandle(response)) return false;
    checkStatus(response);
    return true;
  }

  /**
   * Signs, once the card was touched.
   *
   * @param needsTouch - false: at once; some cards refuse that
   * @throws {CtapError} CTAP_USER_TIMEOUT, CTAP_STATUS_WORD, CTAP2_ERR_UP_REQUIRED,
   *   CTAP2_ERR_NO_CREDENTIALS where the key handle is not one of the card's; as `call`
   */
  async authenticate(clientDataHash: Uint8Array, rpIdHash: Uint8Array, keyHandle: Uint8Array, needsTouch = true): Promise<Authentication> {
    if (keyHandle.length > MAX_KEY_HANDLE_LENGTH) throw statusError(0x2e);
    const response = needsTouch
      ? await this.#poll(authenticate(U2F_CONTROL.sign, clientDataHash, rpIdHash, keyHandle))
      : await this.call(authenticate(U2F_CONTROL.signWithoutTouch, clientDataHash, rpIdHash, keyHandle));
    if (response.status === STATUS_WORD.conditionsNotSatisfied) throw statusError(0x3b);
    if (isForeignHandle(response)) throw statusError(0x2e);
    return parseAuthentication(checkStatus(response), rpIdHash);
  }

  /**
   * As CTAP2 does it, as far as CTAP1 can.
   *
   * @throws {CtapError} CTAP_U2F_UNSUPPORTED, CTAP2_ERR_UNSUPPORTED_ALGORITHM, CTAP2_ERR_CREDENTIAL_EXCLUDED; as `register`
   */
  async makeCredential({ clientDataHash, rp, algorithms, excludeList = [], extensions, options = {}, token }: MakeCredentialParams): Promise<MadeCredential> {
    if (!algorithms.includes(COSE_ALGORITHM.es256)) throw statusError(0x26);
    if (options.rk === true) throw unsupported("discoverable credentials");
    checkPlain(extensions, options.uv === true || token !== undefined);
    const rpIdHash = hashRpId(rp.id);
    for (const { id } of excludeList) {
      if (await this.check(clientDataHash, rpIdHash, id)) throw statusError(0x19);
    }
    return this.register(clientDataHash, rpIdHash);
  }

  /**
   * As CTAP2 does it, as far as CTAP1 can: with one of the credentials that the
   * request names.
   *
   * @throws {CtapError} CTAP_U2F_UNSUPPORTED, CTAP2_ERR_NO_CREDENTIALS; as `authenticate`
   */
  async getAssertion({ rpId, clientDataHash, allowList = [], extensions, options = {}, token }: GetAssertionParams): Promise<Assertion> {
    if (allowList.length === 0) throw unsupported("discoverable credentials");
    checkPlain(extensions, options.uv === true || token !== undefined);
    const rpIdHash = hashRpId(rpId);
    const credential = await this.#find(clientDataHash, rpIdHash, allowList);
    const authentication = await this.authenticate(clientDataHash, rpIdHash, credential.id, options.up !== false);
    return { credential, ...authentication, userSelected: false };
  }

  /** Where there is only one, its signing tells whether it is the card's. */
  async #find(clientDataHash: Uint8Array, rpIdHash: Uint8Array, [first, ...others]: readonly CredentialDescriptor[]): Promise<CredentialDescriptor> {
    if (first !== undefined && others.length === 0) return first;
    for (const credential of first === undefined ? [] : [first, ...others]) {
      if (await this.check(clientDataHash, rpIdHash, credential.id)) return credential;
    }
    throw statusError(0x2e);
  }

  /** CTAP1 cannot wait, so it is asked again until the card was touched. */
  async #poll(command: ApduCommand): Promise<ApduResponse> {
    const { timeoutMs = USER_TIMEOUT_MS, pollMs = POLL_MS, signal, onKeepalive } = this.#options;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = Math.max(MIN_CALL_MS, deadline - performance.now());
      const response = await this.call(command, { ...this.#options, timeoutMs: Math.min(timeoutMs, leftMs) }).catch((error: unknown) => {
        throw error instanceof CtapError && error.code === "CTAP_USER_TIMEOUT" ? userTimeout(timeoutMs) : error;
      });
      if (response.status !== STATUS_WORD.conditionsNotSatisfied) return response;
      onKeepalive?.("up-needed");
      const left = deadline - performance.now();
      if (left <= 0) throw userTimeout(timeoutMs);
      await pause(Math.min(pollMs, left), signal);
    }
  }
}

function authenticate(control: number, clientDataHash: Uint8Array, rpIdHash: Uint8Array, keyHandle: Uint8Array): ApduCommand {
  return { ins: U2F_INS.authenticate, p1: control, data: concatBytes(clientDataHash, rpIdHash, Uint8Array.of(keyHandle.length), keyHandle) };
}

/** Cards that look at the length of a key handle first may find it wrong rather than the handle. */
function isForeignHandle({ status }: ApduResponse): boolean {
  return status === STATUS_WORD.wrongData || status === STATUS_WORD.wrongLength;
}

/** @throws {CtapError} CTAP_STATUS_WORD unless all went well */
function checkStatus({ status, data }: ApduResponse): Uint8Array {
  if (status === STATUS_WORD.noError) return data;
  if (status === STATUS_WORD.commandNotAllowed) {
    throw new CtapError("CTAP_STATUS_WORD", `card does not allow CTAP1 (${describeStatusWord(status)})`, { kind: "no", hint: "while always-uv is on, use CTAP2: leave out --u2f" });
  }
  throw new CtapError("CTAP_STATUS_WORD", `card answers with the status word ${describeStatusWord(status)}, expected ${describeStatusWord(STATUS_WORD.noError)}`, { kind: "outside" });
}

function checkPlain(extensions: ReadonlyMap<unknown, unknown> | undefined, wantsVerification: boolean): void {
  if (extensions !== undefined && extensions.size > 0) throw unsupported("extensions");
  if (wantsVerification) throw unsupported("user verification");
}

function unsupported(what: string): CtapError {
  return new CtapError("CTAP_U2F_UNSUPPORTED", `CTAP1 has no ${what}`, {
    kind: "outside",
    hint: what === "discoverable credentials" ? "name the credential, or use a card that has CTAP2" : "do without, or use a card that has CTAP2",
  });
}

function userTimeout(timeoutMs: number): CtapError {
  return new CtapError("CTAP_USER_TIMEOUT", `card was not touched within ${timeoutMs / 1000} s`, {
    kind: "no",
    hint: "run it again and touch the card when it blinks, or give more time with --timeout",
  });
}

/** @throws the reason of the signal */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
