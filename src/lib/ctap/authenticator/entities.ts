import { encodeUtf8 } from "../../text.ts";
import { cborMap, type CborMap } from "../cbor.ts";
import { isBytes, isText, type Parameters } from "./parameters.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { User } from "./state.ts";

// What several requests and answers have in them. Source: WebAuthn §5.

const CLIENT_DATA_HASH_LENGTH = 32;
const MAX_USER_ID_LENGTH = 64;

/** Of a domain name. Source: RFC 1035 §2.3.4. */
const MAX_RP_ID_LENGTH = 255;

/** Longer names may be cut, to no less than this. Source: CTAP 2.1 §6.1.2. */
const MAX_NAME_LENGTH = 64;

/** Descriptors in the longest list. */
export const MAX_LIST_LENGTH = 16;

/** @throws {Refusal} CTAP1_ERR_INVALID_LENGTH */
export function readClientDataHash(params: Parameters, key: number): Uint8Array {
  const hash = params.required(key, isBytes);
  if (hash.length !== CLIENT_DATA_HASH_LENGTH) throw new Refusal(STATUS.invalidLength);
  return hash;
}

/** @throws {Refusal} CTAP1_ERR_INVALID_LENGTH */
export function checkRpId(rpId: string): string {
  if (encodeUtf8(rpId).length > MAX_RP_ID_LENGTH) throw new Refusal(STATUS.invalidLength);
  return rpId;
}

/** Long names are cut. @throws {Refusal} CTAP1_ERR_INVALID_LENGTH */
export function readUser(user: Parameters): User {
  const id = user.required("id", isBytes);
  if (id.length === 0 || id.length > MAX_USER_ID_LENGTH) throw new Refusal(STATUS.invalidLength);
  return withNames(id, readName(user, "name"), readName(user, "displayName"));
}

function readName(user: Parameters, key: string): string | undefined {
  const name = user.optional(key, isText);
  // No character is cut in two.
  return name?.slice(0, new TextEncoder().encodeInto(name, new Uint8Array(MAX_NAME_LENGTH)).read);
}

/** An empty name is none. */
function withNames(id: Uint8Array, name: string | undefined, displayName: string | undefined): User {
  return { id, ...(name === undefined || name === "" ? {} : { name }), ...(displayName === undefined || displayName === "" ? {} : { displayName }) };
}

/**
 * @returns the credential ids; none where there is no list
 * @throws {Refusal} CTAP2_ERR_LIMIT_EXCEEDED
 */
export function readCredentialList(params: Parameters, key: number): readonly Uint8Array[] {
  const list = params.maps(key) ?? [];
  if (list.length > MAX_LIST_LENGTH) throw new Refusal(STATUS.limitExceeded);
  return list.flatMap((descriptor) => credentialIdOf(descriptor) ?? []);
}

/** @param full - with the names, which only a verified user may see */
export function encodeUser({ id, name, displayName }: User, full: boolean): CborMap {
  return full ? cborMap(["id", id], ["name", name], ["displayName", displayName]) : cborMap(["id", id]);
}

export function encodeDescriptor(id: Uint8Array): CborMap {
  return cborMap(["id", id], ["type", "public-key"]);
}

/** @returns the credential id of a PublicKeyCredentialDescriptor, or nothing where it is of another type */
export function credentialIdOf(descriptor: Parameters): Uint8Array | undefined {
  const id = descriptor.required("id", isBytes);
  return descriptor.required("type", isText) === "public-key" ? id : undefined;
}
