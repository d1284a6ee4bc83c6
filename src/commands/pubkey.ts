import { encodeBase64url } from "../lib/base64url.ts";
import { UsageError } from "../lib/errors.ts";
import { encodePublicKey, encodePublicKeyHex, encodePublicKeyPem } from "../lib/glome/key-text.ts";
import type { PrivateKey } from "../lib/glome/private-key.ts";
import type { PublicKey } from "../lib/glome/public-key.ts";
import { MAX_KEY_FILE_LENGTH } from "../lib/glome/private-key-file.ts";
import type { Arguments } from "./arguments.ts";
import { isTerminal, readWholeInput, STDIN, STDOUT, writeJson, writeResult } from "./io.ts";
import { parsePrivateKey, readPrivateKey } from "./private-key.ts";
import { EXIT_OK } from "./report.ts";

/** keyhole pubkey */
export async function pubkey(args: Arguments): Promise<number> {
  const format = args.required("format");
  const isJson = args.flag("json");
  if (format === "raw" && !isJson && isTerminal(STDOUT)) {
    throw new UsageError("RAW_TO_TERMINAL", "raw key bytes do not go to a terminal", { hint: "leave --format out, or send them into a pipe or file" });
  }
  const privateKey = await readKey(args);
  const { publicKey } = privateKey;
  privateKey.destroy();
  if (format === "raw") {
    if (isJson) writeJson({ publicKey: encodeBase64url(publicKey.bytes) });
    else writeResult(publicKey.bytes);
  } else {
    const text = encode(publicKey, format);
    if (isJson) writeJson({ publicKey: text });
    else writeResult(text.endsWith("\n") ? text : `${text}\n`);
  }
  return EXIT_OK;
}

async function readKey(args: Arguments): Promise<PrivateKey> {
  const path = args.optional("key");
  if (path !== undefined) return readPrivateKey(path, args);
  if (isTerminal(STDIN)) {
    throw new UsageError("USAGE_MISSING", "no private key on standard input, which is a terminal", { hint: "give --key FILE, or keyhole pubkey <FILE" });
  }
  return parsePrivateKey(readWholeInput("private key", MAX_KEY_FILE_LENGTH), "standard input", args);
}

function encode(key: PublicKey, format: string): string {
  if (format === "hex") return encodePublicKeyHex(key);
  return format === "pem" ? encodePublicKeyPem(key) : encodePublicKey(key);
}
