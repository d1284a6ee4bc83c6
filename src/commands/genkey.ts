import { randomBytes } from "node:crypto";
import { encodeBase64url } from "../lib/base64url.ts";
import { copyBytes, equalBytes, wipe } from "../lib/bytes.ts";
import { UsageError } from "../lib/errors.ts";
import { writeNewFile } from "../lib/files.ts";
import { encodeEncryptedPem } from "../lib/glome/encrypted-pem.ts";
import { encodePublicKey } from "../lib/glome/key-text.ts";
import { PrivateKey } from "../lib/glome/private-key.ts";
import { KEY_LENGTH } from "../lib/glome/public-key.ts";
import { nodePrimitives } from "../lib/glome/node-primitives.ts";
import { encodePrivatePem } from "../lib/glome/pem.ts";
import { encodeUtf8 } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { isTerminal, STDOUT, writeJson, writeResult } from "./io.ts";
import { readPassphrase } from "./private-key.ts";
import { EXIT_OK } from "./report.ts";

/** keyhole genkey */
export async function genkey(args: Arguments): Promise<number> {
  const out = args.optional("out");
  const isEncrypted = args.flag("encrypt");
  const format = args.optional("format") ?? (isEncrypted ? "pem" : "raw");
  if (isEncrypted && format === "raw") {
    throw new UsageError("USAGE_FORMAT", "an encrypted key has no raw form", { hint: "leave --format out, or give --format pem" });
  }
  if (format === "raw" && out === undefined && !args.flag("json") && isTerminal(STDOUT)) {
    throw new UsageError("RAW_TO_TERMINAL", "raw key bytes do not go to a terminal", { hint: "give --out FILE or --format pem, or send them into a pipe or file" });
  }
  const passphrase = isEncrypted ? await newPassphrase(args) : undefined;

  const bytes = randomBytes(KEY_LENGTH);
  const publicKey = encodePublicKey(new PrivateKey(bytes, nodePrimitives).publicKey);
  const contents = encode(bytes, format, passphrase);
  wipe(bytes, passphrase ?? new Uint8Array());
  if (out !== undefined) {
    writeNewFile(out, "private key", contents);
    if (args.flag("json")) writeJson({ file: out, publicKey });
  } else if (args.flag("json")) {
    writeJson({ privateKey: format === "raw" ? encodeBase64url(contents) : new TextDecoder().decode(contents), publicKey });
  } else {
    writeResult(contents);
  }
  wipe(contents);
  return EXIT_OK;
}

function encode(bytes: Uint8Array, format: string, passphrase: Uint8Array | undefined): Uint8Array {
  if (passphrase !== undefined) return encodeUtf8(encodeEncryptedPem(bytes, passphrase, randomBytes));
  return format === "pem" ? encodeUtf8(encodePrivatePem(bytes)) : copyBytes(bytes);
}

/** From the file, or typed twice, as nobody can see what was typed. */
async function newPassphrase(args: Arguments): Promise<Uint8Array> {
  const first = await readPassphrase(args, "New passphrase: ", "new private key");
  if (args.optional("passphrase-file") !== undefined) return first;
  if (first.length === 0) throw new UsageError("PASSPHRASE_EMPTY", "passphrase is empty", { hint: "leave --encrypt out for a key without one" });
  const second = await readPassphrase(args, "The same again: ", "new private key");
  const isSame = equalBytes(first, second);
  wipe(second);
  if (!isSame) {
    wipe(first);
    throw new UsageError("PASSPHRASE_DIFFERS", "the two passphrases differ", { hint: "nothing was written; try again" });
  }
  return first;
}

