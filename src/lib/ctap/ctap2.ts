import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap } from "./cbor.ts";
import type { CtapDevice, TransactOptions } from "./device.ts";
import { encodeGetAssertion, parseAssertion, type Assertion, type GetAssertionParams } from "./get-assertion.ts";
import { parseGetInfo, type GetInfo } from "./get-info.ts";
import { encodeMakeCredential, parseMadeCredential, type MadeCredential, type MakeCredentialParams } from "./make-credential.ts";
import { HID_COMMAND } from "./packet.ts";
import { statusError } from "./status.ts";

/** Commands of CTAP2. Source: CTAP 2.1 §6; the previews: CTAP 2.1 §6.7 and §6.8, for `FIDO_2_1_PRE`. */
export const CTAP2_COMMAND = {
  makeCredential: 0x01,
  getAssertion: 0x02,
  getInfo: 0x04,
  clientPin: 0x06,
  reset: 0x07,
  getNextAssertion: 0x08,
  bioEnrollment: 0x09,
  credentialManagement: 0x0a,
  selection: 0x0b,
  largeBlobs: 0x0c,
  config: 0x0d,
  bioEnrollmentPreview: 0x40,
  credentialManagementPreview: 0x41,
} as const;

/** An answer as it came. */
export interface RawAnswer {
  /** 0 where all went well. */
  readonly status: number;
  /** CBOR, or nothing. */
  readonly data: Uint8Array;
}

/** In these a person may take part: in clientPIN, where it verifies the user by itself. */
const COMMANDS_WITH_PERSON: ReadonlySet<number> = new Set([
  CTAP2_COMMAND.makeCredential,
  CTAP2_COMMAND.getAssertion,
  CTAP2_COMMAND.clientPin,
  CTAP2_COMMAND.reset,
  CTAP2_COMMAND.selection,
  CTAP2_COMMAND.bioEnrollment,
  CTAP2_COMMAND.bioEnrollmentPreview,
]);

/** Source: CTAP 2.1 §6.5.5, getPinUvAuthTokenUsingUvWithPermissions. */
const GET_TOKEN_USING_UV = 0x06;

/** For a request in which no person takes part, however long one may take. */
const WITHOUT_PERSON_MS = 10_000;

/** CTAP2 with one card. One request at a time. */
export class Ctap2 {
  readonly device: CtapDevice;
  readonly #options: TransactOptions;
  #info: GetInfo | undefined;

  /** @param options - for every request that is not given others */
  constructor(device: CtapDevice, options: TransactOptions = {}) {
    this.device = device;
    this.#options = options;
  }

  /**
   * @param command - of CTAP2
   * @param params - CBOR
   * @param options - of which a request without a person takes 10 seconds at most
   * @throws {CtapError} CTAP_ANSWER where the answer is empty; what `CtapDevice.transact` throws
   */
  async callRaw(command: number, params?: Uint8Array, options: TransactOptions = this.#options): Promise<RawAnswer> {
    const request = params === undefined ? Uint8Array.of(command) : concatBytes(Uint8Array.of(command), params);
    const answer = await this.device.transact(HID_COMMAND.cbor, request, COMMANDS_WITH_PERSON.has(command) ? options : withoutPerson(options));
    const status = answer[0];
    if (status === undefined) throw new CtapError("CTAP_ANSWER", "answer is empty, expected a status at least", { kind: "outside" });
    return { status, data: answer.subarray(1) };
  }

  /**
   * @returns the answer; empty where there is none
   * @throws {CtapError} the status of the card, by its name; CTAP_CBOR, CTAP_ANSWER; what `CtapDevice.transact` throws
   */
  async call(command: number, params?: CborMap, options?: TransactOptions): Promise<CborMap> {
    const data = await this.#callForData(command, params, options);
    if (data.length === 0) return new Map();
    const { value } = parseCbor(data);
    if (!isCborMap(value)) throw new CtapError("CTAP_ANSWER", "answer is another CBOR type, expected a map", { kind: "outside" });
    return value;
  }

  /** What the card says of itself, asked once. @throws {CtapError} as `call` */
  async getInfo(): Promise<GetInfo> {
    return this.#info ?? this.refresh();
  }

  /** The same, asked anew. */
  async refresh(): Promise<GetInfo> {
    this.forget();
    const info = parseGetInfo(await this.#callForData(CTAP2_COMMAND.getInfo));
    this.#info = info;
    return info;
  }

  /** What the card said of itself is no longer so. */
  forget(): void {
    this.#info = undefined;
  }

  /** @throws {CtapError} as `call`; CTAP_AUTH_DATA */
  async makeCredential(params: MakeCredentialParams): Promise<MadeCredential> {
    return parseMadeCredential(await this.call(CTAP2_COMMAND.makeCredential, encodeMakeCredential(params)));
  }

  /**
   * @returns one for each credential, the one last made first
   * @throws {CtapError} as `call`; CTAP_AUTH_DATA, CTAP_ENDLESS
   */
  async getAssertion(params: GetAssertionParams): Promise<readonly [Assertion, ...Assertion[]]> {
    const first = parseAssertion(await this.call(CTAP2_COMMAND.getAssertion, encodeGetAssertion(params)), params.allowList);
    const assertions: [Assertion, ...Assertion[]] = [first];
    const enumeration = new Enumeration("assertions");
    while (assertions.length < (first.numberOfCredentials ?? 1)) {
      enumeration.next();
      assertions.push(parseAssertion(await this.call(CTAP2_COMMAND.getNextAssertion)));
    }
    return assertions;
  }

  /** Waits until the card is touched. Source: CTAP 2.1 §6.9. @throws {CtapError} as `call` */
  async selection(): Promise<void> {
    await this.call(CTAP2_COMMAND.selection);
  }

  /** Erases the card. Source: CTAP 2.1 §6.6. @throws {CtapError} as `call` */
  async reset(): Promise<void> {
    this.forget();
    await this.call(CTAP2_COMMAND.reset);
  }

  async #callForData(command: number, params?: CborMap, options = this.#options): Promise<Uint8Array> {
    const isPinAlone = command === CTAP2_COMMAND.clientPin && params?.get(0x02) !== GET_TOKEN_USING_UV;
    const { status, data } = await this.callRaw(command, params === undefined ? undefined : encodeCbor(params), isPinAlone ? withoutPerson(options) : options);
    if (status !== 0) throw statusError(status);
    return data;
  }
}

const MAX_ENUMERATION_MS = 60_000;
const MAX_ENUMERATION_REQUESTS = 10_000;

/** What a card gives piece by piece, in 60 seconds from now and 10,000 requests at most. */
export class Enumeration {
  readonly #what: string;
  readonly #begin = performance.now();
  #requests = 0;

  /** @param what - `credentials` */
  constructor(what: string) {
    this.#what = what;
  }

  /** Goes before each request. @throws {CtapError} CTAP_ENDLESS */
  next(): void {
    this.#requests += 1;
    const isLate = performance.now() - this.#begin > MAX_ENUMERATION_MS;
    if (!isLate && this.#requests <= MAX_ENUMERATION_REQUESTS) return;
    const [found, expected] = isLate ? [`${MAX_ENUMERATION_MS / 1000} s`, "to be done by then"] : [`${MAX_ENUMERATION_REQUESTS} requests`, "fewer"];
    throw new CtapError("CTAP_ENDLESS", `card is not done with its ${this.#what} after ${found}, expected ${expected}`, {
      kind: "outside",
      hint: "unplug it and plug it in again; if it stays so, the card's firmware is faulty",
    });
  }
}

function withoutPerson(options: TransactOptions): TransactOptions {
  return { ...options, timeoutMs: Math.min(options.timeoutMs ?? WITHOUT_PERSON_MS, WITHOUT_PERSON_MS) };
}
