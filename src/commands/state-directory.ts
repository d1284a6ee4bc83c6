import { mkdirSync } from "node:fs";
import { userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { writeError } from "../lib/files.ts";

const PRIVATE_MODE = 0o700;

/**
 * `$XDG_STATE_HOME/keyhole`, made where it is not there. Source: XDG Base
 * Directory Specification; a relative path there counts as unset.
 *
 * @throws {FileError} FILE_WRITE
 */
export function makeStateDirectory(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_STATE_HOME ?? "";
  const home = env.HOME ?? "";
  const directory = join(isAbsolute(base) ? base : join(isAbsolute(home) ? home : userInfo().homedir, ".local", "state"), "keyhole");
  try {
    mkdirSync(directory, { recursive: true, mode: PRIVATE_MODE });
  } catch (error) {
    throw writeError(directory, "state directory", error);
  }
  return directory;
}
