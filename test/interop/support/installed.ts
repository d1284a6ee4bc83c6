import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

const DIRECTORY = resolve(".interop");

/** The file of a program written elsewhere that `scripts/interop-setup.sh` has installed. */
export function installed(path: string): string {
  const file = resolve(DIRECTORY, path);
  if (!existsSync(file)) throw new Error(`${file} is not there; run sh scripts/interop-setup.sh first`);
  return file;
}

/**
 * Why the Go tests cannot run here, where the Go module proxy does not serve
 * google/glome; `false` where they can.
 */
export function goSkipReason(): string | false {
  const reason = resolve(DIRECTORY, "go/unavailable");
  if (process.env.KEYHOLE_INTEROP_GO !== undefined || !existsSync(reason)) return false;
  return readFileSync(reason, "utf8").trim();
}

/** The program of `test/interop/go`; `KEYHOLE_INTEROP_GO` names one built by other means. */
export function goPeer(): string {
  return process.env.KEYHOLE_INTEROP_GO ?? installed("go/peer");
}
