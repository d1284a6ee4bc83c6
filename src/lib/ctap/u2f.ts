import { concatBytes, copyBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { encodeAuthenticatorData, parseAuthenticatorData, type AuthenticatorData } from "./authenticator-data.ts";
import { cborMap } from "./cbor.ts";
import { COSE_ALGORITHM, encodeP256Key, parseP256Key, type CoseKey } from "./cose.ts";
import { derLength } from "./der.ts";
import type { MadeCredential } from "./make-credential.ts";

// The answers of CTAP1, in the shapes of CTAP2.
// Sources: FIDO U2F Raw Message Formats §4.3 and §5.4; CTAP 2.1 §7.1.4 and §7.2.4.

const RESERVED = 0x05;
const UNCOMPRESSED = 0x04;
const COORDINATE_LENGTH = 32;
const POINT_LENGTH = 1 + 2 * COORDINATE_LENGTH;
const AUTHENTICATION_HEADER_LENGTH = 5;

/** Bits of the user presence byte that become flags. Source: CTAP 2.1 §7.2.4. */
const PRESENCE_FLAGS = 0x03;

const NO_AAGUID = new Uint8Array(16);

/**
 * 05 | public key(65) | key handle length(1) | key handle | certificate | signature
 *
 * @param rpIdHash - of the request
 * @returns what makeCredential would give, in the format fido-u2f
 * @throws {CtapError} CTAP_ANSWER
 */
export function parseRegistration(data: Uint8Array, rpIdHash: Uint8Array): MadeCredential {
  if (data[0] !== RESERVED) throw malformed("registration does not begin with 05");
  const handleOffset = 1 + POINT_LENGTH + 1;
  const handleLength = data[handleOffset - 1];
  if (handleLength === undefined) throw malformed("registration ends before its key handle");
  const rest = data.subarray(handleOffset + handleLength);
  const certificateLength = derLength(rest);
  if (certificateLength === undefined) throw malformed("registration has no whole certificate");
  const signature = rest.subarray(certificateLength);
  if (signature.length === 0) throw malformed("registration ends before its signature");
  const point = data.subarray(1, 1 + POINT_LENGTH);
  if (point[0] !== UNCOMPRESSED) throw malformed("registration has a public key that is no uncompressed point");
  const publicKey = encodeP256Key(COSE_ALGORITHM.es256, { x: copyBytes(point.subarray(1, 1 + COORDINATE_LENGTH)), y: copyBytes(point.subarray(1 + COORDINATE_LENGTH)) });
  const credentialId = data.subarray(handleOffset, handleOffset + handleLength);
  const authData = parseAuthenticatorData(
    encodeAuthenticatorData({ rpIdHash, up: true, uv: false, counter: 0, attested: { aaguid: NO_AAGUID, credentialId, publicKey } }),
  );
  if (authData.attested === undefined) throw malformed("registration holds no credential");
  return {
    fmt: "fido-u2f",
    authData,
    credential: authData.attested,
    attStmt: cborMap(["x5c", [copyBytes(rest.subarray(0, certificateLength))]], ["sig", copyBytes(signature)]),
    epAtt: false,
  };
}

/** What was signed, and the signature. */
export interface Authentication {
  readonly authData: AuthenticatorData;
  readonly signature: Uint8Array;
}

/**
 * user presence(1) | counter(4) | signature
 *
 * @param rpIdHash - of the request
 * @returns what getAssertion would give: CTAP1 signs just the bytes of its authenticator data
 * @throws {CtapError} CTAP_ANSWER
 */
export function parseAuthentication(data: Uint8Array, rpIdHash: Uint8Array): Authentication {
  if (data.length <= AUTHENTICATION_HEADER_LENGTH) throw malformed("authentication ends before its signature");
  const header = data.slice(0, AUTHENTICATION_HEADER_LENGTH);
  header[0] = (header[0] ?? 0) & PRESENCE_FLAGS;
  return { authData: parseAuthenticatorData(concatBytes(rpIdHash, header)), signature: copyBytes(data.subarray(AUTHENTICATION_HEADER_LENGTH)) };
}

/**
 * A P-256 key as U2F has it: 04 | x(32) | y(32).
 *
 * @throws {CtapError} CTAP_COSE_KEY
 */
export function encodeUncompressedPoint(key: CoseKey): Uint8Array {
  const { x, y } = parseP256Key(key, COSE_ALGORITHM.es256);
  return concatBytes(Uint8Array.of(UNCOMPRESSED), x, y);
}

function malformed(message: string): CtapError {
  return new CtapError("CTAP_ANSWER", message, { kind: "outside" });
}
