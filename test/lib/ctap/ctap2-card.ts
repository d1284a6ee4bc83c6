import type { Test } from "tap";
import { cborMap, encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { CTAP2_COMMAND, Ctap2 } from "../../../src/lib/ctap/ctap2.ts";
import { CtapDevice, type TransactOptions } from "../../../src/lib/ctap/device.ts";
import type { Message } from "../../../src/lib/ctap/message.ts";
import { HID_COMMAND } from "../../../src/lib/ctap/packet.ts";
import { cbor, scriptedCard } from "./scripted-card.ts";

/** One request of CTAP2. */
export interface Request {
  readonly command: number;
  /** As it came. */
  readonly bytes: Uint8Array;
  readonly params: CborMap;
}

/** What a card answers: a map, a status, or messages as they are. */
export type Reply = CborMap | number | readonly Message[];

export interface ScriptedCtap2 {
  readonly ctap2: Ctap2;
  /** All but getInfo, in order. */
  readonly requests: readonly Request[];
}

/** Options and versions of getInfo, and whatever else by its key. */
export function getInfo(options: Readonly<Record<string, boolean>>, ...more: readonly (readonly [number, CborValue])[]): CborMap {
  return cborMap([0x01, ["FIDO_2_0", "FIDO_2_1"]], [0x03, new Uint8Array(16)], [0x04, new Map(Object.entries(options))], ...more);
}

/** A card with CTAP2 that says this of itself, and answers the rest as a test says. */
export async function ctap2Card(t: Test, info: CborMap | (() => CborMap), answer: (request: Request, i: number) => Reply, transact: TransactOptions = {}): Promise<ScriptedCtap2> {
  const requests: Request[] = [];
  const transport = scriptedCard(({ command: hidCommand, data }) => {
    const [command = 0, ...rest] = data;
    if (hidCommand === HID_COMMAND.cancel) return [];
    if (command === CTAP2_COMMAND.getInfo) return [cbor(0, encodeCbor(typeof info === "function" ? info() : info))];
    const bytes = Uint8Array.from(rest);
    const { value } = bytes.length === 0 ? { value: new Map() } : parseCbor(bytes);
    const request = { command, bytes, params: isCborMap(value) ? value : new Map<CborValue, CborValue>() };
    const reply = answer(request, requests.push(request) - 1);
    if (typeof reply === "number") return [cbor(reply)];
    if (!(reply instanceof Map)) return reply as readonly Message[];
    return [cbor(0, reply.size === 0 ? new Uint8Array() : encodeCbor(reply as CborMap))];
  });
  const device = await CtapDevice.open(transport);
  t.teardown(() => device.close());
  return { ctap2: new Ctap2(device, transact), requests };
}
