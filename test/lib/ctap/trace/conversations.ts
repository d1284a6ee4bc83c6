import { recordTransport } from "../../../../src/lib/ctap/trace/recorder.ts";
import type { Report } from "../../../../src/lib/ctap/trace/report.ts";
import { memoryPair } from "../../../../src/lib/ctap/transport/memory.ts";
import { encodeJsonLine, encodeUtf8 } from "../../../../src/lib/text.ts";
import { bytes, readVectors } from "../vectors.ts";

interface Transcript {
  readonly steps: readonly { readonly step: string; readonly frames: readonly string[] }[];
}

/** Every report of a recorded conversation. */
export function readTranscript(name: string): readonly Report[] {
  const { steps } = readVectors(name) as Transcript;
  return steps.flatMap(({ frames }) => frames.map((frame) => ({ direction: frame.startsWith(">") ? ("to-card" as const) : ("from-card" as const), bytes: bytes(frame.slice(2)) })));
}

export const TRANSCRIPTS: readonly (readonly [string, readonly Report[]])[] = ["transcript-solo1", "transcript-canokey"].map((name) => [name, readTranscript(name)]);

/** What a recorder writes of a conversation, one line for each report and two more. */
export async function record(reports: readonly Report[]): Promise<readonly string[]> {
  const lines: string[] = [];
  const { transport, card } = memoryPair("virtual:state");
  let timeMs = Date.UTC(2026, 0, 31, 23, 59, 59, 999);
  const recorder = recordTransport(transport, { write: (line) => lines.push(encodeJsonLine(line)), close: () => undefined }, () => (timeMs += 0.25));
  const { signal } = new AbortController();
  for (const { direction, bytes } of reports) {
    if (direction === "to-card") await recorder.send(bytes);
    else {
      card.send(bytes);
      await recorder.receive(signal);
    }
  }
  await recorder.close();
  return lines;
}

export function fileOf(lines: readonly string[]): Uint8Array {
  return encodeUtf8(lines.map((line) => `${line}\n`).join(""));
}
