import { encodeHex } from "../../bytes.ts";
import { CtapError } from "../../errors.ts";
import { describeStatusWord } from "../apdu.ts";
import { parseInitResponse } from "../init.ts";
import { HID_COMMAND } from "../packet.ts";
import type { ObservedMessage } from "./conversation.ts";
import { channelName, describeStatus, hexByte, interpretCtap2, readBody, type Ctap2Message } from "./interpret.ts";
import type { Direction } from "./report.ts";
import { indented, showCbor } from "./show-cbor.ts";
import { interpretU2f, type U2fMessage } from "./u2f.ts";

const KEEPALIVES: ReadonlyMap<number, string> = new Map([
  [1, "processing"],
  [2, "user presence needed"],
]);

/** What a message says, for reading. @returns lines that are safe to show in a terminal */
export function showMessage(direction: Direction, message: ObservedMessage): readonly string[] {
  const ctap2 = interpretCtap2(direction, message);
  if (ctap2 !== undefined) return showCtap2(ctap2);
  const u2f = interpretU2f(direction, message);
  return u2f === undefined ? showHid(direction, message) : showU2f(u2f);
}

function showCtap2({ name, status, body, shape }: Ctap2Message): readonly string[] {
  const title = [name ?? "answer to an unknown request", ...(status === undefined ? [] : [describeStatus(status)])].join(": ");
  const item = readBody(body);
  if (item === undefined) return [title];
  if (item instanceof CtapError) return [title, `  problem: ${item.message}`];
  return [title, ...indented(showCbor(item.value, shape)), ...item.oddities.map(({ offset, message }) => `  not canonical: ${message}, at byte ${offset}`)];
}

function showU2f({ name, apdu, statusWord, parts }: U2fMessage): readonly string[] {
  const detail = apdu === undefined ? "" : `, P1 ${hexByte(apdu.p1)}, P2 ${hexByte(apdu.p2)}`;
  const status = statusWord === undefined ? "" : `: ${describeStatusWord(statusWord)}`;
  return [`${name}${detail}${status}`, ...parts.map((part) => `  ${part.name}: ${encodeHex(part.bytes)}`)];
}

function showHid(direction: Direction, { command, data }: ObservedMessage): readonly string[] {
  const [first] = data;
  if (direction === "to-card" || first === undefined) return [];
  switch (command) {
    case HID_COMMAND.init:
      return showInit(data);
    case HID_COMMAND.keepalive:
      return [KEEPALIVES.get(first) ?? `status ${hexByte(first)}`];
    case HID_COMMAND.error:
      return [describeStatus(first)];
    default:
      return [];
  }
}

function showInit(data: Uint8Array): readonly string[] {
  try {
    const { channel, protocolVersion, deviceVersion, capabilities } = parseInitResponse(data);
    const { byte, wink, cbor, msg } = capabilities;
    const names = [...(wink ? ["wink"] : []), ...(cbor ? ["cbor"] : []), ...(msg ? ["msg"] : [])];
    return [`channel ${channelName(channel)}, CTAPHID ${protocolVersion}, device ${deviceVersion.join(".")}, capabilities ${hexByte(byte)} (${names.join(", ")})`];
  } catch (error) {
    if (error instanceof CtapError) return [`problem: ${error.message}`];
    throw error;
  }
}
