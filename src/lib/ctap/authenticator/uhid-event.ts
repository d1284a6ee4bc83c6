import { endianness } from "node:os";
import { encodeUtf8 } from "../../text.ts";

// One read or write of /dev/uhid is one event. Source: the kernel's
// include/uapi/linux/uhid.h, and Documentation/hid/uhid.rst for their meaning.
//
//   event             type(4) | what the type has, packed, in the byte order of the machine
//   CREATE2           name(128) | phys(64) | uniq(64) | descriptor length(2) | bus(2)
//                     | vendor(4) | product(4) | version(4) | country(4) | descriptor(4096)
//   INPUT2            length(2) | data(4096)
//   OUTPUT            data(4096) | length(2) | report type(1)
//   GET_REPORT        id(4) | report number(1) | report type(1)
//   GET_REPORT_REPLY  id(4) | error(2) | length(2) | data(4096)
//   SET_REPORT        id(4) | report number(1) | report type(1) | length(2) | data(4096)
//   SET_REPORT_REPLY  id(4) | error(2)
//
// The kernel takes an event that ends early as one that ends in zeros.

const TYPE = {
  destroy: 1,
  start: 2,
  stop: 3,
  open: 4,
  close: 5,
  output: 6,
  getReport: 9,
  getReportReply: 10,
  create2: 11,
  input2: 12,
  setReport: 13,
  setReportReply: 14,
} as const;

const NAME_LENGTH = 128;
const PHYS_LENGTH = 64;
const SERIAL_LENGTH = 64;
const DATA_LENGTH = 4096;

const NAME = 4;
const PHYS = NAME + NAME_LENGTH;
const SERIAL = PHYS + PHYS_LENGTH;
const IDENTITY = SERIAL + SERIAL_LENGTH;
const DESCRIPTOR = IDENTITY + 20;

/** Bytes in the longest event, and in every one that is read. */
export const EVENT_LENGTH = DESCRIPTOR + DATA_LENGTH;

/** Source: linux/input.h, BUS_USB. */
const BUS_USB = 3;

/** Source: asm-generic/errno-base.h. */
const EIO = 5;

const IS_LITTLE_ENDIAN = endianness() === "LE";

/** What a HID device says of itself. */
export interface HidIdentity {
  /** 16 bits. */
  readonly vendor: number;
  /** 16 bits. */
  readonly product: number;
  /** Up to 127 bytes of UTF-8. */
  readonly name: string;
  /** Up to 63 bytes of UTF-8; may be empty. */
  readonly serial: string;
}

/** What the kernel tells a device. */
export type UhidEvent =
  /** A driver has taken the device, or let go of it. */
  | { readonly type: "start" | "stop" }
  /** The first program has opened its node, or the last one has closed it. */
  | { readonly type: "open" | "close" }
  /** A program has written to the node. */
  | { readonly type: "output"; readonly data: Uint8Array }
  /** A program waits for the answer with this id, or the error. */
  | { readonly type: "get-report" | "set-report"; readonly id: number }
  | { readonly type: "unknown" };

/**
 * Asks for a device.
 *
 * @param phys - where it is plugged in; up to 63 bytes
 * @param reportDescriptor - up to 4096 bytes
 * @throws {RangeError} where something is longer than its field
 */
export function encodeCreate(identity: HidIdentity, phys: string, reportDescriptor: Uint8Array): Uint8Array {
  if (reportDescriptor.length > DATA_LENGTH) throw new RangeError(`report descriptor is ${reportDescriptor.length} bytes, expected at most ${DATA_LENGTH}`);
  const { event, view } = newEvent(TYPE.create2, DESCRIPTOR + reportDescriptor.length);
  event.set(encodeField("name", identity.name, NAME_LENGTH), NAME);
  event.set(encodeField("phys", phys, PHYS_LENGTH), PHYS);
  event.set(encodeField("serial", identity.serial, SERIAL_LENGTH), SERIAL);
  view.setUint16(IDENTITY, reportDescriptor.length, IS_LITTLE_ENDIAN);
  view.setUint16(IDENTITY + 2, BUS_USB, IS_LITTLE_ENDIAN);
  view.setUint32(IDENTITY + 4, identity.vendor, IS_LITTLE_ENDIAN);
  view.setUint32(IDENTITY + 8, identity.product, IS_LITTLE_ENDIAN);
  event.set(reportDescriptor, DESCRIPTOR);
  return event;
}

/** Takes the device away. */
export function encodeDestroy(): Uint8Array {
  return newEvent(TYPE.destroy, 4).event;
}

/** Hands a report to the programs that have opened the node. */
export function encodeInput(report: Uint8Array): Uint8Array {
  const { event, view } = newEvent(TYPE.input2, 6 + report.length);
  view.setUint16(4, report.length, IS_LITTLE_ENDIAN);
  event.set(report, 6);
  return event;
}

/** Refuses what a program asked for by GET_REPORT or SET_REPORT: the program gets EIO. */
export function encodeRefusal(request: { readonly type: "get-report" | "set-report"; readonly id: number }): Uint8Array {
  const type = request.type === "get-report" ? TYPE.getReportReply : TYPE.setReportReply;
  const { event, view } = newEvent(type, 10);
  view.setUint32(4, request.id, IS_LITTLE_ENDIAN);
  view.setUint16(8, EIO, IS_LITTLE_ENDIAN);
  return event;
}

/** @param event - as read; one that is cut off counts as unknown, as a type that came later does */
export function parseEvent(event: Uint8Array): UhidEvent {
  const view = new DataView(event.buffer, event.byteOffset, event.length);
  if (event.length < 4) return { type: "unknown" };
  switch (view.getUint32(0, IS_LITTLE_ENDIAN)) {
    case TYPE.start:
      return { type: "start" };
    case TYPE.stop:
      return { type: "stop" };
    case TYPE.open:
      return { type: "open" };
    case TYPE.close:
      return { type: "close" };
    case TYPE.output:
      return parseOutput(event, view);
    case TYPE.getReport:
      return event.length < 10 ? { type: "unknown" } : { type: "get-report", id: view.getUint32(4, IS_LITTLE_ENDIAN) };
    case TYPE.setReport:
      return event.length < 12 ? { type: "unknown" } : { type: "set-report", id: view.getUint32(4, IS_LITTLE_ENDIAN) };
    default:
      return { type: "unknown" };
  }
}

function parseOutput(event: Uint8Array, view: DataView): UhidEvent {
  if (event.length < 4 + DATA_LENGTH + 3) return { type: "unknown" };
  const length = view.getUint16(4 + DATA_LENGTH, IS_LITTLE_ENDIAN);
  if (length > DATA_LENGTH) return { type: "unknown" };
  return { type: "output", data: event.slice(4, 4 + length) };
}

function newEvent(type: number, length: number): { readonly event: Uint8Array; readonly view: DataView } {
  const event = new Uint8Array(length);
  const view = new DataView(event.buffer);
  view.setUint32(0, type, IS_LITTLE_ENDIAN);
  return { event, view };
}

/** The kernel wants a zero after the text. */
function encodeField(field: string, text: string, length: number): Uint8Array {
  const bytes = encodeUtf8(text);
  if (bytes.length >= length) throw new RangeError(`${field} is ${bytes.length} bytes, expected at most ${length - 1}`);
  return bytes;
}
