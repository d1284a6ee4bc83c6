import { Conversation } from "../../../../src/lib/ctap/trace/conversation.ts";
import type { Report } from "../../../../src/lib/ctap/trace/report.ts";
import { encodeHex } from "../../../../src/lib/bytes.ts";

/** Sixteen bytes on a line. */
function dump(bytes: Uint8Array): readonly string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) rows.push(`${String(at).padStart(4, "0")}: ${[...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}`);
  return rows;
}

const DEVICE = "0x55fb27e842a0";

/** What libfido2 from 1.7 on says of a conversation. */
export function newFidoDebug(reports: readonly Report[]): readonly string[] {
  return tell(
    reports,
    (command, payload) => [`fido_tx: dev=${DEVICE}, cmd=0x${command}`, `fido_tx: buf=0x7ffe11590aa7, len=${payload.length}`, ...dump(payload)],
    (name, report) => [...(name === "rx" ? [] : [`fido_rx: dev=${DEVICE}, cmd=0x10, ms=-1`]), `${name}: buf=0x7ffe115909c0, len=${report.length}`, ...dump(report)],
  );
}

/** What libfido2 1.5 and 1.6 say. */
export function oldFidoDebug(reports: readonly Report[]): readonly string[] {
  return tell(
    reports,
    (command, payload) => [`fido_tx: d=${DEVICE}, cmd=0x${command}, buf=0x7ffe11590aa7, count=${payload.length}`, ...dump(payload)],
    (name, report) => [
      ...(name === "rx" ? [] : [`fido_rx: d=${DEVICE}, cmd=0x10, buf=0x7fc61f614118, count=2048, ms=-1`]),
      `${name}: ${name === "rx" ? "continuation" : "initiation"} frame at 0x7ffee0961ba8`,
      ...dump(report),
    ],
  );
}

function tell(
  reports: readonly Report[],
  request: (command: string, payload: Uint8Array) => readonly string[],
  answer: (name: "rx_preamble" | "rx", report: Uint8Array) => readonly string[],
): readonly string[] {
  const conversation = new Conversation();
  return reports.flatMap(({ direction, bytes }) => {
    const { packet, message } = conversation.observe(direction, bytes);
    if (direction === "from-card") {
      const lines = answer(packet?.type === "init" ? "rx_preamble" : "rx", bytes);
      return message === undefined ? lines : [...lines, `fido_rx: buf=0x7ffe11590a00, len=${message.data.length}`, ...dump(message.data)];
    }
    return message === undefined ? [] : request(encodeHex(Uint8Array.of(message.command)), message.data);
  });
}
