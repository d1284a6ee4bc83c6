import { CtapError } from "../errors.ts";
import { Answer, BOOLEAN, bytesOfLength, BYTES, MAP, TEXT } from "./answer.ts";
import { parseAuthenticatorData, type AttestedCredential, type AuthenticatorData } from "./authenticator-data.ts";
import { cborMap, type CborMap } from "./cbor.ts";
import { encodeCredentialList, encodeRp, encodeUser, type CredentialDescriptor, type Rp, type User } from "./entities.ts";
import type { PinUvAuthToken } from "./pin-uv-auth-token.ts";

// Source: CTAP 2.1 §6.1, "authenticatorMakeCredential".

export interface MakeCredentialParams {
  /** SHA-256 of the client data, 32 bytes. */
  readonly clientDataHash: Uint8Array;
  readonly rp: Rp;
  readonly user: User;
  /** As in COSE, the best first. */
  readonly algorithms: readonly number[];
  readonly excludeList?: readonly CredentialDescriptor[] | undefined;
  readonly extensions?: CborMap | undefined;
  /** Only those that are given are sent: not every card takes every one, even as false. */
  readonly options?: { readonly rk?: boolean | undefined; readonly uv?: boolean | undefined; readonly up?: boolean | undefined } | undefined;
  readonly token?: PinUvAuthToken | undefined;
  /** 1: as the vendor, 2: as the platform arranged it. */
  readonly enterpriseAttestation?: 1 | 2 | undefined;
  /** The best first; CTAP 2.2. */
  readonly attestationFormats?: readonly string[] | undefined;
}

/** A new credential, and the card's attestation of it. */
export interface MadeCredential {
  /** `packed`, `fido-u2f`, `none`, … */
  readonly fmt: string;
  readonly authData: AuthenticatorData;
  /** What `authData` says of the new credential. */
  readonly credential: AttestedCredential;
  readonly attStmt: CborMap;
  /** Whether the attestation is an enterprise's. */
  readonly epAtt: boolean;
  /** 32 bytes; a secret. */
  readonly largeBlobKey?: Uint8Array;
  readonly unsignedExtensionOutputs?: CborMap;
}

export const LARGE_BLOB_KEY_LENGTH = 32;

export function encodeMakeCredential(params: MakeCredentialParams): CborMap {
  const { clientDataHash, rp, user, algorithms, excludeList, extensions, token, enterpriseAttestation, attestationFormats } = params;
  return cborMap(
    [0x01, clientDataHash],
    [0x02, encodeRp(rp)],
    [0x03, encodeUser(user)],
    [0x04, algorithms.map((alg) => cborMap(["alg", alg], ["type", "public-key"]))],
    [0x05, encodeCredentialList(excludeList)],
    [0x06, notEmpty(extensions)],
    [0x07, encodeOptions(params.options)],
    [0x08, token?.authenticate(clientDataHash)],
    [0x09, token?.protocol],
    [0x0a, enterpriseAttestation],
    [0x0b, attestationFormats],
  );
}

/**
 * @param map - the card's answer
 * @throws {CtapError} CTAP_ANSWER, CTAP_AUTH_DATA, CTAP_CBOR
 */
export function parseMadeCredential(map: CborMap): MadeCredential {
  const answer = new Answer(map, "makeCredential");
  const authData = parseAuthenticatorData(answer.required(0x02, BYTES));
  if (authData.attested === undefined) throw new CtapError("CTAP_ANSWER", "answer to makeCredential has no credential in its authenticator data", { kind: "outside" });
  const largeBlobKey = answer.optional(0x05, bytesOfLength(LARGE_BLOB_KEY_LENGTH));
  const unsignedExtensionOutputs = answer.optional(0x06, MAP);
  return {
    fmt: answer.required(0x01, TEXT),
    authData,
    credential: authData.attested,
    attStmt: answer.optional(0x03, MAP) ?? new Map(),
    epAtt: answer.optional(0x04, BOOLEAN) ?? false,
    ...(largeBlobKey === undefined ? {} : { largeBlobKey }),
    ...(unsignedExtensionOutputs === undefined ? {} : { unsignedExtensionOutputs }),
  };
}

/** A map that is not sent where it would be empty. */
export function notEmpty(map: CborMap | undefined): CborMap | undefined {
  return map === undefined || map.size === 0 ? undefined : map;
}

/** @param options - those without a value are not sent */
export function encodeOptions(options: Readonly<Record<string, boolean | undefined>> | undefined): CborMap | undefined {
  return notEmpty(cborMap(...Object.entries(options ?? {})));
}
