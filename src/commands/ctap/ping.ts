import { MAX_MESSAGE_LENGTH } from "../../lib/ctap/packet.ts";
import { isSilent, ping as pingOnce, pingStatistics, type Ping, type PingStatistics } from "../../lib/ctap/ping.ts";
import { CtapError } from "../../lib/errors.ts";
import { escapeForTerminal } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { say, writeJson, writeResult } from "../io.ts";
import { reportPartial } from "../partial.ts";
import { EXIT_OK } from "../report.ts";
import { withCard } from "./card.ts";

const MAX_COUNT = 100_000;

/** keyhole ctap ping */
export function ping(args: Arguments): Promise<number> {
  const count = args.number("count", 1, MAX_COUNT);
  const size = args.number("size", 0, MAX_MESSAGE_LENGTH);
  return withCard(args, async ({ device, transact }) => {
    const pings: Ping[] = [];
    while (pings.length < count && !isSilent(pings)) {
      const one = await pingOnce(device, size, transact);
      pings.push(one);
      if (args.flag("verbose")) say(`ping ${pings.length}: ${typeof one === "string" ? one : formatMs(one.ms)}`);
    }
    return report(args, device.transport.name, size, pingStatistics(pings), count - pings.length);
  });
}

/** @param unsent - how many were not sent any more */
function report(args: Arguments, device: string, size: number, statistics: PingStatistics, unsent: number): number {
  const { sent, answered, lost, wrong, times } = statistics;
  const json = args.flag("json");
  const result = { device, size, sent, answered, lost, wrong, ...times };
  if (!json) writeResult(describe(device, size, statistics));
  if (answered < sent) {
    const givenUp = unsent === 0 ? "" : `; ${unsent} more were not sent, as the card has fallen silent`;
    return reportPartial(args, result, new CtapError("CTAP_PING", `${lost} of ${sent} PINGs had no answer, and ${wrong} another one than was sent${givenUp}`, { kind: "outside", hint: "try a smaller --size; keyhole ctap probe says more" }));
  }
  if (json) writeJson(result);
  return EXIT_OK;
}

function describe(device: string, size: number, { sent, answered, lost, wrong, times }: PingStatistics): string {
  const counts = `${escapeForTerminal(device)}: ${sent} sent of ${size} bytes, ${answered} answered, ${lost} lost, ${wrong} wrong\n`;
  if (times === undefined) return counts;
  return `${counts}min/avg/max/stddev = ${[times.minMs, times.avgMs, times.maxMs].map((ms) => ms.toFixed(3)).join("/")}/${formatMs(times.stddevMs)}\n`;
}

function formatMs(ms: number): string {
  return `${ms.toFixed(3)} ms`;
}
