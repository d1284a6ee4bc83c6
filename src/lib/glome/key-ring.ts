import { equalBytes } from "../bytes.ts";
import { GlomeError } from "../errors.ts";
import type { Challenge } from "./challenge.ts";
import type { Dialog } from "./dialog.ts";
import { MAX_INDEX, publicKeyPrefix, type KeyHint } from "./handshake.ts";
import type { PrivateKey } from "./private-key.ts";

export interface KeyName {
  /** The file's name without `.key`, as a person knows it: `3-datacenter`. */
  readonly name: string;
  /** 0 to 127, where the name gives one. */
  readonly index: number | undefined;
}

/** A private key that is read when it is first needed, as it may ask for a passphrase. */
export interface KeyRingEntry extends KeyName {
  readonly load: () => PrivateKey | Promise<PrivateKey>;
}

export interface ChosenKey {
  readonly name: string;
  readonly privateKey: PrivateKey;
  readonly dialog: Dialog;
}

/**
 * Reads `INDEX-LABEL.key`, `LABEL.key` or any other file name.
 *
 * @param fileName - without directories
 * @throws {GlomeError} KEY_NAME for an index that is not 0 to 127 in plain decimal
 */
export function parseKeyName(fileName: string): KeyName {
  const name = fileName.replace(/\.key$/, "");
  const digits = fileName.endsWith(".key") ? /^([0-9]+)-/.exec(name)?.[1] : undefined;
  if (digits === undefined) return { name, index: undefined };
  const index = Number(digits);
  if (String(index) !== digits || index > MAX_INDEX) {
    throw new GlomeError("KEY_NAME", `key file name begins with "${digits}-", expected an index from 0 to ${MAX_INDEX} without leading zeros`, {
      hint: "rename it to INDEX-LABEL.key, or to LABEL.key for a key without an index",
    });
  }
  return { name, index };
}

/**
 * The service keys of one operator, and the choice among them. Everything that
 * a challenge says of its key must agree: index, prefix byte, message tag.
 */
export class KeyRing {
  readonly #entries: readonly KeyRingEntry[];
  readonly #anyIndex: boolean;

  /**
   * @param anyIndex - whether a sole key without an index answers for every
   *   index, as in google/glome's `glome login --key`
   */
  constructor(entries: readonly KeyRingEntry[], anyIndex: boolean) {
    this.#entries = entries;
    this.#anyIndex = anyIndex && entries.length === 1;
  }

  /**
   * @throws {GlomeError} KEY_NOT_FOUND, KEY_AMBIGUOUS, MESSAGE_TAG (all "no"),
   *   GLOME_LOW_ORDER_KEY
   */
  async choose(challenge: Challenge): Promise<ChosenKey> {
    const named = await this.#named(challenge);
    const candidates = named.length > 0 ? named : await this.#unnamed(challenge);
    if (candidates.length === 0) throw this.#notFound(challenge.keyHint);

    const chosen = distinct(candidates).map(({ name, privateKey }) => ({ name, privateKey, dialog: privateKey.exchange(challenge.clientKey) }));
    const matching = chosen.filter(({ dialog }) => matchesMessageTag(challenge, dialog));
    const [first, second] = matching;
    if (first === undefined) {
      throw new GlomeError("MESSAGE_TAG", "message tag does not match: the challenge was changed on its way, or is for another key", {
        kind: "no",
        hint: "read the challenge again; if it is right, the machine holds another public key than yours",
      });
    }
    if (second !== undefined) {
      throw new GlomeError("KEY_AMBIGUOUS", `challenge fits ${matching.length} keys and does not say which: ${matching.map(({ name }) => name).join(", ")}`, {
        kind: "no",
        hint: "give the right one alone with --key",
      });
    }
    return first;
  }

  /** Keys whose index or prefix byte is the one in the challenge. */
  async #named(challenge: Challenge): Promise<readonly LoadedKey[]> {
    const { keyHint, version } = challenge;
    const named: LoadedKey[] = [];
    for (const entry of this.#entries) {
      if (keyHint.kind === "index" && entry.index !== keyHint.index) continue;
      const privateKey = await entry.load();
      const prefix = publicKeyPrefix(privateKey.publicKey, version);
      const fits =
        keyHint.kind === "index" ||
        (keyHint.kind === "prefix" && prefix === keyHint.byte) ||
        (keyHint.kind === "index-or-prefix" && (entry.index === keyHint.value || prefix === keyHint.value));
      if (fits) named.push({ name: entry.name, privateKey });
    }
    return named;
  }

  /** Keys without an index, where an index was sent: the message tag shows whether one is meant. */
  async #unnamed(challenge: Challenge): Promise<readonly LoadedKey[]> {
    if (challenge.keyHint.kind === "prefix") return [];
    if (!this.#anyIndex && challenge.messageTagPrefix.length === 0) return [];
    const unnamed: LoadedKey[] = [];
    for (const entry of this.#entries) {
      if (entry.index === undefined) unnamed.push({ name: entry.name, privateKey: await entry.load() });
    }
    return unnamed;
  }

  #notFound(hint: KeyHint): GlomeError {
    const names = this.#entries.map(({ name }) => name).join(", ");
    return new GlomeError("KEY_NOT_FOUND", `no key ${describeKeyHint(hint)}; keys at hand: ${names === "" ? "none" : names}`, {
      kind: "no",
      hint: hint.kind === "prefix" ? "give the key whose public key the machine holds" : "give the key that machines know by this number; its file is named INDEX-LABEL.key",
    });
  }
}

/** `with index 3`, `with prefix 0x47`. */
export function describeKeyHint(hint: KeyHint): string {
  switch (hint.kind) {
    case "index":
      return `with index ${hint.index}`;
    case "prefix":
      return `with prefix 0x${hint.byte.toString(16).padStart(2, "0")}`;
    case "index-or-prefix":
      return `with index ${hint.value} or prefix 0x${hint.value.toString(16).padStart(2, "0")}`;
  }
}

interface LoadedKey {
  readonly name: string;
  readonly privateKey: PrivateKey;
}

/** The same key under two names is one key. */
function distinct(keys: readonly LoadedKey[]): readonly LoadedKey[] {
  return keys.filter((key, i) => keys.findIndex((other) => other.privateKey.publicKey.equals(key.privateKey.publicKey)) === i);
}

function matchesMessageTag(challenge: Challenge, dialog: Dialog): boolean {
  const prefix = challenge.messageTagPrefix;
  return prefix.length === 0 || equalBytes(prefix, dialog.expectedTag(challenge.tagged).subarray(0, prefix.length));
}
