import t from "tap";
import { parseTrace } from "../../../../src/lib/ctap/trace/parse.ts";
import { KeyholeError } from "../../../../src/lib/errors.ts";
import { bytes } from "../vectors.ts";
import { fileOf, record, TRANSCRIPTS } from "./conversations.ts";

const OPEN = '{"time":"2026-01-31T23:59:59.999999Z","event":"open","trace":1,"device":"virtual:"}';
const REPORT = `{"time":"2026-02-01T00:00:00.000250Z","direction":"to-card","bytes":"${"00".repeat(64)}"}`;

function failure(input: Uint8Array): KeyholeError | undefined {
  try {
    parseTrace(input);
    return undefined;
  } catch (error) {
    if (error instanceof KeyholeError) return error;
    throw error;
  }
}

t.test("lines by hand", (t) => {
  const { events, isCut, format } = parseTrace(fileOf([OPEN, REPORT, '{"event":"error","code":"CTAP_DEVICE_LOST","message":"gone"}', '{"event":"close"}']));
  t.same(events, [
    { kind: "open", timeMs: Date.UTC(2026, 0, 31, 23, 59, 59) + 999.999, device: "virtual:" },
    { kind: "report", report: { timeMs: Date.UTC(2026, 1, 1) + 0.25, direction: "to-card", bytes: new Uint8Array(64) }, redacted: [] },
    { kind: "error", timeMs: undefined, code: "CTAP_DEVICE_LOST", message: "gone" },
    { kind: "close", timeMs: undefined },
  ]);
  t.same([isCut, format], [false, "keyhole"]);
  t.end();
});

t.test("a trace that is cut off at any byte loses its last line alone", async (t) => {
  const [, reports = []] = TRANSCRIPTS[0] ?? [];
  const lines = await record(reports.slice(0, 4));
  const file = fileOf(lines);
  for (let length = (lines[0]?.length ?? 0) + 1; length < file.length; length += 17) {
    const { events, isCut } = parseTrace(file.subarray(0, length));
    const whole = Buffer.from(file.subarray(0, length)).toString().split("\n").length - 1;
    t.same([events.length, isCut], [whole, file[length - 1] !== 0x0a], `${length} bytes`);
  }
});

t.test("what cannot be read is refused with its line", (t) => {
  const bad: readonly (readonly [string, string])[] = [
    ["not JSON", "nonsense"],
    ["an empty line", ""],
    ["JSON of another kind", "[]"],
    ["a string", '"a"'],
    ["an unknown field", REPORT.replace('"direction"', '"colour":1,"direction"')],
    ["no direction", REPORT.replace('"direction":"to-card",', "")],
    ["another direction", REPORT.replace("to-card", "up")],
    ["no bytes", REPORT.replace(/,"bytes":"0+"/, "")],
    ["half a byte", REPORT.replace('"00', '"0')],
    ["bytes that are not hexadecimal", REPORT.replace('"00', '"0g')],
    ["a report of more than any", REPORT.replace(/"0+"/, `"${"00".repeat(65_537)}"`)],
    ["a time of another form", REPORT.replace("T00", " 00")],
    ["a time there is not", REPORT.replace("2026-02-01", "2026-13-01")],
    ["a later version", OPEN.replace('"trace":1', '"trace":2')],
    ["no version", OPEN.replace('"trace":1,', "")],
    ["an unknown event", '{"event":"explode"}'],
    ["an error without code", '{"event":"error"}'],
    ["a code that is none", '{"event":"error","code":"\\u001b[31m"}'],
  ];
  for (const [name, line] of bad) {
    const error = failure(fileOf([OPEN, REPORT, line, REPORT]));
    t.match(error, { code: "CTAP_TRACE", kind: "input", message: /^line 3 [^\n]+$/ }, name);
  }
  t.match(failure(Buffer.concat([fileOf([OPEN]), bytes("ff0a")])), { code: "CTAP_TRACE", message: /^line 2 .*UTF-8/ });
  for (const input of ["", "hello", "hello\n", "{", "\0\0\0"]) t.match(failure(Buffer.from(input)), { code: "CTAP_TRACE", message: /^line 1 / }, JSON.stringify(input));
  t.end();
});
