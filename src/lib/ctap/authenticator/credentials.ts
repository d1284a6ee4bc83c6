import { randomBytes } from "node:crypto";
import { copyBytes, equalBytes } from "../../bytes.ts";
import { hashRpId } from "../hash.ts";
import { deriveSecret } from "./credential-key.ts";
import { openCredential, sealCredential, type CredentialSource } from "./credential-id.ts";
import { MAX_CREDENTIALS, type State, type StoredCredential, type User } from "./state.ts";

/** A credential of this card that is valid now. */
export interface Credential {
  readonly id: Uint8Array;
  readonly source: CredentialSource;
  /** What is kept of it, where it is discoverable. */
  readonly stored: StoredCredential | undefined;
}

/** @returns nothing where the card has no such credential for this relying party */
export function findCredential(state: State, rpIdHash: Uint8Array, id: Uint8Array): Credential | undefined {
  const source = openCredential(state.deviceKey, rpIdHash, id);
  if (source === undefined) return undefined;
  const stored = source.isDiscoverable ? state.credentials.find((other) => equalBytes(other.id, id)) : undefined;
  return source.isDiscoverable && stored === undefined ? undefined : { id, source, stored };
}

/** The discoverable credentials of a relying party, the newest first. */
export function discoverableCredentials(state: State, rpId: string): readonly Credential[] {
  const rpIdHash = hashRpId(rpId);
  return state.credentials.flatMap((stored) => (stored.rpId === rpId ? (findCredential(state, rpIdHash, stored.id) ?? []) : [])).reverse();
}

/** A new credential, which nothing keeps yet. */
export function newCredential(state: State, rpIdHash: Uint8Array, features: Omit<CredentialSource, "seed">): Credential {
  const source = { ...features, seed: copyBytes(randomBytes(32)) };
  return { id: sealCredential(state.deviceKey, rpIdHash, source), source, stored: undefined };
}

/**
 * Keeps a discoverable credential, in place of one for the same person.
 *
 * @returns whether there was room
 */
export function storeCredential(state: State, credential: StoredCredential): boolean {
  const others = state.credentials.filter(({ rpId, user }) => rpId !== credential.rpId || !equalBytes(user.id, credential.user.id));
  if (others.length >= MAX_CREDENTIALS) return false;
  state.credentials = [...others, credential];
  return true;
}

export function deleteCredential(state: State, credential: StoredCredential): void {
  state.credentials = state.credentials.filter(({ id }) => !equalBytes(id, credential.id));
}

export function updateUser(state: State, credential: StoredCredential, user: User): void {
  state.credentials = state.credentials.map((other) => (equalBytes(other.id, credential.id) ? { ...other, user } : other));
}

/** The key for what a host keeps of a credential among the large blobs. */
export function largeBlobKey({ source }: Credential): Uint8Array {
  return deriveSecret(source.seed, "large blob");
}
