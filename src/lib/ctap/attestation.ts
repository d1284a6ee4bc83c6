import { X509Certificate, type KeyObject } from "node:crypto";
import { concatBytes, equalBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { Answer, BYTES, INTEGER, listOf } from "./answer.ts";
import type { AuthenticatorFlags } from "./authenticator-data.ts";
import { COSE_ALGORITHM, parseCosePublicKey, verifySignature } from "./cose.ts";
import { findExtension, parseOctetString } from "./der.ts";
import type { Assertion } from "./get-assertion.ts";
import { hashRpId } from "./hash.ts";
import type { MadeCredential } from "./make-credential.ts";
import { encodeUncompressedPoint } from "./u2f.ts";

// Sources: WebAuthn §7.1 and §7.2, and §8.2, §8.6 and §8.7 for the formats.
// Whether a certificate leads to a root that anybody trusts is not checked: a
// card is looked at here, not let in.

/** What was asked for, and is compared with what came. */
export interface Expected {
  readonly rpId: string;
  /** SHA-256 of the client data, 32 bytes. */
  readonly clientDataHash: Uint8Array;
  /** Whether the user must have been present; true where it is not given. */
  readonly up?: boolean | undefined;
  /** Whether the user must have been verified; false where it is not given. */
  readonly uv?: boolean | undefined;
}

/** What was found to be right. What is wrong is an error. */
export interface VerifiedAttestation {
  readonly fmt: string;
  /** The hash of the rp id is that of the rp. */
  readonly rpIdHash: true;
  /** By name, those that are set: `up`, `uv`, `be`, `bs`, `at`, `ed`. */
  readonly flags: readonly string[];
  /**
   * Who signed: the key of a certificate, the credential itself, or nobody.
   * `unknown`: the format is one that is not read here, and nothing was verified.
   */
  readonly signature: "certificate" | "self" | "none" | "unknown";
  /** As in COSE; of the signature. */
  readonly algorithm: number | undefined;
  /** Of the certificate that signed, as it came, in DER. */
  readonly certificate: Uint8Array | undefined;
  /** Whether the certificate names a model of card, then the same as the authenticator data. */
  readonly aaguid: "match" | "absent" | undefined;
}

/** 1.3.6.1.4.1.45724.1.1.4, id-fido-gen-ce-aaguid. Source: WebAuthn §8.2.1. */
const AAGUID_EXTENSION = Uint8Array.of(0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xe5, 0x1c, 0x01, 0x01, 0x04);

/**
 * Verifies a new credential and the attestation of it.
 *
 * @param algorithms - that were asked for
 * @throws {CtapError} CTAP_VERIFICATION where something is wrong; CTAP_ANSWER, CTAP_COSE_KEY where
 *   it cannot be told
 */
export function verifyAttestation(made: MadeCredential, expected: Expected, algorithms: readonly number[]): VerifiedAttestation {
  const { authData, credential } = made;
  checkHeader(authData.rpIdHash, authData.flags, expected);
  const algorithm = INTEGER.read(credential.publicKey.get(3));
  if (algorithm === undefined || !algorithms.includes(algorithm)) {
    throw wrong(`credential has the algorithm ${algorithm ?? "of no number"}, expected ${algorithms.join(" or ")}`);
  }
  // A key that is none must not pass for one because nobody signed with it.
  parseCosePublicKey(credential.publicKey);
  return {
    fmt: made.fmt,
    rpIdHash: true,
    flags: flagNames(authData.flags),
    ...verifyStatement(made, expected.clientDataHash, algorithm),
  };
}

/**
 * Verifies an assertion.
 *
 * @param publicKey - of the credential, as COSE; without it, all but the signature is verified
 * @throws {CtapError} CTAP_VERIFICATION where something is wrong; CTAP_COSE_KEY where it cannot be told
 */
export function verifyAssertion(assertion: Assertion, expected: Expected, publicKey: MadeCredential["credential"]["publicKey"] | undefined): void {
  const { authData, signature } = assertion;
  checkHeader(authData.rpIdHash, authData.flags, expected);
  if (publicKey === undefined) return;
  const key = parseCosePublicKey(publicKey);
  const algorithm = INTEGER.read(publicKey.get(3)) ?? 0;
  if (!verifySignature(algorithm, key, concatBytes(authData.raw, expected.clientDataHash), signature)) {
    throw wrong("signature of the assertion is not one of this credential over this client data");
  }
}

export function flagNames({ up, uv, be, bs, at, ed }: AuthenticatorFlags): readonly string[] {
  return Object.entries({ up, uv, be, bs, at, ed })
    .filter(([, isSet]) => isSet)
    .map(([name]) => name);
}

function checkHeader(rpIdHash: Uint8Array, flags: AuthenticatorFlags, { rpId, up = true, uv = false }: Expected): void {
  if (!equalBytes(rpIdHash, hashRpId(rpId))) throw wrong("authenticator data is for another rp");
  if (up && !flags.up) throw wrong("authenticator data does not say that the user was present");
  if (uv && !flags.uv) throw wrong("authenticator data does not say that the user was verified");
  if (flags.bs && !flags.be) throw wrong("authenticator data says that the credential is backed up, and that it cannot be");
}

type Statement = Pick<VerifiedAttestation, "signature" | "algorithm" | "certificate" | "aaguid">;

function verifyStatement(made: MadeCredential, clientDataHash: Uint8Array, algorithm: number): Statement {
  switch (made.fmt) {
    case "packed":
      return verifyPacked(made, clientDataHash, algorithm);
    case "fido-u2f":
      return verifyU2f(made, clientDataHash);
    case "none":
      if (made.attStmt.size > 0) throw wrong("attestation statement of the format none is not empty");
      return { signature: "none", algorithm: undefined, certificate: undefined, aaguid: undefined };
    default:
      return { signature: "unknown", algorithm: undefined, certificate: undefined, aaguid: undefined };
  }
}

/** Source: WebAuthn §8.2. */
function verifyPacked({ attStmt, authData, credential }: MadeCredential, clientDataHash: Uint8Array, credentialAlgorithm: number): Statement {
  const statement = new Answer(attStmt, "makeCredential, attStmt");
  const algorithm = statement.required("alg", INTEGER);
  const signature = statement.required("sig", BYTES);
  const chain = statement.optional("x5c", listOf(BYTES));
  const message = concatBytes(authData.raw, clientDataHash);
  if (chain === undefined) {
    if (algorithm !== credentialAlgorithm) throw wrong(`self attestation has the algorithm ${algorithm}, expected ${credentialAlgorithm}, that of the credential`);
    if (!verifySignature(algorithm, parseCosePublicKey(credential.publicKey), message, signature)) throw wrongSignature();
    return { signature: "self", algorithm, certificate: undefined, aaguid: undefined };
  }
  const { der, publicKey } = firstCertificate(chain);
  if (!verifySignature(algorithm, publicKey, message, signature)) throw wrongSignature();
  return { signature: "certificate", algorithm, certificate: der, aaguid: checkAaguid(der, credential.aaguid) };
}

/** Source: WebAuthn §8.6. */
function verifyU2f({ attStmt, authData, credential }: MadeCredential, clientDataHash: Uint8Array): Statement {
  const statement = new Answer(attStmt, "makeCredential, attStmt");
  const chain = statement.required("x5c", listOf(BYTES));
  if (chain.length !== 1) throw wrong(`fido-u2f attestation has ${chain.length} certificates, expected 1`);
  const { der, publicKey } = firstCertificate(chain);
  const message = concatBytes(
    Uint8Array.of(0),
    authData.rpIdHash,
    clientDataHash,
    credential.credentialId,
    encodeUncompressedPoint(credential.publicKey),
  );
  const signature = statement.required("sig", BYTES);
  if (!verifySignature(COSE_ALGORITHM.es256, publicKey, message, signature)) throw wrongSignature();
  // CTAP1 does not tell the model, whatever the certificate names.
  return { signature: "certificate", algorithm: COSE_ALGORITHM.es256, certificate: der, aaguid: undefined };
}

function firstCertificate(chain: readonly Uint8Array[]): { readonly der: Uint8Array; readonly publicKey: KeyObject } {
  const [der] = chain;
  if (der === undefined) throw wrong("attestation has an empty list of certificates");
  try {
    return { der, publicKey: new X509Certificate(der).publicKey };
  } catch (error) {
    throw new CtapError("CTAP_VERIFICATION", "attestation certificate cannot be read", { kind: "no", cause: error });
  }
}

function checkAaguid(certificate: Uint8Array, aaguid: Uint8Array): "match" | "absent" {
  const extension = findExtension(certificate, AAGUID_EXTENSION);
  if (extension === undefined) return "absent";
  const named = parseOctetString(extension);
  if (named === undefined || !equalBytes(named, aaguid)) throw wrong("attestation certificate is for another model of card than the authenticator data");
  return "match";
}

function wrongSignature(): CtapError {
  return wrong("attestation signature is not one over this credential and client data");
}

function wrong(message: string): CtapError {
  return new CtapError("CTAP_VERIFICATION", message, { kind: "no" });
}
