import { encodeHex, parseHex } from "../../lib/bytes.ts";
import { UsageError } from "../../lib/errors.ts";
import { MAX_MESSAGE_LENGTH } from "../../lib/ctap/packet.ts";
import { encodeRequest, sendRaw, type RawAnswer, type RawRequest } from "../../lib/ctap/raw.ts";
import { encodeUnpaddedBase64url } from "../../lib/ctap/unpadded-base64url.ts";
import { parseUtf8 } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { readWholeInput, writeJson, writeResult } from "../io.ts";
import { reportPartial } from "../partial.ts";
import { EXIT_OK } from "../report.ts";
import { withCard } from "./card.ts";

/** Hexadecimal digits for the longest message, with room for blanks between. */
const MAX_HEX_LENGTH = 64 * 1024;

const MAX_CBOR_COMMAND = 0xff;
const MAX_HID_COMMAND = 0x7f;

/** keyhole ctap send */
export async function send(args: Arguments): Promise<number> {
  const request = readRequest(args);
  const answer = await withCard(args, ({ device, transact }) => sendRaw(device, request, transact));
  const { response, failure, lines } = answer;
  const json = args.flag("json");
  if (!json) writeResult([`answer: ${encodeHex(response)}`, ...lines].map((line) => `${line}\n`).join(""));
  if (failure !== undefined) return reportPartial(args, toJson(request, answer), failure);
  if (json) writeJson(toJson(request, answer));
  return EXIT_OK;
}

function toJson(request: RawRequest, { response, status, statusName, json }: RawAnswer): object {
  return {
    kind: request.kind,
    command: request.kind === "msg" ? undefined : request.command,
    request: encodeUnpaddedBase64url(encodeRequest(request).data),
    status,
    statusName,
    response: encodeUnpaddedBase64url(response),
    ...json,
  };
}

/** @throws {UsageError} USAGE_SEND, USAGE_HEX; {FileError} STDIN, FILE_TOO_LONG */
function readRequest(args: Arguments): RawRequest {
  const request = readOne(args);
  const { length } = encodeRequest(request).data;
  if (length > MAX_MESSAGE_LENGTH) throw new UsageError("USAGE_HEX", `message is ${length} bytes, expected at most ${MAX_MESSAGE_LENGTH}`);
  return request;
}

function readOne(args: Arguments): RawRequest {
  const [cbor, msg, hid] = [args.optional("cbor"), args.optional("msg"), args.optional("hid")];
  const [word] = args.positionals;
  if (cbor !== undefined && msg === undefined && hid === undefined) {
    return { kind: "cbor", command: readByte("--cbor", cbor, MAX_CBOR_COMMAND), params: readHex("HEX", word ?? "") };
  }
  if (hid !== undefined && cbor === undefined && msg === undefined) {
    return { kind: "hid", command: readByte("--hid", hid, MAX_HID_COMMAND), data: readHex("HEX", word ?? "") };
  }
  if (msg !== undefined && cbor === undefined && hid === undefined) {
    if (word !== undefined) throw new UsageError("USAGE_SEND", "ctap send --msg takes no further word", { hint: "give the whole APDU to --msg" });
    return { kind: "msg", apdu: readHex("--msg", msg) };
  }
  throw new UsageError("USAGE_SEND", "ctap send needs exactly one of --cbor, --msg and --hid", { hint: args.usageHint });
}

function readByte(name: string, text: string, max: number): number {
  const byte = /^(?:0x)?[0-9a-f]{1,2}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
  if (byte === undefined || byte > max) {
    throw new UsageError("USAGE_HEX", `${name} is ${JSON.stringify(text)}, expected a hexadecimal byte from 00 to ${max.toString(16)}`, {
      hint: "as --cbor 04 for authenticatorGetInfo, or --hid 01 for PING",
    });
  }
  return byte;
}

/** @param text - hexadecimal with blanks wherever one likes, or `-` for standard input */
function readHex(name: string, text: string): Uint8Array {
  const digits = text === "-" ? parseUtf8(readWholeInput("hexadecimal", MAX_HEX_LENGTH), "standard input") : text;
  const bytes = parseHex(digits.replaceAll(/\s/g, ""));
  if (bytes === undefined) {
    const found = text === "-" ? "standard input" : `${name} ${JSON.stringify(text)}`;
    throw new UsageError("USAGE_HEX", `${found} is not pairs of hexadecimal digits`, { hint: "blanks may stand between them, and nothing else" });
  }
  return bytes;
}
