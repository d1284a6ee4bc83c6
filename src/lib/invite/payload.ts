import { InviteError } from "../errors.ts";
import { parsePayloadJson, payloadError, type Format } from "./formats/format.ts";
import type { FormatName } from "./formats/formats.ts";

/** Beyond this the frames, which are in hexadecimal, are cut off by wormhole-william, which then waits for ever. */
export const MAX_PLAINTEXT_LENGTH = 16_000;

/** What mailbox servers take: 8 MiB of hexadecimal, and room for the rest of a frame. */
export const MAX_LARGE_LENGTH = 4_000_000;

/**
 * Checks a payload as far as this can be done without the other side.
 *
 * @throws {InviteError} INVITE_PAYLOAD, INVITE_TOO_LARGE
 */
export function checkPayload(format: Format, payload: string, allowLarge: boolean): void {
  const { length } = format.encodeOffer(payload);
  if (length > MAX_LARGE_LENGTH) {
    throw new InviteError("INVITE_TOO_LARGE", `the payload makes a message of ${length} bytes, expected at most ${MAX_LARGE_LENGTH}`, { hint: "mailbox servers take no more; send a link to it instead" });
  }
  if (length > MAX_PLAINTEXT_LENGTH && !allowLarge) {
    throw new InviteError("INVITE_TOO_LARGE", `the payload makes a message of ${length} bytes, expected at most ${MAX_PLAINTEXT_LENGTH}: wormhole-william waits for ever on longer ones`, {
      hint: "give --allow-large if the receiver uses another program",
    });
  }
}

/**
 * The payload of one line of JSON: the line itself, or for `text` the string
 * that it holds.
 *
 * @throws {InviteError} INVITE_PAYLOAD
 */
export function parsePayloadLine(format: FormatName, line: string): string {
  if (format !== "text") {
    checkJsonLine(line);
    return line;
  }
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  if (typeof value !== "string") throw payloadError("is not a JSON string", 'for text, each line is one string: "the door code is 4711"');
  return value;
}

function checkJsonLine(line: string): void {
  try {
    parsePayloadJson(line);
  } catch (error) {
    if (!(error instanceof InviteError)) throw error;
    throw new InviteError(error.code, error.message, { hint: "each line is one JSON document; for other text give --format text, and each line as a JSON string" });
  }
}
