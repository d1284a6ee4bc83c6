import { X509Certificate } from "node:crypto";
import type { VerifiedAttestation } from "../../lib/ctap/attestation.ts";
import { cborToJson, formatCbor } from "../../lib/ctap/cbor-text.ts";
import type { ClientData } from "../../lib/ctap/client-data.ts";
import type { Credential } from "../../lib/ctap/credential-file.ts";
import { HMAC_SECRET } from "../../lib/ctap/hmac-secret.ts";
import type { MadeCredential, MakeCredentialParams } from "../../lib/ctap/make-credential.ts";
import { encodeUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { encodeRegistrationResponse } from "../../lib/ctap/webauthn-json.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import { algorithmName } from "./algorithms.ts";
import { describeUser, flagsToJson } from "./credential-words.ts";
import { formatUuid } from "./info-words.ts";
import { formatLines, type Line } from "./lines.ts";

/** A new credential, and all that is known of how it came about. */
export interface Made {
  readonly made: MadeCredential;
  readonly verified: VerifiedAttestation;
  readonly params: MakeCredentialParams;
  /** Where they were made here. */
  readonly clientData: ClientData | undefined;
  readonly isDiscoverable: boolean;
  readonly isU2f: boolean;
  /** As the card says. */
  readonly transports: readonly string[];
  /** File that keeps it. */
  readonly out: string | undefined;
}

const ALGORITHM = 3;

function algorithmOf({ credential }: MadeCredential): number {
  return Number(credential.publicKey.get(ALGORITHM));
}

/** What is kept for later assertions. */
export function toCredential({ made, params, isDiscoverable, isU2f }: Made): Credential {
  return {
    id: made.credential.credentialId,
    rpId: params.rp.id,
    user: params.user,
    algorithm: algorithmOf(made),
    publicKey: made.credential.publicKey,
    counter: made.authData.counter,
    discoverable: isDiscoverable,
    u2f: isU2f,
    largeBlobKey: made.largeBlobKey,
  };
}

/** Writes the result, and says what was verified. */
export function showCredential(args: Arguments, result: Made): void {
  if (!args.flag("quiet")) {
    say(describeVerified(result.verified));
    if (result.made.largeBlobKey !== undefined && result.out === undefined) say("note: the key for the large blob is kept only with --out FILE");
  }
  if (args.flag("webauthn-json")) writeJson(toWebauthn(result));
  else if (args.flag("json")) writeJson(toJson(result));
  else writeResult(formatLines(toLines(result)));
}

function describeVerified({ fmt, flags, signature, algorithm, certificate, aaguid }: VerifiedAttestation): string {
  const by = algorithm === undefined ? "" : ` (${algorithmName(algorithm)})`;
  const header = `verified: rp id hash; flags ${flags.join(", ")}`;
  switch (signature) {
    case "certificate": {
      const subject = certificate === undefined ? "" : subjectOf(certificate);
      const model = aaguid === "match" ? ", which names the same AAGUID" : "";
      return `${header}; ${fmt} attestation signature${by} by the certificate of ${escapeForTerminal(subject)}${model}; not whether anybody trusts it`;
    }
    case "self":
      return `${header}; ${fmt} self attestation signature${by}`;
    case "none":
      return `${header}; the card attests to nothing`;
    case "unknown":
      return `${header}\nwarning: not verified: the attestation, whose format ${escapeForTerminal(fmt)} is not known here`;
  }
}

/** Node has none for a certificate without a name, against its types. */
function subjectOf(certificate: Uint8Array): string {
  const { subject } = new X509Certificate(certificate) as { readonly subject: string | undefined };
  return subject?.replaceAll("\n", ", ") ?? "no name";
}

/** No secret is in it: the key for a large blob goes to the credential file alone. */
function toJson({ made, verified, params, clientData, isDiscoverable, isU2f, transports, out }: Made): object {
  const { authData, credential, attStmt, fmt } = made;
  const signature = attStmt.get("sig");
  const { id, ...names } = params.user;
  return {
    id: encodeUnpaddedBase64url(credential.credentialId),
    publicKey: encodeUnpaddedBase64url(credential.publicKeyBytes),
    algorithm: algorithmName(algorithmOf(made)),
    rp: params.rp,
    user: { id: encodeUnpaddedBase64url(id), ...names },
    aaguid: formatUuid(credential.aaguid),
    counter: authData.counter,
    flags: flagsToJson(authData.flags),
    extensions: cborToJson(authData.extensions ?? new Map()),
    largeBlobKey: made.largeBlobKey !== undefined,
    discoverable: isDiscoverable,
    u2f: isU2f,
    transports,
    fmt,
    authData: encodeUnpaddedBase64url(authData.raw),
    attStmt: cborToJson(attStmt),
    signature: signature instanceof Uint8Array ? encodeUnpaddedBase64url(signature) : undefined,
    enterprise: made.epAtt,
    clientDataHash: encodeUnpaddedBase64url(params.clientDataHash),
    clientDataJSON: clientData === undefined ? undefined : encodeUnpaddedBase64url(clientData.json),
    verified: {
      rpIdHash: verified.rpIdHash,
      flags: verified.flags,
      signature: verified.signature,
      algorithm: verified.algorithm === undefined ? undefined : algorithmName(verified.algorithm),
      aaguid: verified.aaguid,
    },
    file: out,
  };
}

function toLines({ made, verified, params, isDiscoverable, out }: Made): readonly Line[] {
  const { authData, credential } = made;
  const { user, rp } = params;
  return [
    ["credential", encodeUnpaddedBase64url(credential.credentialId)],
    ["public key", `${algorithmName(algorithmOf(made))} ${encodeUnpaddedBase64url(credential.publicKeyBytes)}`],
    ["rp", escapeForTerminal(rp.id)],
    ["user", describeUser(user)],
    ["kept", isDiscoverable ? "on the card" : "by its id alone"],
    ["aaguid", formatUuid(credential.aaguid)],
    ["counter", String(authData.counter)],
    ["flags", verified.flags.join(" ")],
    ...(authData.extensions === undefined ? [] : [["extensions", formatCbor(authData.extensions)] as const]),
    ["attestation", escapeForTerminal(made.fmt)],
    ...(out === undefined ? [] : [["file", escapeForTerminal(out)] as const]),
  ];
}

function toWebauthn({ made, clientData, isDiscoverable, transports }: Made): object {
  if (clientData === undefined) throw new RangeError("no client data");
  const hmacSecret = made.authData.extensions?.get(HMAC_SECRET);
  const extensionResults = { ...(isDiscoverable ? { credProps: { rk: true } } : {}), ...(typeof hmacSecret === "boolean" ? { hmacCreateSecret: hmacSecret } : {}) };
  return encodeRegistrationResponse({ clientData, fmt: made.fmt, authData: made.authData, attStmt: made.attStmt, transports, extensionResults });
}
