import { closeLine, openLine } from "../../lib/ctap/trace/line.ts";
import { recordTransport, traceClock } from "../../lib/ctap/trace/recorder.ts";
import { TraceWriter } from "../../lib/ctap/trace/writer.ts";
import type { Transport } from "../../lib/ctap/transport/transport.ts";
import type { Arguments } from "../arguments.ts";
import { say } from "../io.ts";

/**
 * Writes the new file of `--trace` for a command that holds no conversation.
 *
 * @param where - the command looks
 * @throws {FileError} FILE_EXISTS, FILE_WRITE
 */
export function writeEmptyTrace(args: Arguments, where: string): void {
  const writer = openWriter(args.required("trace"));
  writer.write(openLine(traceClock(), where));
  writer.write(closeLine(traceClock()));
  writer.close();
}

function openWriter(path: string): TraceWriter {
  return new TraceWriter(path, (reason) => say(`warning: ${reason}; the conversation goes on unrecorded`));
}

/**
 * Records what passes through a transport into the new file of `--trace`. Where
 * the file cannot be written on the way, that is said and the conversation goes
 * on: a card must not be left in the middle of something.
 *
 * @returns the transport itself where `--trace` is not given
 * @throws {FileError} FILE_EXISTS, FILE_WRITE; the transport is then closed
 */
export function openTrace(args: Arguments, transport: Transport): Transport {
  const path = args.optional("trace");
  if (path === undefined) return transport;
  try {
    return recordTransport(transport, openWriter(path));
  } catch (error) {
    void transport.close();
    throw error;
  }
}
