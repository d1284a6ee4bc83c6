import { randomBytes } from "node:crypto";
import { closeSync, fchownSync, fsyncSync, openSync, realpathSync, renameSync, statSync } from "node:fs";
import * as v from "valibot";
import { CtapError, FileError, KeyholeError } from "../errors.ts";
import { readFile, removeQuietly, SECRET_MODE, writeAll, writeError, writeNewFile } from "../files.ts";
import { equalBytes, parseHex, wipe } from "../bytes.ts";
import { jsonObject, parseJson } from "../json.ts";
import { withLock } from "../lock.ts";
import { encodeJsonLine, encodeUtf8, parseUtf8 } from "../text.ts";
import { MAX_CREDENTIAL_ID_LENGTH } from "./authenticator-data.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap } from "./cbor.ts";
import { parseCosePublicKey } from "./cose.ts";
import type { User } from "./entities.ts";
import { LARGE_BLOB_KEY_LENGTH } from "./make-credential.ts";
import { encodeUnpaddedBase64url, parseUnpaddedBase64url } from "./unpadded-base64url.ts";

/** What is kept of a credential to ask for assertions of it later, and to check them. */
export interface Credential {
  readonly id: Uint8Array;
  readonly rpId: string;
  readonly user: User;
  /** COSE algorithm: that of the public key. */
  readonly algorithm: number;
  readonly publicKey: CborMap;
  /** Of the last answer that was seen. */
  readonly counter: number;
  /** Whether the card finds it without its id. */
  readonly discoverable: boolean;
  /** Whether it was made by CTAP1. */
  readonly u2f: boolean;
  /** 32 bytes, secret. */
  readonly largeBlobKey?: Uint8Array | undefined;
}

export const CREDENTIAL_FILE_FORMAT = "keyhole-credential-1";

/** An id of 1023 bytes, an RSA key and names at their longest come to a fraction of it. */
const MAX_FILE_LENGTH = 64 * 1024;
const MAX_USER_ID_LENGTH = 64;
const ALGORITHM = 3;

/** Made when a file is read, as most commands read none. */
function fileSchema() {
  return jsonObject({
    format: v.literal(CREDENTIAL_FILE_FORMAT),
    id: v.string(),
    rpId: v.pipe(v.string(), v.nonEmpty()),
    user: jsonObject({ id: v.string(), name: v.exactOptional(v.string()), displayName: v.exactOptional(v.string()) }),
    algorithm: v.pipe(v.number(), v.integer()),
    publicKey: v.string(),
    counter: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1)),
    discoverable: v.boolean(),
    u2f: v.boolean(),
    largeBlobKey: v.exactOptional(v.string()),
  });
}

/** One line of JSON; bytes in it are base64url, the public key is COSE. */
export function encodeCredentialFile(credential: Credential): Uint8Array {
  const { id, rpId, user, algorithm, publicKey, counter, discoverable, u2f, largeBlobKey } = credential;
  return encodeUtf8(
    `${encodeJsonLine({
      format: CREDENTIAL_FILE_FORMAT,
      id: encodeUnpaddedBase64url(id),
      rpId,
      user: { ...user, id: encodeUnpaddedBase64url(user.id) },
      algorithm,
      publicKey: encodeUnpaddedBase64url(encodeCbor(publicKey)),
      counter,
      discoverable,
      u2f,
      largeBlobKey: largeBlobKey === undefined ? undefined : encodeUnpaddedBase64url(largeBlobKey),
    })}\n`,
  );
}

/**
 * The reverse of `encodeCredentialFile`.
 *
 * @throws {CtapError} CTAP_CREDENTIAL_FILE, which tells no secret of the file
 */
export function parseCredentialFile(bytes: Uint8Array): Credential {
  try {
    const file = parseJson(fileSchema(), parseUtf8(bytes, "it"));
    const { rpId, user, algorithm, counter, discoverable, u2f, largeBlobKey } = file;
    return {
      id: parseBytes(file.id, "id", 1, MAX_CREDENTIAL_ID_LENGTH),
      rpId,
      user: { ...user, id: parseBytes(user.id, "user.id", 1, MAX_USER_ID_LENGTH) },
      algorithm,
      publicKey: parsePublicKey(file.publicKey, algorithm),
      counter,
      discoverable,
      u2f,
      largeBlobKey: largeBlobKey === undefined ? undefined : parseBytes(largeBlobKey, "largeBlobKey", LARGE_BLOB_KEY_LENGTH, LARGE_BLOB_KEY_LENGTH),
    };
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new CtapError("CTAP_CREDENTIAL_FILE", `credential file is not one that keyhole ctap make-credential wrote: ${reason(error)}`, {
      hint: "give the file that --out named when the credential was made",
    });
  }
}

/** Not what a field was instead of what it had to be: it could be a part of the key. */
function reason(error: KeyholeError): string {
  return error.message.replace(/ is .*, expected /s, " is not ");
}

function parseBytes(text: string, name: string, min: number, max: number): Uint8Array {
  const bytes = parseUnpaddedBase64url(text);
  if (bytes.length >= min && bytes.length <= max) return bytes;
  throw new CtapError("CTAP_CREDENTIAL_FILE", `field "${name}" has ${bytes.length} bytes, expected ${min === max ? min : `${min} to ${max}`}`);
}

function parsePublicKey(text: string, algorithm: number): CborMap {
  const { value } = parseCbor(parseUnpaddedBase64url(text));
  if (!isCborMap(value) || value.get(ALGORITHM) !== algorithm) {
    throw new CtapError("CTAP_CREDENTIAL_FILE", `field "publicKey" is no key for the algorithm ${algorithm}`);
  }
  parseCosePublicKey(value);
  return value;
}

/** @throws {CtapError} CTAP_CREDENTIAL_FILE; {FileError} FILE_READ, FILE_TOO_LONG */
export function readCredentialFile(path: string): Credential {
  const { bytes } = readFile(path, "credential file", MAX_FILE_LENGTH);
  try {
    return parseCredentialFile(bytes);
  } catch (error) {
    throw error instanceof CtapError ? error.about(path) : error;
  } finally {
    wipe(bytes);
  }
}

/** @throws {FileError} FILE_EXISTS, FILE_WRITE */
export function writeCredentialFile(path: string, credential: Credential): void {
  const bytes = encodeCredentialFile(credential);
  try {
    writeNewFile(path, "credential file", bytes);
  } finally {
    wipe(bytes);
  }
}

/** What an assertion tells that its credential file is to keep. */
export interface CredentialUpdate {
  readonly counter: number;
  /** 32 bytes, secret. */
  readonly largeBlobKey?: Uint8Array | undefined;
}

/**
 * Keeps what an assertion told in a credential file, whole or not at all. Of
 * processes that do so at the same time the highest counter stays; a lower one
 * changes nothing.
 *
 * @param id - of the credential that the file must still hold
 * @throws {CtapError} CTAP_CREDENTIAL_FILE; {FileError} FILE_READ, FILE_WRITE, FILE_LOCKED
 */
export function updateCredentialFile(path: string, id: Uint8Array, { counter, largeBlobKey }: CredentialUpdate): void {
  try {
    const file = realpathSync(path);
    withLock(file, () => {
      const credential = readCredentialFile(file);
      if (!equalBytes(credential.id, id)) throw new CtapError("CTAP_CREDENTIAL_FILE", `credential file ${path} has come to hold another credential`);
      if (counter <= credential.counter && largeBlobKey === undefined) return;
      replaceFile(file, encodeCredentialFile({ ...credential, counter: Math.max(counter, credential.counter), largeBlobKey: largeBlobKey ?? credential.largeBlobKey }));
    });
  } catch (error) {
    throw error instanceof KeyholeError ? error : writeError(path, "credential file", error);
  }
}

function replaceFile(path: string, contents: Uint8Array): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const { uid, gid, nlink } = statSync(path);
    if (nlink > 1) throw new FileError("FILE_WRITE", `credential file ${path} has more than one name, and only one would get the new counter`, { kind: "outside" });
    const fd = openSync(temporary, "wx", SECRET_MODE);
    try {
      // With sudo, the file stays its owner's.
      if (process.geteuid?.() === 0) fchownSync(fd, uid, gid);
      writeAll(fd, contents);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } finally {
    wipe(contents);
    removeQuietly(temporary);
  }
}

/**
 * Reads a credential id: of an even number of hexadecimal digits, as
 * hexadecimal; anything else as base64url, padded or not. A base64url text that
 * happens to be of hexadecimal digits alone is therefore read as hexadecimal;
 * for an id of 16 bytes or more that is never met in practice, and writing it
 * in hexadecimal leaves no doubt.
 *
 * @throws {CtapError} CTAP_CREDENTIAL_ID
 */
export function parseCredentialId(text: string): Uint8Array {
  const id = parseHex(text) ?? parseId(text);
  if (id.length > 0 && id.length <= MAX_CREDENTIAL_ID_LENGTH) return id;
  throw new CtapError("CTAP_CREDENTIAL_ID", `credential id is ${id.length} bytes, expected 1 to ${MAX_CREDENTIAL_ID_LENGTH}`);
}

function parseId(text: string): Uint8Array {
  try {
    return parseUnpaddedBase64url(text);
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new CtapError("CTAP_CREDENTIAL_ID", `${JSON.stringify(text)} is neither a credential id in base64url nor one in hexadecimal`, {
      hint: "copy the whole id, as keyhole ctap credentials list shows it",
      cause: error,
    });
  }
}
