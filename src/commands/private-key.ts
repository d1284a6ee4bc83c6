import { FileError, Interrupted, KeyholeError, UsageError } from "../lib/errors.ts";
import { readFile } from "../lib/files.ts";
import { PrivateKey } from "../lib/glome/private-key.ts";
import { nodePrimitives } from "../lib/glome/node-primitives.ts";
import { isEncryptedKeyFile, MAX_KEY_FILE_LENGTH, parsePrivateKeyFile } from "../lib/glome/private-key-file.ts";
import { wipe } from "../lib/bytes.ts";
import { encodeUtf8, escapeUnsafe } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { canPrompt } from "./io.ts";
import { readSecretLine, warnOfReaders } from "./secret-line.ts";

/**
 * Reads the private key of a file, asking for its passphrase where it has one.
 *
 * @throws {KeyholeError} FILE_…, GLOME_…, PASSPHRASE_…
 */
export async function readPrivateKey(path: string, args: Arguments): Promise<PrivateKey> {
  const { bytes, readableByOthers } = readFile(path, "private key", MAX_KEY_FILE_LENGTH);
  const key = await parsePrivateKey(bytes, path, args);
  if (readableByOthers) warnOfReaders("private key", path, args);
  return key;
}

/** @param name - of the file, for errors and the prompt */
export async function parsePrivateKey(contents: Uint8Array, name: string, args: Arguments): Promise<PrivateKey> {
  const passphrase = isEncryptedKeyFile(contents) ? await readPassphrase(args, `Passphrase for ${escapeUnsafe(name)}: `, name) : undefined;
  try {
    const bytes = parsePrivateKeyFile(contents, () => passphrase ?? new Uint8Array());
    const key = new PrivateKey(bytes, nodePrimitives);
    wipe(bytes);
    return key;
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(name) : error;
  } finally {
    wipe(contents, passphrase ?? new Uint8Array());
  }
}

/**
 * The passphrase from `--passphrase-file`, or from the person at the terminal.
 *
 * @throws {UsageError} PASSPHRASE_MISSING; {FileError}; {Interrupted}
 */
export async function readPassphrase(args: Arguments, question: string, name: string): Promise<Uint8Array> {
  const path = args.optional("passphrase-file");
  if (path !== undefined) return readPassphraseFile(path, args);
  if (!canPrompt()) {
    throw new UsageError("PASSPHRASE_MISSING", `${name} needs a passphrase and there is no terminal to ask at`, {
      hint: "give --passphrase-file FILE",
    });
  }
  const { promptSecret } = await import("../lib/terminal/prompt.ts");
  const answer = await promptSecret(question);
  if (answer === undefined) throw new Interrupted();
  return encodeUtf8(answer);
}

function readPassphraseFile(path: string, args: Arguments): Uint8Array {
  const passphrase = readSecretLine(path, "passphrase file", args);
  if (passphrase.length === 0) throw new FileError("PASSPHRASE_EMPTY", `passphrase file ${path} has an empty first line`);
  return passphrase;
}
