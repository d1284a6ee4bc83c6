import { MessageAssembler, type Message } from "../../../src/lib/ctap/message.ts";
import { HID_COMMAND, parsePacket } from "../../../src/lib/ctap/packet.ts";
import { bytes, readVectors, type JsonCbor } from "./vectors.ts";

export interface RecordedStep {
  readonly step: string;
  readonly frames: readonly string[];
  readonly decrypted_token?: string;
  readonly host_ephemeral_private_keys?: readonly string[];
  readonly salt?: string;
  readonly shared_secret?: string;
  readonly output?: string;
}

/** One request that was recorded, and its answer, without keepalives. */
export interface Exchange {
  readonly request: Message;
  readonly answer: Message;
}

/** The steps of a conversation with real firmware: `solo1` or `canokey`. */
export function recordedSteps(name: string): readonly RecordedStep[] {
  return (readVectors(`transcript-${name}`) as { readonly steps: readonly RecordedStep[] }).steps;
}

/** What was said in a step. */
export function exchangesOf({ frames }: RecordedStep): readonly Exchange[] {
  const sides = { ">": assembler(), "<": assembler() };
  const exchanges: Exchange[] = [];
  let request: Message | undefined;
  for (const frame of frames) {
    const side = frame.startsWith(">") ? ">" : "<";
    const message = sides[side](bytes(frame.slice(2)));
    if (message === undefined || message.command === HID_COMMAND.keepalive) continue;
    if (side === ">") request = message;
    else if (request !== undefined) exchanges.push({ request, answer: message });
  }
  return exchanges;
}

function assembler(): (report: Uint8Array) => Message | undefined {
  let current: MessageAssembler | undefined;
  return (report) => {
    const packet = parsePacket(report);
    current ??= new MessageAssembler(packet.channel);
    return current.receive(packet);
  };
}

/** The answers that libfido2's fuzzer feeds, each as it came and as it decodes. */
export function wireData(name: string): readonly { readonly payload: Uint8Array; readonly decoded: JsonCbor | undefined }[] {
  const { data } = readVectors("libfido2-wiredata") as { readonly data: Readonly<Record<string, { readonly messages: readonly { readonly cmd: number; readonly payload: string; readonly decoded?: JsonCbor }[] }>> };
  const { messages } = data[name]!;
  return messages.filter(({ cmd }) => cmd === HID_COMMAND.cbor).map(({ payload, decoded }) => ({ payload: bytes(payload), decoded }));
}
