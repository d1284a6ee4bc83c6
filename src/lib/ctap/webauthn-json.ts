import { encodeCbor, cborMap, type CborMap } from "./cbor.ts";
import type { AuthenticatorData } from "./authenticator-data.ts";
import type { ClientData } from "./client-data.ts";
import { parseCosePublicKey } from "./cose.ts";
import type { User } from "./entities.ts";
import { encodeUnpaddedBase64url } from "./unpadded-base64url.ts";

// What a web page gets from a browser and sends to its server, and what WebAuthn
// servers' libraries take. Source: WebAuthn Level 3 §5.1.8, "toJSON".

/** Byte strings are base64url without padding. */
export interface RegistrationResponseJson {
  readonly id: string;
  readonly rawId: string;
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly transports: readonly string[];
    /** SubjectPublicKeyInfo, DER. */
    readonly publicKey: string;
    /** As in COSE. */
    readonly publicKeyAlgorithm: number;
    readonly attestationObject: string;
  };
  readonly authenticatorAttachment: "cross-platform";
  readonly clientExtensionResults: ExtensionResults;
  readonly type: "public-key";
}

/** Byte strings are base64url without padding. */
export interface AuthenticationResponseJson {
  readonly id: string;
  readonly rawId: string;
  readonly response: {
    readonly clientDataJSON: string;
    readonly authenticatorData: string;
    readonly signature: string;
    readonly userHandle?: string;
  };
  readonly authenticatorAttachment: "cross-platform";
  readonly clientExtensionResults: ExtensionResults;
  readonly type: "public-key";
}

/** Results that no secret is part of. Source: WebAuthn §10.1.3 and §10.1.4; CTAP 2.1 §12.5. */
export interface ExtensionResults {
  readonly credProps?: { readonly rk: boolean };
  readonly hmacCreateSecret?: boolean;
}

/** A credential that a card made, by CTAP2 or CTAP1, and its attestation. */
export interface Registration {
  readonly clientData: ClientData;
  /** `packed`, `fido-u2f`, `none`, … */
  readonly fmt: string;
  /** With an attested credential. */
  readonly authData: AuthenticatorData;
  readonly attStmt: CborMap;
  /** `usb`, `nfc`, …, where the card says. */
  readonly transports: readonly string[];
  readonly extensionResults?: ExtensionResults | undefined;
}

/** @throws {CtapError} CTAP_COSE_KEY; {RangeError} where `authData` has no credential */
export function encodeRegistrationResponse({ clientData, fmt, authData, attStmt, transports, extensionResults = {} }: Registration): RegistrationResponseJson {
  const { attested } = authData;
  if (attested === undefined) throw new RangeError("authenticator data of a registration have no credential");
  const publicKey = parseCosePublicKey(attested.publicKey);
  const id = encodeUnpaddedBase64url(attested.credentialId);
  return {
    id,
    rawId: id,
    response: {
      clientDataJSON: encodeUnpaddedBase64url(clientData.json),
      authenticatorData: encodeUnpaddedBase64url(authData.raw),
      transports,
      publicKey: encodeUnpaddedBase64url(publicKey.export({ type: "spki", format: "der" })),
      publicKeyAlgorithm: Number(attested.publicKey.get(ALGORITHM)),
      attestationObject: encodeUnpaddedBase64url(encodeCbor(cborMap(["fmt", fmt], ["attStmt", attStmt], ["authData", authData.raw]))),
    },
    authenticatorAttachment: "cross-platform",
    clientExtensionResults: extensionResults,
    type: "public-key",
  };
}

/** What a credential signed. */
export interface Authentication {
  readonly clientData: ClientData;
  readonly credentialId: Uint8Array;
  readonly authData: AuthenticatorData;
  readonly signature: Uint8Array;
  readonly user?: Pick<User, "id"> | undefined;
  readonly extensionResults?: ExtensionResults | undefined;
}

export function encodeAuthenticationResponse({ clientData, credentialId, authData, signature, user, extensionResults = {} }: Authentication): AuthenticationResponseJson {
  const id = encodeUnpaddedBase64url(credentialId);
  return {
    id,
    rawId: id,
    response: {
      clientDataJSON: encodeUnpaddedBase64url(clientData.json),
      authenticatorData: encodeUnpaddedBase64url(authData.raw),
      signature: encodeUnpaddedBase64url(signature),
      ...(user === undefined ? {} : { userHandle: encodeUnpaddedBase64url(user.id) }),
    },
    authenticatorAttachment: "cross-platform",
    clientExtensionResults: extensionResults,
    type: "public-key",
  };
}

/** Label of the algorithm in a COSE key. */
const ALGORITHM = 3;
