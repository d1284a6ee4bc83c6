import { GlomeError, KeyholeError } from "../../lib/errors.ts";
import { parseState, type PendingChallenge } from "../../lib/glome/challenger.ts";
import { nodePrimitives } from "../../lib/glome/node-primitives.ts";
import { readFile, systemErrorCode, takeFile } from "../../lib/files.ts";
import { wipe } from "../../lib/bytes.ts";
import { byteString } from "../../lib/text.ts";

/** A challenge of 64 KiB as text and as what is tagged, in base64. */
const MAX_STATE_LENGTH = 256 * 1024;

/**
 * Reads a state file and uses it up: of all who try at the same time, one gets
 * it. A file of another kind stays where it is.
 *
 * @throws {GlomeError} CHALLENGE_USED ("no"), CHALLENGE_STATE; {FileError}
 */
export function takeState(path: string): PendingChallenge {
  try {
    parse(readFile(path, "state file", MAX_STATE_LENGTH).bytes, path);
  } catch (error) {
    if (error instanceof KeyholeError && systemErrorCode(error.cause) === "ENOENT") throw usedError(path);
    throw error;
  }
  const contents = takeFile(path, "state file", MAX_STATE_LENGTH);
  if (contents === undefined) throw usedError(path);
  return parse(contents, path);
}

function parse(contents: Uint8Array, path: string): PendingChallenge {
  try {
    return parseState(byteString(contents), nodePrimitives);
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(path) : error;
  } finally {
    wipe(contents);
  }
}

function usedError(path: string): GlomeError {
  return new GlomeError("CHALLENGE_USED", `state file ${path} is not there: it was used up, or never made`, {
    kind: "no",
    hint: "a challenge can be answered once; make a new one with keyhole challenge new",
  });
}
