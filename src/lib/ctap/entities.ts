import { Answer, BYTES, listOf, TEXT } from "./answer.ts";
import { cborMap, type CborMap } from "./cbor.ts";

// What requests and answers say of rps, users and credentials.
// Source: WebAuthn §5.4.1 to §5.4.3 and §5.8.3; CTAP 2.1 §6.1.

/** A relying party. */
export interface Rp {
  readonly id: string;
  readonly name?: string | undefined;
}

/** An account at a relying party. */
export interface User {
  /** The user handle, 1 to 64 bytes. */
  readonly id: Uint8Array;
  readonly name?: string | undefined;
  readonly displayName?: string | undefined;
}

/** How a request or an answer names a credential. */
export interface CredentialDescriptor {
  readonly id: Uint8Array;
  /** Without it, `public-key`, the only one there is. */
  readonly type?: string | undefined;
  readonly transports?: readonly string[] | undefined;
}

export function encodeRp({ id, name }: Rp): CborMap {
  return cborMap(["id", id], ["name", name]);
}

export function encodeUser({ id, name, displayName }: User): CborMap {
  return cborMap(["id", id], ["name", name], ["displayName", displayName]);
}

/** @returns nothing for an empty list, which must not be sent */
export function encodeCredentialList(list: readonly CredentialDescriptor[] | undefined): readonly CborMap[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list.map(encodeCredentialDescriptor);
}

export function encodeCredentialDescriptor({ id, type = "public-key", transports }: CredentialDescriptor): CborMap {
  return cborMap(["id", id], ["type", type], ["transports", transports]);
}

/** @throws {CtapError} CTAP_ANSWER */
export function parseRp(answer: Answer): Rp {
  return { id: answer.required("id", TEXT), name: answer.optional("name", TEXT) };
}

/** @throws {CtapError} CTAP_ANSWER */
export function parseUser(answer: Answer): User {
  return { id: answer.required("id", BYTES), name: answer.optional("name", TEXT), displayName: answer.optional("displayName", TEXT) };
}

/** @throws {CtapError} CTAP_ANSWER */
export function parseCredentialDescriptor(answer: Answer): CredentialDescriptor {
  return { id: answer.required("id", BYTES), type: answer.optional("type", TEXT), transports: answer.optional("transports", listOf(TEXT)) };
}
