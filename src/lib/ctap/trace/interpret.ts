import { CtapError } from "../../errors.ts";
import { parseCbor, type CborItem } from "../cbor.ts";
import { HID_COMMAND } from "../packet.ts";
import { statusName } from "../status.ts";
import type { ObservedMessage } from "./conversation.ts";
import { COMMANDS } from "./messages.ts";
import type { Direction } from "./report.ts";
import type { Shape } from "./shape.ts";

/** What a message of CTAP2 says. */
export interface Ctap2Message {
  /** `authenticatorGetInfo`, or the byte; nothing where the request of an answer was not seen. */
  readonly name?: string;
  /** Of an answer. */
  readonly status?: number;
  /** What follows the first byte. */
  readonly body: Uint8Array;
  /** Of the body, where the command is known. */
  readonly shape?: Shape;
}

/**
 * Finds out which CTAP2 command a message is about.
 *
 * @returns nothing where the message is not one of CTAP2
 */
export function interpretCtap2(direction: Direction, { command, data, request }: ObservedMessage): Ctap2Message | undefined {
  const [first] = data;
  const protocol = (direction === "to-card" ? undefined : request?.command) ?? command;
  // Qubes' CTAP proxy answers CBOR with the command of MSG.
  const isCtap2 = protocol === HID_COMMAND.cbor && (command === HID_COMMAND.cbor || command === HID_COMMAND.msg);
  if (!isCtap2 || first === undefined) return undefined;
  const body = data.subarray(1);
  if (direction === "to-card") return { ...named(first), body, ...shaped(COMMANDS.get(first)?.request) };
  const asked = request?.data[0];
  if (asked === undefined) return { status: first, body };
  return { ...named(asked), status: first, body, ...shaped(COMMANDS.get(asked)?.response) };
}

function named(command: number): { readonly name: string } {
  return { name: COMMANDS.get(command)?.name ?? hexByte(command) };
}

function shaped(shape: Shape | undefined): { readonly shape?: Shape } {
  return shape === undefined ? {} : { shape };
}

/** @returns the item, or why there is none; nothing where there are no bytes */
export function readBody(body: Uint8Array): CborItem | CtapError | undefined {
  if (body.length === 0) return undefined;
  try {
    return parseCbor(body);
  } catch (error) {
    if (error instanceof CtapError) return error;
    throw error;
  }
}

/** `CTAP2_ERR_PIN_INVALID (0x31)` */
export function describeStatus(status: number): string {
  return `${statusName(status)} (${hexByte(status)})`;
}

const HID_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(HID_COMMAND).map(([name, command]) => [command, name]));

/** `cbor`; of a command that has no name, the byte. */
export function hidCommandName(command: number): string {
  return HID_NAMES.get(command) ?? hexByte(command);
}

/** `0x0a` */
export function hexByte(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

/** `00000001` */
export function channelName(channel: number): string {
  return channel.toString(16).padStart(8, "0");
}
