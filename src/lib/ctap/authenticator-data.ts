import { concatBytes, copyBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { cborLength } from "./cbor-check.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap } from "./cbor.ts";
import type { CoseKey } from "./cose.ts";

// Source: WebAuthn §6.1, "Authenticator Data".
//
//   rpIdHash(32) | flags(1) | counter(4) | attested credential data, if AT | extensions, if ED
//   attested credential data: aaguid(16) | length(2) | credential id | COSE key

/** What a card signs: whom it spoke to and what its user did. */
export interface AuthenticatorData {
  /** The bytes as they came, which the signature is over. */
  readonly raw: Uint8Array;
  /** SHA-256 of the rp id. */
  readonly rpIdHash: Uint8Array;
  readonly flags: AuthenticatorFlags;
  /** 32 bits. */
  readonly counter: number;
  /** In the answer to makeCredential. */
  readonly attested?: AttestedCredential;
  readonly extensions?: CborMap;
}

export interface AuthenticatorFlags {
  readonly byte: number;
  /** The user was present. */
  readonly up: boolean;
  /** The user was verified. */
  readonly uv: boolean;
  /** The credential may be backed up. */
  readonly be: boolean;
  /** The credential is backed up. */
  readonly bs: boolean;
  /** Attested credential data follow. */
  readonly at: boolean;
  /** Extensions follow. */
  readonly ed: boolean;
}

export interface AttestedCredential {
  /** 16 bytes, the model of the card; zeros where it does not say. */
  readonly aaguid: Uint8Array;
  readonly credentialId: Uint8Array;
  readonly publicKey: CoseKey;
  /** The key as it came. */
  readonly publicKeyBytes: Uint8Array;
}

export const RP_ID_HASH_LENGTH = 32;
export const AAGUID_LENGTH = 16;

/** Source: WebAuthn §7.1. */
export const MAX_CREDENTIAL_ID_LENGTH = 1023;

const HEADER_LENGTH = RP_ID_HASH_LENGTH + 1 + 4;

const UP = 0x01;
const UV = 0x04;
const BE = 0x08;
const BS = 0x10;
const AT = 0x40;
const ED = 0x80;

/**
 * @throws {CtapError} CTAP_AUTH_DATA where it is cut off, longer than its flags
 *   say, or its credential id is over 1023 bytes; CTAP_CBOR
 */
export function parseAuthenticatorData(bytes: Uint8Array): AuthenticatorData {
  if (bytes.length < HEADER_LENGTH) throw malformed(`authenticator data is ${bytes.length} bytes, expected at least ${HEADER_LENGTH}`);
  const raw = copyBytes(bytes);
  const view = new DataView(raw.buffer);
  const flags = parseFlags(view.getUint8(RP_ID_HASH_LENGTH));
  const rest = raw.subarray(HEADER_LENGTH);
  const { attested, length } = flags.at ? parseAttested(rest) : { length: 0 };
  const tail = rest.subarray(length);
  if (!flags.ed && tail.length > 0) throw malformed(`authenticator data goes on for ${tail.length} bytes after its end`);
  return {
    raw,
    rpIdHash: raw.subarray(0, RP_ID_HASH_LENGTH),
    flags,
    counter: view.getUint32(RP_ID_HASH_LENGTH + 1),
    ...(attested === undefined ? {} : { attested }),
    ...(flags.ed ? { extensions: parseMap(tail, "extensions") } : {}),
  };
}

/** What `encodeAuthenticatorData` takes; AT and ED follow from what there is. */
export interface AuthenticatorDataFields {
  readonly rpIdHash: Uint8Array;
  readonly up: boolean;
  readonly uv: boolean;
  readonly be?: boolean;
  readonly bs?: boolean;
  readonly counter: number;
  readonly attested?: Omit<AttestedCredential, "publicKeyBytes"> | undefined;
  /** Left out where it has no entries. */
  readonly extensions?: CborMap | undefined;
}

/** The reverse of `parseAuthenticatorData`, for a card. */
export function encodeAuthenticatorData({ rpIdHash, up, uv, be = false, bs = false, counter, attested, extensions }: AuthenticatorDataFields): Uint8Array {
  const hasExtensions = extensions !== undefined && extensions.size > 0;
  const header = new Uint8Array(HEADER_LENGTH);
  header.set(rpIdHash);
  header[RP_ID_HASH_LENGTH] =
    (up ? UP : 0) | (uv ? UV : 0) | (be ? BE : 0) | (bs ? BS : 0) | (attested === undefined ? 0 : AT) | (hasExtensions ? ED : 0);
  new DataView(header.buffer).setUint32(RP_ID_HASH_LENGTH + 1, counter);
  return concatBytes(
    header,
    attested === undefined ? new Uint8Array() : encodeAttested(attested),
    hasExtensions ? encodeCbor(extensions) : new Uint8Array(),
  );
}

function parseFlags(byte: number): AuthenticatorFlags {
  const has = (bit: number): boolean => (byte & bit) !== 0;
  return { byte, up: has(UP), uv: has(UV), be: has(BE), bs: has(BS), at: has(AT), ed: has(ED) };
}

function parseAttested(bytes: Uint8Array): { readonly attested: AttestedCredential; readonly length: number } {
  const idOffset = AAGUID_LENGTH + 2;
  if (bytes.length < idOffset) throw cut("the length of its credential id");
  const idLength = new DataView(bytes.buffer, bytes.byteOffset).getUint16(AAGUID_LENGTH);
  if (idLength > MAX_CREDENTIAL_ID_LENGTH) throw malformed(`credential id is ${idLength} bytes, expected at most ${MAX_CREDENTIAL_ID_LENGTH}`);
  const keyOffset = idOffset + idLength;
  if (bytes.length < keyOffset) throw cut("the end of its credential id");
  const length = keyOffset + cborLength(bytes.subarray(keyOffset));
  const publicKeyBytes = bytes.subarray(keyOffset, length);
  const attested = {
    aaguid: bytes.subarray(0, AAGUID_LENGTH),
    credentialId: bytes.subarray(idOffset, keyOffset),
    publicKey: parseMap(publicKeyBytes, "public key"),
    publicKeyBytes,
  };
  return { attested, length };
}

function encodeAttested({ aaguid, credentialId, publicKey }: Omit<AttestedCredential, "publicKeyBytes">): Uint8Array {
  const length = Uint8Array.of(credentialId.length >> 8, credentialId.length & 0xff);
  return concatBytes(aaguid, length, credentialId, encodeCbor(publicKey));
}

function parseMap(bytes: Uint8Array, name: string): CborMap {
  const { value } = parseCbor(bytes);
  if (!isCborMap(value)) throw malformed(`${name} of the authenticator data: found another CBOR type, expected a map`);
  return value;
}

function cut(before: string): CtapError {
  return malformed(`authenticator data ends before ${before}`);
}

function malformed(message: string): CtapError {
  return new CtapError("CTAP_AUTH_DATA", message, { kind: "outside" });
}
