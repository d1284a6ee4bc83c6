import { concatBytes, equalBytes } from "../../bytes.ts";
import { cborMap, encodeCbor, type CborValue } from "../cbor.ts";
import { hashRpId } from "../hash.ts";
import { ok, okMap } from "./answer.ts";
import { credentialKey } from "./credential-key.ts";
import { deleteCredential, discoverableCredentials, largeBlobKey, updateUser, type Credential } from "./credentials.ts";
import { credentialIdOf, encodeDescriptor, encodeUser, readUser } from "./entities.ts";
import { isBytes, isMap, isUnsigned, Parameters } from "./parameters.ts";
import { PERMISSION, readProof, requireToken, type PinToken } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context } from "./session.ts";
import { MAX_CREDENTIALS, type StoredCredential } from "./state.ts";

const SUBCOMMAND_PARAMS = 0x02;

/** authenticatorCredentialManagement. Source: CTAP 2.1 §6.8. */
export function credentialManagement(context: Context, params: Parameters): Uint8Array {
  const subcommand = params.required(0x01, isUnsigned);
  switch (subcommand) {
    case 0x01:
      return getMetadata(context, params);
    case 0x02:
      return beginRps(context, params);
    case 0x03:
      return context.session.nextOf("rps", context);
    case 0x04:
      return beginCredentials(context, params);
    case 0x05:
      return context.session.nextOf("credentials", context);
    case 0x06:
      return remove(context, params);
    case 0x07:
      return update(context, params);
    default:
      throw new Refusal(STATUS.invalidSubcommand);
  }
}

function getMetadata(context: Context, params: Parameters): Uint8Array {
  checkScope(authorise(context, params, 0x01), undefined);
  const existing = context.state.credentials.length;
  return okMap([0x01, existing], [0x02, MAX_CREDENTIALS - existing]);
}

function beginRps(context: Context, params: Parameters): Uint8Array {
  checkScope(authorise(context, params, 0x02), undefined);
  const rpIds = [...new Set(context.state.credentials.map(({ rpId }) => rpId))];
  return beginListing(context, "rps", 0x05, rpIds, (rpId) => [
    [0x03, cborMap(["id", rpId])],
    [0x04, hashRpId(rpId)],
  ]);
}

function beginCredentials(context: Context, params: Parameters): Uint8Array {
  const rpIdHash = params.inner(SUBCOMMAND_PARAMS).required(0x01, isBytes);
  const token = authorise(context, params, 0x04);
  const rpId = context.state.credentials.find((stored) => equalBytes(hashRpId(stored.rpId), rpIdHash))?.rpId;
  checkScope(token, rpId);
  const credentials = rpId === undefined ? [] : discoverableCredentials(context.state, rpId);
  return beginListing(context, "credentials", 0x09, credentials, describe);
}

function describe(credential: Credential): readonly (readonly [number, CborValue])[] {
  const { id, source, stored } = credential;
  return [
    [0x06, stored === undefined ? undefined : encodeUser(stored.user, true)],
    [0x07, encodeDescriptor(id)],
    [0x08, credentialKey(source.seed, source.algorithm).publicKey],
    [0x0a, source.protection],
    [0x0b, source.hasLargeBlobKey ? largeBlobKey(credential) : undefined],
  ];
}

function remove(context: Context, params: Parameters): Uint8Array {
  const stored = findStored(context, params, authorise(context, params, 0x06));
  deleteCredential(context.state, stored);
  return ok();
}

function update(context: Context, params: Parameters): Uint8Array {
  const user = readUser(new Parameters(params.inner(SUBCOMMAND_PARAMS).required(0x03, isMap)));
  const stored = findStored(context, params, authorise(context, params, 0x07));
  if (!equalBytes(stored.user.id, user.id)) throw new Refusal(STATUS.invalidParameter);
  updateUser(context.state, stored, user);
  return ok();
}

/** The first of a list, with the number of all; the others are for the commands that ask for the next. */
function beginListing<Item>(
  { session, nowMs }: Context,
  kind: "rps" | "credentials",
  totalKey: number,
  items: readonly Item[],
  encode: (item: Item) => readonly (readonly [number, CborValue])[],
): Uint8Array {
  const [first, ...others] = items;
  if (first === undefined) throw new Refusal(STATUS.noCredentials);
  session.beginListing(kind, others.map((item) => () => okMap(...encode(item))), nowMs);
  return okMap(...encode(first), [totalKey, items.length]);
}

function authorise(context: Context, params: Parameters, subcommand: number): PinToken {
  const inner = params.optional(SUBCOMMAND_PARAMS, isMap);
  const message = concatBytes(Uint8Array.of(subcommand), inner === undefined ? new Uint8Array() : encodeCbor(inner));
  return requireToken(context, readProof(params, 0x03, 0x04), message, PERMISSION.credentialManagement);
}

/**
 * @param rpId - whom the command is about; nothing where it is about all
 * @throws {Refusal} CTAP2_ERR_PIN_AUTH_INVALID where the token is for another relying party
 */
function checkScope(token: PinToken, rpId: string | undefined): void {
  if (token.rpId !== undefined && token.rpId !== rpId) throw new Refusal(STATUS.pinAuthInvalid);
}

/** @throws {Refusal} CTAP2_ERR_NO_CREDENTIALS, CTAP2_ERR_PIN_AUTH_INVALID */
function findStored({ state }: Context, params: Parameters, token: PinToken): StoredCredential {
  const id = credentialIdOf(new Parameters(params.inner(SUBCOMMAND_PARAMS).required(0x02, isMap)));
  const stored = state.credentials.find((credential) => id !== undefined && equalBytes(credential.id, id));
  checkScope(token, stored?.rpId);
  if (stored === undefined) throw new Refusal(STATUS.noCredentials);
  return stored;
}
