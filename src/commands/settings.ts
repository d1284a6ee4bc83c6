import { userInfo } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import * as v from "valibot";
import { KeyholeError } from "../lib/errors.ts";
import { readFile, systemErrorCode } from "../lib/files.ts";
import { jsonObject, parseJson } from "../lib/json.ts";
import { parseUtf8 } from "../lib/text.ts";

const MAX_SETTINGS_LENGTH = 64 * 1024;

const Settings = jsonObject({
  keyring: v.exactOptional(v.string()),
  policy: v.exactOptional(v.string()),
  audit: v.exactOptional(v.string()),
});

/** Paths that hold where neither option nor environment names another. */
export type Settings = v.InferOutput<typeof Settings>;

/** `$XDG_CONFIG_HOME/keyhole`. Source: XDG Base Directory Specification; a relative path there counts as unset. */
export function configDirectory(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CONFIG_HOME ?? "";
  const home = env.HOME ?? "";
  return join(isAbsolute(base) ? base : join(isAbsolute(home) ? home : userInfo().homedir, ".config"), "keyhole");
}

/**
 * Reads `config.json` of the configuration directory; paths in it are relative
 * to it.
 *
 * @throws {KeyholeError} SETTINGS, FILE_…
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const directory = configDirectory(env);
  const path = join(directory, "config.json");
  let text;
  try {
    text = parseUtf8(readFile(path, "configuration", MAX_SETTINGS_LENGTH).bytes, `configuration ${path}`);
  } catch (error) {
    if (error instanceof Error && systemErrorCode(error.cause) === "ENOENT") return {};
    throw error;
  }
  try {
    const settings = parseJson(Settings, text);
    return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, resolve(directory, value)]));
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    throw new KeyholeError("SETTINGS", `configuration ${path} ${error.message}`, { hint: "it is a JSON object with keyring, policy and audit, each a path that may be left out" });
  }
}
