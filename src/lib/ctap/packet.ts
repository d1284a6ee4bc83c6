import { CtapError } from "../errors.ts";

// CTAPHID framing. Source: CTAP 2.1 §11.2.4, "Message and packet structure".
//
//   init packet           channel(4) | 0x80 + command(1) | length(2) | data(57)
//   continuation packet   channel(4) | sequence(1)       | data(59)

/** Bytes in a report, without the report number that hidraw puts before it. */
export const REPORT_LENGTH = 64;

const INIT_DATA = REPORT_LENGTH - 7;
const CONTINUATION_DATA = REPORT_LENGTH - 5;
const MAX_SEQUENCE = 0x7f;

/** Bytes in the longest message. */
export const MAX_MESSAGE_LENGTH = INIT_DATA + (MAX_SEQUENCE + 1) * CONTINUATION_DATA;

/** The channel for INIT alone. */
export const BROADCAST_CHANNEL = 0xffffffff;

const COMMAND_FLAG = 0x80;

/** Commands of CTAPHID. Source: CTAP 2.1 §11.2.9. */
export const HID_COMMAND = {
  ping: 0x01,
  msg: 0x03,
  lock: 0x04,
  init: 0x06,
  wink: 0x08,
  cbor: 0x10,
  cancel: 0x11,
  keepalive: 0x3b,
  error: 0x3f,
} as const;

export interface InitPacket {
  readonly type: "init";
  readonly channel: number;
  /** 0 to 127, without the flag that marks an init packet. */
  readonly command: number;
  /** Of the whole message. */
  readonly length: number;
  /** 57 bytes, of which the message may end sooner. */
  readonly data: Uint8Array;
}

export interface ContinuationPacket {
  readonly type: "continuation";
  readonly channel: number;
  readonly sequence: number;
  /** 59 bytes, of which the message may end sooner. */
  readonly data: Uint8Array;
}

export type Packet = InitPacket | ContinuationPacket;

/**
 * @param report - 64 bytes
 * @throws {CtapError} CTAP_REPORT_LENGTH
 */
export function parsePacket(report: Uint8Array): Packet {
  if (report.length !== REPORT_LENGTH) {
    throw new CtapError("CTAP_REPORT_LENGTH", `report is ${report.length} bytes, expected ${REPORT_LENGTH}`, { kind: "outside" });
  }
  const view = new DataView(report.buffer, report.byteOffset, report.length);
  const channel = view.getUint32(0);
  const third = view.getUint8(4);
  if (third < COMMAND_FLAG) return { type: "continuation", channel, sequence: third, data: report.subarray(5) };
  return { type: "init", channel, command: third - COMMAND_FLAG, length: view.getUint16(5), data: report.subarray(7) };
}

/**
 * Cuts a message into reports of 64 bytes, the last one filled up with 00.
 *
 * @param command - 0 to 127
 * @throws {CtapError} CTAP_MESSAGE_LENGTH
 */
export function encodeMessage(channel: number, command: number, payload: Uint8Array): readonly Uint8Array[] {
  checkMessageLength(payload.length);
  const first = new Uint8Array(REPORT_LENGTH);
  const view = new DataView(first.buffer);
  view.setUint32(0, channel);
  view.setUint8(4, COMMAND_FLAG + command);
  view.setUint16(5, payload.length);
  first.set(payload.subarray(0, INIT_DATA), 7);
  const reports = [first];
  for (let offset = INIT_DATA, sequence = 0; offset < payload.length; offset += CONTINUATION_DATA, sequence++) {
    const report = new Uint8Array(REPORT_LENGTH);
    new DataView(report.buffer).setUint32(0, channel);
    report[4] = sequence;
    report.set(payload.subarray(offset, offset + CONTINUATION_DATA), 5);
    reports.push(report);
  }
  return reports;
}

/** @throws {CtapError} CTAP_MESSAGE_LENGTH */
export function checkMessageLength(length: number): void {
  if (length > MAX_MESSAGE_LENGTH) {
    throw new CtapError("CTAP_MESSAGE_LENGTH", `message is ${length} bytes, expected at most ${MAX_MESSAGE_LENGTH}`, { kind: "outside" });
  }
}
