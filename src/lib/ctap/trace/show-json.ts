import { encodeUnpaddedBase64url } from "../unpadded-base64url.ts";
import { Conversation } from "./conversation.ts";
import { closeLine, errorLine, openLine, reportLine } from "./line.ts";
import type { Trace, TraceEvent } from "./trace.ts";

/**
 * A trace as one JSON value: its lines, decoded anew, with byte strings in
 * base64url as in all of Keyhole's JSON output.
 */
export function traceToJson({ format, events, isCut }: Trace): object {
  const conversation = new Conversation();
  return { format, cut: isCut, events: events.map((event) => eventToJson(event, conversation)) };
}

function eventToJson(event: TraceEvent, conversation: Conversation): object {
  switch (event.kind) {
    case "open":
      return openLine(event.timeMs, event.device);
    case "error":
      return errorLine(event.timeMs, event.code, event.message);
    case "close":
      return closeLine(event.timeMs);
    case "note":
      return { event: "note", text: event.text };
    case "report": {
      const { direction, bytes } = event.report;
      return reportLine(event.report, conversation.observe(direction, bytes), event.redacted, encodeUnpaddedBase64url);
    }
  }
}
