import { U2F_INS } from "../ctap1.ts";
import { derLength } from "../der.ts";
import { HID_COMMAND } from "../packet.ts";
import { readApdu, type Apdu } from "./apdu.ts";
import type { ObservedMessage } from "./conversation.ts";
import type { Direction } from "./report.ts";

/** A piece of a message of CTAP1, over its bytes. */
export interface Part {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** `keep`: tells nothing; `hide`: a secret, or what identifies; `digest`: a part of a public key. */
  readonly care: "keep" | "hide" | "digest" | "certificate";
}

/** What a message of CTAP1 says. Source: FIDO U2F Raw Message Formats v1.2. */
export interface U2fMessage {
  /** `U2F_REGISTER`, or the instruction byte. */
  readonly name: string;
  /** Of a request. */
  readonly apdu?: Apdu;
  /** Of an answer. */
  readonly statusWord?: number;
  /** All that is not in the header and the status word. */
  readonly parts: readonly Part[];
}

const PARAMETER_LENGTH = 32;
const PUBLIC_KEY_LENGTH = 65;
const STATUS_WORD_LENGTH = 2;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(U2F_INS).map(([name, instruction]) => [instruction, `U2F_${name.toUpperCase()}`]));

const VERSION_TEXT = /^U2F_V\d$/;

/** @returns nothing where the message is not one of CTAP1 */
export function interpretU2f(direction: Direction, { command, data, request }: ObservedMessage): U2fMessage | undefined {
  if (command !== HID_COMMAND.msg) return undefined;
  if (direction === "to-card") return interpretRequest(data);
  const asked = request?.command === HID_COMMAND.msg ? readApdu(request.data) : undefined;
  const body = data.subarray(0, Math.max(0, data.length - STATUS_WORD_LENGTH));
  const [high = 0, low = 0] = data.subarray(body.length);
  return {
    ...(asked === undefined ? { name: "answer to an unknown request" } : { name: nameOf(asked.instruction) }),
    statusWord: (high << 8) | low,
    parts: (asked === undefined ? undefined : answerParts(asked.instruction, body)) ?? unknown(body),
  };
}

function interpretRequest(data: Uint8Array): U2fMessage {
  const apdu = readApdu(data);
  if (apdu === undefined) return { name: "malformed request", parts: unknown(data) };
  return { name: nameOf(apdu.instruction), apdu, parts: requestParts(apdu) ?? unknown(apdu.data) };
}

function nameOf(instruction: number): string {
  return NAMES.get(instruction) ?? `0x${instruction.toString(16).padStart(2, "0")}`;
}

function unknown(bytes: Uint8Array): readonly Part[] {
  return bytes.length === 0 ? [] : [{ name: "data", bytes, care: "hide" }];
}

/** @returns nothing where the lengths do not fit */
function requestParts({ instruction, data }: Apdu): readonly Part[] | undefined {
  const challenge: Part = { name: "challenge", bytes: data.subarray(0, PARAMETER_LENGTH), care: "keep" };
  const application: Part = { name: "application", bytes: data.subarray(PARAMETER_LENGTH, 2 * PARAMETER_LENGTH), care: "keep" };
  const rest = data.subarray(2 * PARAMETER_LENGTH);
  if (instruction === U2F_INS.register) return data.length === 2 * PARAMETER_LENGTH ? [challenge, application] : undefined;
  if (instruction !== U2F_INS.authenticate || rest[0] === undefined || rest.length !== 1 + rest[0]) return undefined;
  return [challenge, application, { name: "key handle", bytes: rest.subarray(1), care: "hide" }];
}

/** @returns nothing where the lengths do not fit */
function answerParts(instruction: number, body: Uint8Array): readonly Part[] | undefined {
  if (body.length === 0) return [];
  switch (instruction) {
    case U2F_INS.register:
      return registrationParts(body);
    case U2F_INS.authenticate:
      return authenticationParts(body);
    case U2F_INS.version:
      return VERSION_TEXT.test(String.fromCharCode(...body.subarray(0, 16))) ? [{ name: "version", bytes: body, care: "keep" }] : undefined;
    default:
      return undefined;
  }
}

/** 05 | public key(65) | key handle length(1) | key handle | certificate | signature */
function registrationParts(body: Uint8Array): readonly Part[] | undefined {
  const lengthAt = 1 + PUBLIC_KEY_LENGTH;
  const handleLength = body[lengthAt];
  const point = body.subarray(1, lengthAt);
  if (body[0] !== 0x05 || point[0] !== 0x04 || handleLength === undefined) return undefined;
  const handle = body.subarray(lengthAt + 1, lengthAt + 1 + handleLength);
  const rest = body.subarray(lengthAt + 1 + handleLength);
  const certificateLength = derLength(rest);
  if (certificateLength === undefined) return undefined;
  return [
    // Each coordinate by itself, as in a COSE key.
    { name: "public key x", bytes: point.subarray(1, 1 + PARAMETER_LENGTH), care: "digest" },
    { name: "public key y", bytes: point.subarray(1 + PARAMETER_LENGTH), care: "digest" },
    { name: "key handle", bytes: handle, care: "hide" },
    { name: "attestation certificate", bytes: rest.subarray(0, certificateLength), care: "certificate" },
    { name: "signature", bytes: rest.subarray(certificateLength), care: "hide" },
  ];
}

/** user presence(1) | counter(4) | signature */
function authenticationParts(body: Uint8Array): readonly Part[] | undefined {
  if (body.length < 5) return undefined;
  return [
    { name: "user presence", bytes: body.subarray(0, 1), care: "keep" },
    { name: "counter", bytes: body.subarray(1, 5), care: "keep" },
    { name: "signature", bytes: body.subarray(5), care: "hide" },
  ];
}
