import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cborMap, encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../src/lib/ctap/cbor.ts";
import { capabilities } from "../../src/lib/ctap/init.ts";
import { HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { answer, getInfoAnswer, initResponse, udpCard, type Request, type Wire } from "./hid-card.ts";
import { keyholeForEach, startKeyhole, type Outcome, type RunOptions } from "./keyhole.ts";

interface Teardown {
  readonly teardown: (stop: () => void) => unknown;
}

/** Runs the commands for a card, several at a time; each gets nothing on standard input. */
export async function ctap(cwd: string, ...lines: readonly (readonly string[])[]): Promise<readonly Outcome[]> {
  const outcomes = await keyholeForEach(lines, (words): [readonly string[], RunOptions] => [["ctap", ...words], { cwd }]);
  return outcomes.map(([, outcome]) => outcome);
}

/** Starts `keyhole ctap virtual` on a free port of the loopback. @returns its URI, and what takes its power */
export async function virtualCard(t: Teardown, ...words: readonly string[]): Promise<string> {
  const child = startKeyhole(["ctap", "virtual", "--udp", "0", "--json", ...words]);
  t.teardown(() => void child.kill());
  return new Promise((resolve, reject) => {
    let line = "";
    child.stdout.on("data", (chunk: Buffer) => {
      line += chunk.toString();
      if (line.includes("\n")) resolve((JSON.parse(line) as { device: string }).device);
    });
    child.on("error", reject);
    child.on("close", () => reject(new Error("the software authenticator ended")));
  });
}

/** A request of CTAP2, as a card got it. */
export interface Ctap2Request {
  readonly command: number;
  readonly params: CborMap;
}

/** Of CTAP2: a status, or a map after status 0. Nothing: it stays mute. */
export type Reply = number | CborMap | undefined;

export interface RecordingCard {
  readonly uri: string;
  /** All messages, INIT among them. */
  readonly messages: readonly Request[];
  /** Those of CTAP2, but getInfo. */
  readonly requests: readonly Ctap2Request[];
}

/**
 * A card over UDP that says this of itself, answers the rest as the test says
 * and keeps what it was asked.
 *
 * @param info - the map, or a whole answer with its status
 */
export async function recordingCard(t: Teardown, info: CborMap | Uint8Array, reply: (request: Ctap2Request, i: number) => Reply = () => 0x01): Promise<RecordingCard> {
  const messages: Request[] = [];
  const requests: Ctap2Request[] = [];
  const port = await udpCard(t, (request, wire) => {
    messages.push(request);
    if (request.command === HID_COMMAND.init) answer(request, wire, initResponse(request));
    if (request.command === HID_COMMAND.cbor) answerCbor(request, wire);
  });
  return { uri: `udp:127.0.0.1:${port}`, messages, requests };

  function answerCbor(request: Request, wire: Wire): void {
    const [command = 0, ...rest] = request.data;
    if (command === 0x04) return answer(request, wire, info instanceof Uint8Array ? info : getInfoAnswer(info));
    const { value } = rest.length === 0 ? { value: new Map() } : parseCbor(Uint8Array.from(rest));
    const received = { command, params: isCborMap(value) ? value : new Map() };
    const replied = reply(received, requests.push(received) - 1);
    if (replied === undefined) return;
    answer(request, wire, typeof replied === "number" ? Uint8Array.of(replied) : Uint8Array.of(0, ...encodeCbor(replied)));
  }
}

/** A card over UDP that has CTAP1 alone, and answers each APDU as the test says. */
export async function u2fCard(t: Teardown, reply: (apdu: Uint8Array) => Uint8Array): Promise<RecordingCard> {
  const messages: Request[] = [];
  const port = await udpCard(t, (request, wire) => {
    messages.push(request);
    if (request.command === HID_COMMAND.init) answer(request, wire, initResponse(request, undefined, capabilities({ wink: false, cbor: false, msg: true })));
    if (request.command === HID_COMMAND.msg) answer(request, wire, reply(request.data));
  });
  return { uri: `udp:127.0.0.1:${port}`, messages, requests: [] };
}

/** What a card says of itself: options, and whatever else by its key. */
export function getInfo(options: Readonly<Record<string, boolean>>, ...more: readonly (readonly [CborValue, CborValue])[]): CborMap {
  return cborMap([0x01, ["FIDO_2_0", "FIDO_2_1"]], [0x03, new Uint8Array(16)], [0x04, new Map(Object.entries(options))], ...more);
}

/** The commands of CTAPHID that a trace says went to the card, in order. */
export function sentCommands(cwd: string, trace: string): readonly string[] {
  const lines = readFileSync(join(cwd, trace), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  return lines.flatMap(({ direction, command, sequence }) => (direction === "to-card" && sequence === undefined ? [String(command)] : []));
}
