import { parsePin } from "../../lib/ctap/client-pin.ts";
import { KeyholeError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";
import { readSecretLine } from "../secret-line.ts";

/**
 * The PIN in the file of `--pin-file` or `--new-pin-file`.
 *
 * @throws {FileError} FILE_…; {CtapError} CTAP_PIN
 */
export function readPinFile(args: Arguments, option: "pin-file" | "new-pin-file"): Uint8Array {
  const path = args.required(option);
  const line = readSecretLine(path, "PIN file", args);
  try {
    return parsePin(line);
  } catch (error) {
    throw error instanceof KeyholeError ? error.about(path) : error;
  }
}
