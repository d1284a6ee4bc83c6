import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyhole, keyholeRaw, type Outcome } from "../../support/keyhole.ts";

/** One who has a key pair, in files that both keyhole and its peers read. */
export interface Party {
  readonly secret: Uint8Array;
  readonly publicKey: Uint8Array;
  /** 32 raw bytes. */
  readonly keyFile: string;
  /** One line, `glome-v1 …`, as `keyhole pubkey` printed it. */
  readonly publicFile: string;
}

/**
 * The same name gets the same key in every run: prefix bytes of random keys
 * would be the same once in a while.
 *
 * @param name - of its files; `3-name` gives its key the index 3
 */
export function makeParty(directory: string, name: string): Party {
  const secret = createHash("sha256").update(`keyhole interop ${name}`).digest();
  const keyFile = join(directory, `${name}.key`);
  const publicFile = join(directory, `${name}.pub`);
  writeFileSync(keyFile, secret, { mode: 0o600 });
  writeFileSync(publicFile, succeed(keyhole(["pubkey", "--key", keyFile])).stdout);
  return { secret, keyFile, publicFile, publicKey: keyholeRaw(["pubkey", "--key", keyFile, "--format", "raw"]).stdout };
}

/** base64url with its padding, as tags and keys are written. */
export function padded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The code with the very last of its bits changed. */
export function nudge(code: string): string {
  const digits = code.replace(/=+$/, "");
  const last = DIGITS.indexOf(digits.at(-1) ?? "");
  return digits.slice(0, -1) + DIGITS.charAt(last ^ 1) + code.slice(digits.length);
}

/** The code with one of its first bits changed. */
export function spoil(code: string): string {
  return `${code.startsWith("A") ? "B" : "A"}${code.slice(1)}`;
}

/** The same outcome, where it is a success. */
export function succeed(outcome: Outcome): Outcome {
  if (outcome.status !== 0) throw new Error(`keyhole ended with ${outcome.status ?? "a signal"}: ${outcome.stderr}`);
  return outcome;
}
