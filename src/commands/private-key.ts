import { FileError, Interrupted, KeyholeError, UsageError } from "../lib/errors.ts";
import { readFile } from "../lib/files.ts";
import { PrivateKey } from "../lib/glome/private-key.ts";
import { nodePrimitives } from "../lib/glome/node-primitives.ts";
import { isEncryptedKeyFile, MAX_KEY_FILE_LENGTH, parsePrivateKeyFile } from "../lib/glome/private-key-file.ts";
import { copyBytes, wipe } from "../lib/bytes.ts";
import { encodeUtf8, escapeUnsafe } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { canPrompt, say } from "./io.ts";

const MAX_PASSPHRASE_LENGTH = 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

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

function warnOfReaders(what: string, path: string, args: Arguments): void {
  if (!args.flag("quiet")) say(escapeUnsafe(`warning: ${what} ${path} can be read by others; chmod 600 it, and change it if they may have`));
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

/** The first line, without its end. */
function readPassphraseFile(path: string, args: Arguments): Uint8Array {
  const { bytes, readableByOthers } = readFile(path, "passphrase file", MAX_PASSPHRASE_LENGTH);
  const newline = bytes.indexOf(NEWLINE);
  let end = newline < 0 ? bytes.length : newline;
  if (end > 0 && bytes[end - 1] === CARRIAGE_RETURN) end--;
  const passphrase = copyBytes(bytes.subarray(0, end));
  wipe(bytes);
  if (readableByOthers) warnOfReaders("passphrase file", path, args);
  if (passphrase.length === 0) throw new FileError("PASSPHRASE_EMPTY", `passphrase file ${path} has an empty first line`);
  return passphrase;
}
