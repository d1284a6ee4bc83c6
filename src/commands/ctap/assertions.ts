import { flagNames } from "../../lib/ctap/attestation.ts";
import { cborToJson, formatCbor } from "../../lib/ctap/cbor-text.ts";
import type { ClientData } from "../../lib/ctap/client-data.ts";
import type { User } from "../../lib/ctap/entities.ts";
import type { Assertion, GetAssertionParams } from "../../lib/ctap/get-assertion.ts";
import { encodeUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { encodeAuthenticationResponse } from "../../lib/ctap/webauthn-json.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import type { NamedCredential } from "./credential-input.ts";
import { describeUser, flagsToJson } from "./credential-words.ts";
import { formatLines, type Line } from "./lines.ts";

/** An assertion in which nothing is wrong. */
export interface Checked {
  readonly assertion: Assertion;
  /** By which its signature and counter were checked. */
  readonly file: NamedCredential["file"];
}

export interface Assertions {
  readonly checked: readonly Checked[];
  readonly params: GetAssertionParams;
  /** Where they were made here. */
  readonly clientData: ClientData | undefined;
  /** New file that has the derived secrets. */
  readonly secretsFile: string | undefined;
}

/** Writes the result, and says what was verified. */
export function showAssertions(args: Arguments, result: Assertions): void {
  const { checked } = result;
  if (!args.flag("quiet")) for (const one of checked) say(describeVerified(one));
  if (args.flag("webauthn-json")) {
    if (checked.length > 1 && !args.flag("quiet")) say(`note: ${checked.length} credentials answered; this is the first`);
    writeJson(toWebauthn(result));
  } else if (args.flag("json")) writeJson(toJson(result));
  else writeResult(checked.map((one) => formatLines(toLines(one, result))).join("\n"));
}

function describeVerified({ assertion: { authData }, file }: Checked): string {
  const header = `verified: rp id hash; flags ${flagNames(authData.flags).join(", ") || "none"}`;
  if (file === undefined) return `${header}; not the signature, for which a credential file has the public key`;
  const { path, credential } = file;
  return `${header}; signature by the public key in ${escapeForTerminal(path)}; counter ${authData.counter}, which was ${credential.counter}`;
}

function toJson({ checked, params, clientData, secretsFile }: Assertions): object {
  return {
    rpId: params.rpId,
    assertions: checked.map(({ assertion: { credential, authData, signature, user, userSelected, largeBlobKey }, file }) => ({
      id: encodeUnpaddedBase64url(credential.id),
      user: user === undefined ? undefined : userToJson(user),
      counter: authData.counter,
      flags: flagsToJson(authData.flags),
      extensions: cborToJson(authData.extensions ?? new Map()),
      largeBlobKey: largeBlobKey !== undefined,
      userSelected,
      authData: encodeUnpaddedBase64url(authData.raw),
      signature: encodeUnpaddedBase64url(signature),
      verified: { rpIdHash: true, flags: flagNames(authData.flags), signature: file !== undefined, counter: file !== undefined },
      file: file?.path,
    })),
    clientDataHash: encodeUnpaddedBase64url(params.clientDataHash),
    clientDataJSON: clientData === undefined ? undefined : encodeUnpaddedBase64url(clientData.json),
    hmacSecretFile: secretsFile,
  };
}

function userToJson({ id, name, displayName }: User): object {
  return { id: encodeUnpaddedBase64url(id), name, displayName };
}

function toLines({ assertion: { credential, authData, signature, user }, file }: Checked, { secretsFile }: Assertions): readonly Line[] {
  return [
    ["credential", encodeUnpaddedBase64url(credential.id)],
    ...(user === undefined ? [] : [["user", describeUser(user)] as const]),
    ["counter", String(authData.counter)],
    ["flags", flagNames(authData.flags).join(" ")],
    ...(authData.extensions === undefined ? [] : [["extensions", formatCbor(authData.extensions)] as const]),
    ["auth data", encodeUnpaddedBase64url(authData.raw)],
    ["signature", encodeUnpaddedBase64url(signature)],
    ...(file === undefined ? [] : [["file", escapeForTerminal(file.path)] as const]),
    ...(secretsFile === undefined ? [] : [["secrets", escapeForTerminal(secretsFile)] as const]),
  ];
}

function toWebauthn({ checked, clientData }: Assertions): object {
  const [first] = checked;
  if (first === undefined || clientData === undefined) throw new RangeError("no assertion, or no client data");
  const { credential, authData, signature, user } = first.assertion;
  return encodeAuthenticationResponse({ clientData, credentialId: credential.id, authData, signature, user });
}
