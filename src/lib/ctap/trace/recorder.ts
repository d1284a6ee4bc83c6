import { KeyholeError } from "../../errors.ts";
import type { Transport } from "../transport/transport.ts";
import { closeLine, errorLine, openLine, reportLine } from "./line.ts";
import { Conversation } from "./conversation.ts";
import type { Direction } from "./report.ts";
import type { TraceSink } from "./writer.ts";

/** Milliseconds since 1970, by a clock that never goes back. */
export function traceClock(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * A transport that records whatever passes through another one: each report
 * before it is sent or as it is taken, and each failure. Closing it closes both.
 *
 * @param clock - milliseconds since 1970
 */
export function recordTransport(transport: Transport, sink: TraceSink, clock = traceClock): Transport {
  const conversation = new Conversation();
  let isClosed = false;
  const record = (direction: Direction, bytes: Uint8Array): void => {
    const timeMs = clock();
    sink.write(reportLine({ timeMs, direction, bytes }, conversation.observe(direction, bytes)));
  };
  const recordError = (error: unknown): void => {
    if (error instanceof KeyholeError && !isClosed) sink.write(errorLine(clock(), error.code, error.message));
  };
  sink.write(openLine(clock(), transport.name));
  return {
    name: transport.name,
    async send(report) {
      // Before: the answer may be there sooner than the promise.
      record("to-card", report);
      try {
        await transport.send(report);
      } catch (error) {
        recordError(error);
        throw error;
      }
    },
    async receive(signal) {
      try {
        const report = await transport.receive(signal);
        record("from-card", report);
        return report;
      } catch (error) {
        if (!signal.aborted) recordError(error);
        throw error;
      }
    },
    async close() {
      if (!isClosed) {
        isClosed = true;
        sink.write(closeLine(clock()));
        sink.close();
      }
      await transport.close();
    },
  };
}
