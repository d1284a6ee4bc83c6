import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { Answer, BOOLEAN, BYTES, bytesOfLength, MAP, TEXT, UNSIGNED } from "./answer.ts";
import { RP_ID_HASH_LENGTH } from "./authenticator-data.ts";
import { cborMap, encodeCbor, type CborMap } from "./cbor.ts";
import type { CoseKey } from "./cose.ts";
import { CTAP2_COMMAND, Enumeration, type Ctap2 } from "./ctap2.ts";
import { encodeCredentialDescriptor, encodeUser, parseCredentialDescriptor, parseUser, type User } from "./entities.ts";
import { hasOption, type GetInfo } from "./get-info.ts";
import type { PinUvAuthToken } from "./pin-uv-auth-token.ts";
import { isStatus } from "./status.ts";
import { unsupported } from "./unsupported.ts";

// Source: CTAP 2.1 §6.8, "authenticatorCredentialManagement".

/** How many discoverable credentials there are. */
export interface CredentialsMetadata {
  readonly existing: number;
  /** There is room for at least so many more, or a guess of it. */
  readonly remaining: number;
}

/** A relying party that has discoverable credentials on the card. */
export interface StoredRp {
  /** May be cut short by the card; nothing where it does not say. */
  readonly id: string | undefined;
  readonly name: string | undefined;
  /** SHA-256 of the whole id. */
  readonly idHash: Uint8Array;
}

/** A discoverable credential. */
export interface StoredCredential {
  readonly id: Uint8Array;
  readonly user: User;
  readonly publicKey: CoseKey;
  /** 1: usable without user verification, 2: with its id, 3: never. Nothing where the card does not say. */
  readonly credProtect: number | undefined;
  /** The key itself is a secret that whoever holds the credential asks for with an assertion. */
  readonly hasLargeBlobKey: boolean;
  readonly thirdPartyPayment: boolean | undefined;
}

const SUBCOMMAND = { getMetadata: 1, rpsBegin: 2, rpsNext: 3, credentialsBegin: 4, credentialsNext: 5, deleteCredential: 6, updateUser: 7 } as const;

const NO_CREDENTIALS = 0x2e;

/** More than any card holds: one that says more is faulty, and would keep us for hours. */
const MAX_ENTRIES = 10_000;

/** The discoverable credentials of one card. */
export class CredentialManagement {
  readonly #ctap2: Ctap2;
  readonly #command: number;
  readonly #token: PinUvAuthToken | undefined;

  /**
   * @param info - of the card
   * @param token - with the permission cm
   * @throws {CtapError} CTAP_UNSUPPORTED
   */
  constructor(ctap2: Ctap2, info: GetInfo, token: PinUvAuthToken | undefined) {
    this.#ctap2 = ctap2;
    this.#command = credentialManagementCommand(info);
    this.#token = token;
  }

  /** @throws {CtapError} as `Ctap2.call` */
  async metadata(): Promise<CredentialsMetadata> {
    const answer = await this.#call(SUBCOMMAND.getMetadata);
    return { existing: answer.required(0x01, UNSIGNED), remaining: answer.required(0x02, UNSIGNED) };
  }

  /** @throws {CtapError} CTAP_ANSWER, CTAP_ENDLESS; as `Ctap2.call` */
  async rps(): Promise<readonly StoredRp[]> {
    return this.#enumerate(SUBCOMMAND.rpsBegin, SUBCOMMAND.rpsNext, undefined, 0x05, parseStoredRp);
  }

  /**
   * @param rpIdHash - SHA-256 of the rp id
   * @param enumeration - of all rps, where the credentials of several are asked for
   * @throws {CtapError} CTAP_ANSWER, CTAP_ENDLESS; as `Ctap2.call`
   */
  async credentials(rpIdHash: Uint8Array, enumeration?: Enumeration): Promise<readonly StoredCredential[]> {
    return this.#enumerate(SUBCOMMAND.credentialsBegin, SUBCOMMAND.credentialsNext, cborMap([0x01, rpIdHash]), 0x09, parseStoredCredential, enumeration);
  }

  /** @throws {CtapError} CTAP2_ERR_NO_CREDENTIALS; as `Ctap2.call` */
  async delete(id: Uint8Array): Promise<void> {
    await this.#call(SUBCOMMAND.deleteCredential, cborMap([0x02, encodeCredentialDescriptor({ id })]));
  }

  /**
   * Changes the names that the card keeps; it forgets the ones that are not given.
   *
   * @param user - with the id that the card keeps
   * @throws {CtapError} CTAP_UNSUPPORTED where the card has the preview of CTAP 2.1;
   *   CTAP2_ERR_NO_CREDENTIALS; as `Ctap2.call`
   */
  async updateUser(id: Uint8Array, user: User): Promise<void> {
    checkUpdateUser(await this.#ctap2.getInfo());
    await this.#call(SUBCOMMAND.updateUser, cborMap([0x02, encodeCredentialDescriptor({ id })], [0x03, encodeUser(user)]));
  }

  async #enumerate<T>(begin: number, next: number, params: CborMap | undefined, totalKey: number, parse: (answer: Answer) => T, whole?: Enumeration): Promise<readonly T[]> {
    whole?.next();
    let answer: Answer;
    try {
      answer = await this.#call(begin, params);
    } catch (error) {
      if (isStatus(error, NO_CREDENTIALS)) return [];
      throw error;
    }
    const total = answer.required(totalKey, UNSIGNED);
    if (total > MAX_ENTRIES) throw new CtapError("CTAP_ANSWER", `answer to credentialManagement says there are ${total}, expected at most ${MAX_ENTRIES}`, { kind: "outside" });
    if (total === 0) return [];
    const entries = [parse(answer)];
    const enumeration = whole ?? new Enumeration("credentials");
    while (entries.length < total) {
      enumeration.next();
      entries.push(parse(new Answer(await this.#ctap2.call(this.#command, cborMap([0x01, next])), "credentialManagement")));
    }
    return entries;
  }

  async #call(subCommand: number, params?: CborMap): Promise<Answer> {
    const proof = this.#token?.authenticate(concatBytes(Uint8Array.of(subCommand), params === undefined ? new Uint8Array() : encodeCbor(params)));
    const request = cborMap([0x01, subCommand], [0x02, params], [0x03, this.#token?.protocol], [0x04, proof]);
    return new Answer(await this.#ctap2.call(this.#command, request), "credentialManagement");
  }
}

/**
 * The command of the card: that of CTAP 2.1, or of its preview.
 *
 * @throws {CtapError} CTAP_UNSUPPORTED where there is none
 */
export function credentialManagementCommand(info: GetInfo): number {
  if (hasOption(info, "credMgmt")) return CTAP2_COMMAND.credentialManagement;
  if (hasOption(info, "credentialMgmtPreview")) return CTAP2_COMMAND.credentialManagementPreview;
  throw unsupported("manage credentials", "the option credMgmt");
}

/** @throws {CtapError} CTAP_UNSUPPORTED where names cannot be changed: the preview has no subcommand for it */
export function checkUpdateUser(info: GetInfo): void {
  if (credentialManagementCommand(info) === CTAP2_COMMAND.credentialManagement) return;
  throw unsupported("change the names of a credential", "the option credMgmt, but only its preview");
}

function parseStoredRp(answer: Answer): StoredRp {
  const rp = answer.inner(0x03);
  return { id: rp?.optional("id", TEXT), name: rp?.optional("name", TEXT), idHash: answer.required(0x04, bytesOfLength(RP_ID_HASH_LENGTH)) };
}

function parseStoredCredential(answer: Answer): StoredCredential {
  const inner = (key: number): Answer => new Answer(answer.required(key, MAP), "credentialManagement");
  return {
    id: parseCredentialDescriptor(inner(0x07)).id,
    user: parseUser(inner(0x06)),
    publicKey: answer.required(0x08, MAP),
    credProtect: answer.optional(0x0a, UNSIGNED),
    hasLargeBlobKey: answer.optional(0x0b, BYTES) !== undefined,
    thirdPartyPayment: answer.optional(0x0c, BOOLEAN),
  };
}
