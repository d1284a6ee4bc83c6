import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";

// Messages of CTAP1, in extended length. Sources: FIDO U2F Raw Message Formats §3; ISO 7816-4 §5.1.
//
//   CLA(1) | INS(1) | P1(1) | P2(1) | 00 | data length(2) | data | answer length(2)
//   CLA(1) | INS(1) | P1(1) | P2(1) | 00 | answer length(2)

/** A command to a card. */
export interface ApduCommand {
  readonly ins: number;
  readonly p1?: number;
  /** At most 65535 bytes. */
  readonly data?: Uint8Array;
}

/** A card's answer. */
export interface ApduResponse {
  readonly data: Uint8Array;
  /** The status word, as 0x9000. */
  readonly status: number;
}

/** Status words that CTAP1 has a meaning for. Source: FIDO U2F Raw Message Formats §3.3. */
export const STATUS_WORD = {
  noError: 0x9000,
  wrongLength: 0x6700,
  /** The user must touch the card, or, where a key handle was only checked, it is one of the card's. */
  conditionsNotSatisfied: 0x6985,
  /** Not allowed, as U2F is while a card always verifies its user. */
  commandNotAllowed: 0x6986,
  /** The key handle is not one of the card's. */
  wrongData: 0x6a80,
  insNotSupported: 0x6d00,
  claNotSupported: 0x6e00,
} as const;

const MEANINGS: ReadonlyMap<number, string> = new Map([
  [STATUS_WORD.noError, "no error"],
  [STATUS_WORD.wrongLength, "wrong length"],
  [STATUS_WORD.conditionsNotSatisfied, "touch needed"],
  [STATUS_WORD.commandNotAllowed, "not allowed"],
  [STATUS_WORD.wrongData, "unknown key handle"],
  [STATUS_WORD.insNotSupported, "command not known"],
  [STATUS_WORD.claNotSupported, "class not known"],
]);

/** Asks for an answer of any length. */
export function encodeApdu({ ins, p1 = 0, data = new Uint8Array() }: ApduCommand): Uint8Array {
  const header = Uint8Array.of(0, ins, p1, 0, 0);
  const anyLength = Uint8Array.of(0, 0);
  if (data.length === 0) return concatBytes(header, anyLength);
  return concatBytes(header, Uint8Array.of(data.length >> 8, data.length & 0xff), data, anyLength);
}

/** @throws {CtapError} CTAP_ANSWER where it has no status word */
export function parseApduResponse(bytes: Uint8Array): ApduResponse {
  const end = bytes.length - 2;
  if (end < 0) throw new CtapError("CTAP_ANSWER", `answer to MSG is ${bytes.length} bytes, expected a status word at least`, { kind: "outside" });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { data: bytes.subarray(0, end), status: view.getUint16(end) };
}

/** `0x6a80 (unknown key handle)` */
export function describeStatusWord(status: number): string {
  const hex = `0x${status.toString(16).padStart(4, "0")}`;
  const meaning = MEANINGS.get(status);
  return meaning === undefined ? hex : `${hex} (${meaning})`;
}
