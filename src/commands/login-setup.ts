import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { KeyholeError, UsageError } from "../lib/errors.ts";
import { readError, readFile, systemErrorCode } from "../lib/files.ts";
import { parseKeyName, type KeyRingEntry } from "../lib/glome/key-ring.ts";
import type { PrivateKey } from "../lib/glome/private-key.ts";
import { parsePolicy, type Policy } from "../lib/glome/policy.ts";
import { parseUtf8 } from "../lib/text.ts";
import type { Arguments } from "./arguments.ts";
import { readPrivateKey } from "./private-key.ts";
import { configDirectory, readSettings } from "./settings.ts";

const MAX_POLICY_LENGTH = 1024 * 1024;

/** The private keys to choose from, and whether a sole one answers for every index. */
export interface KeySource {
  readonly entries: readonly KeyRingEntry[];
  readonly anyIndex: boolean;
}

/** What `keyhole login` answers with and within. */
export interface LoginSetup {
  readonly keys: KeySource;
  readonly policy: Policy | undefined;
  /** Audit file. */
  readonly audit: string | undefined;
}

/** @throws {KeyholeError} before any challenge is read, when something of it cannot be used */
export function readLoginSetup(args: Arguments, env: NodeJS.ProcessEnv): LoginSetup {
  const settings = readSettings(env);
  const policyPath = args.optional("policy") ?? settings.policy;
  return {
    keys: findKeys(args, settings.keyring, env),
    policy: policyPath === undefined ? undefined : readPolicy(policyPath),
    audit: args.optional("audit") ?? settings.audit,
  };
}

function findKeys(args: Arguments, configured: string | undefined, env: NodeJS.ProcessEnv): KeySource {
  const paths = args.all("key");
  if (paths.length > 0) {
    if (args.isGiven("keyring")) throw new UsageError("USAGE_KEYS", "--key and --keyring are both given, expected one of them", { hint: args.usageHint });
    return { entries: paths.map((path) => entry(path, args)), anyIndex: true };
  }
  const named = args.optional("keyring") ?? configured;
  const directory = named ?? join(configDirectory(env), "keys");
  const entries = listKeyFiles(directory, named === undefined).map((path) => entry(path, args));
  if (entries.length === 0) {
    throw new UsageError("USAGE_NO_KEY", `no private key: no --key, and no .key file in ${directory}`, {
      hint: `give --key FILE, or put the service's private key into ${directory} as INDEX-LABEL.key`,
    });
  }
  return { entries, anyIndex: false };
}

function entry(path: string, args: Arguments): KeyRingEntry {
  let key: Promise<PrivateKey> | undefined;
  try {
    return { ...parseKeyName(basename(path)), load: () => (key ??= readPrivateKey(path, args)) };
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(path) : error;
  }
}

/** @param mayBeMissing - the default directory need not exist */
function listKeyFiles(directory: string, mayBeMissing: boolean): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".key") && !name.startsWith("."))
      .sort()
      .map((name) => join(directory, name));
  } catch (error) {
    if (mayBeMissing && systemErrorCode(error) === "ENOENT") return [];
    throw readError(directory, "key ring", error);
  }
}

function readPolicy(path: string): Policy {
  const text = parseUtf8(readFile(path, "policy", MAX_POLICY_LENGTH).bytes, `policy ${path}`);
  try {
    return parsePolicy(text);
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(path) : error;
  }
}
