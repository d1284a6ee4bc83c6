import { KeyholeError } from "../lib/errors.ts";
import { readFile } from "../lib/files.ts";
import type { Dialog } from "../lib/glome/dialog.ts";
import { parsePublicKeyFile } from "../lib/glome/key-text.ts";
import type { PublicKey } from "../lib/glome/public-key.ts";
import { MAX_KEY_FILE_LENGTH } from "../lib/glome/private-key-file.ts";
import type { Arguments } from "./arguments.ts";
import { readPrivateKey } from "./private-key.ts";

/**
 * Reads the public key of the other side.
 *
 * @throws {KeyholeError} FILE_…, GLOME_…
 */
export function readPublicKey(path: string): PublicKey {
  const { bytes } = readFile(path, "public key", MAX_KEY_FILE_LENGTH);
  try {
    return parsePublicKeyFile(bytes);
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(path) : error;
  }
}

/** The handshake of `--key` with `--peer`. */
export async function openDialog(args: Arguments): Promise<Dialog> {
  const keyPath = args.required("key");
  const peer = readPublicKey(args.required("peer"));
  const key = await readPrivateKey(keyPath, args);
  const dialog = key.exchange(peer);
  key.destroy();
  return dialog;
}
