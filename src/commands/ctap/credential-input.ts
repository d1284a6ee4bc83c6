import { existsSync } from "node:fs";
import { parseCredentialId, readCredentialFile, type Credential } from "../../lib/ctap/credential-file.ts";
import { CtapError, UsageError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";

/** A credential that the command line names by its file or its id. */
export interface NamedCredential {
  readonly id: Uint8Array;
  /** Where it was named by a file. */
  readonly file?: { readonly path: string; readonly credential: Credential };
}

/** What may be an id; anything else is the name of a file. */
const ID = /^[A-Za-z0-9_-]+=*$/;

/**
 * The credentials of `--credential` or `--exclude`. A file of the given name
 * counts before an id that reads the same.
 *
 * @param rpId - that a credential file must be for
 * @throws {UsageError} USAGE_RP_ID; {CtapError} CTAP_CREDENTIAL_FILE, CTAP_CREDENTIAL_ID; {FileError} FILE_…
 */
export function readCredentials(args: Arguments, option: "credential" | "exclude", rpId: string): readonly NamedCredential[] {
  return args.all(option).map((text) => {
    if (!existsSync(text) && ID.test(text)) return { id: readId(args, text) };
    const credential = readCredentialFile(text);
    if (credential.rpId !== rpId) {
      throw new UsageError("USAGE_RP_ID", `credential file ${text} is for ${JSON.stringify(credential.rpId)}, not for ${JSON.stringify(rpId)}`, { hint: `give --rp-id ${credential.rpId}, or another file` });
    }
    return { id: credential.id, file: { path: text, credential } };
  });
}

/** @throws {CtapError} CTAP_CREDENTIAL_ID */
function parseId(text: string): Uint8Array {
  try {
    return parseCredentialId(text);
  } catch (error) {
    if (!(error instanceof CtapError)) throw error;
    throw new CtapError(error.code, error.message, { cause: error, hint: "there is no such file either; copy the whole id, as keyhole ctap credentials list shows it, or give the credential file's name" });
  }
}

/** WebAuthn §4, "Credential ID": at least 16 bytes, so that nobody guesses one. */
const LEAST_ID_LENGTH = 16;

/** A mistyped file name often reads as an id too. */
function readId(args: Arguments, text: string): Uint8Array {
  const id = parseId(text);
  if (id.length < LEAST_ID_LENGTH && !args.flag("quiet")) say(`warning: there is no file ${escapeForTerminal(text)}; taken as a credential id, of ${id.length} bytes`);
  return id;
}
