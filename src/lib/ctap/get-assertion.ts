import { CtapError } from "../errors.ts";
import { Answer, BOOLEAN, bytesOfLength, BYTES, UNSIGNED } from "./answer.ts";
import { parseAuthenticatorData, type AuthenticatorData } from "./authenticator-data.ts";
import { cborMap, type CborMap } from "./cbor.ts";
import { encodeCredentialList, parseCredentialDescriptor, parseUser, type CredentialDescriptor, type User } from "./entities.ts";
import { encodeOptions, LARGE_BLOB_KEY_LENGTH, notEmpty } from "./make-credential.ts";
import type { PinUvAuthToken } from "./pin-uv-auth-token.ts";

// Source: CTAP 2.1 §6.2, "authenticatorGetAssertion", and §6.3, "authenticatorGetNextAssertion".

export interface GetAssertionParams {
  readonly rpId: string;
  /** SHA-256 of the client data, 32 bytes. */
  readonly clientDataHash: Uint8Array;
  /** Without it, or empty: the discoverable credentials of the rp. */
  readonly allowList?: readonly CredentialDescriptor[] | undefined;
  readonly extensions?: CborMap | undefined;
  /** Only those that are given are sent. */
  readonly options?: { readonly up?: boolean | undefined; readonly uv?: boolean | undefined } | undefined;
  readonly token?: PinUvAuthToken | undefined;
}

/** What one credential signed. */
export interface Assertion {
  readonly credential: CredentialDescriptor;
  readonly authData: AuthenticatorData;
  readonly signature: Uint8Array;
  /** Of a discoverable credential. */
  readonly user?: User;
  /** How many credentials there are, in the first answer where there are several. */
  readonly numberOfCredentials?: number;
  /** The user chose this credential on the card. */
  readonly userSelected: boolean;
  /** 32 bytes; a secret. */
  readonly largeBlobKey?: Uint8Array;
}

/** More credentials than any card has for one rp: one that says more is faulty, and would keep us for hours. */
const MAX_ASSERTIONS = 1000;

export function encodeGetAssertion({ rpId, clientDataHash, allowList, extensions, options, token }: GetAssertionParams): CborMap {
  return cborMap(
    [0x01, rpId],
    [0x02, clientDataHash],
    [0x03, encodeCredentialList(allowList)],
    [0x04, notEmpty(extensions)],
    [0x05, encodeOptions(options)],
    [0x06, token?.authenticate(clientDataHash)],
    [0x07, token?.protocol],
  );
}

/**
 * @param map - the card's answer, to getNextAssertion too
 * @param allowList - of the request: a card may leave the credential out where only one was allowed
 * @throws {CtapError} CTAP_ANSWER, CTAP_AUTH_DATA, CTAP_CBOR
 */
export function parseAssertion(map: CborMap, allowList: readonly CredentialDescriptor[] = []): Assertion {
  const answer = new Answer(map, "getAssertion");
  const inner = answer.inner(0x01);
  const credential = inner === undefined ? onlyOne(allowList) : parseCredentialDescriptor(inner);
  const user = answer.inner(0x04);
  const numberOfCredentials = answer.optional(0x05, UNSIGNED);
  if (numberOfCredentials !== undefined && numberOfCredentials > MAX_ASSERTIONS) {
    throw new CtapError("CTAP_ANSWER", `answer to getAssertion says there are ${numberOfCredentials} credentials, expected at most ${MAX_ASSERTIONS}`, { kind: "outside" });
  }
  const largeBlobKey = answer.optional(0x07, bytesOfLength(LARGE_BLOB_KEY_LENGTH));
  return {
    credential,
    authData: parseAuthenticatorData(answer.required(0x02, BYTES)),
    signature: answer.required(0x03, BYTES),
    ...(user === undefined ? {} : { user: parseUser(user) }),
    ...(numberOfCredentials === undefined ? {} : { numberOfCredentials }),
    userSelected: answer.optional(0x06, BOOLEAN) ?? false,
    ...(largeBlobKey === undefined ? {} : { largeBlobKey }),
  };
}

function onlyOne(allowList: readonly CredentialDescriptor[]): CredentialDescriptor {
  const [only, ...others] = allowList;
  if (only !== undefined && others.length === 0) return only;
  throw new CtapError("CTAP_ANSWER", "answer to getAssertion does not say which credential signed", { kind: "outside" });
}
