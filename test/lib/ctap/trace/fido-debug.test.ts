import t from "tap";
import { MAX_MESSAGE_LENGTH } from "../../../../src/lib/ctap/packet.ts";
import { parseTrace } from "../../../../src/lib/ctap/trace/parse.ts";
import { showTrace } from "../../../../src/lib/ctap/trace/show.ts";
import { KeyholeError } from "../../../../src/lib/errors.ts";
import { bytes, hex } from "../vectors.ts";
import { fileOf, TRANSCRIPTS } from "./conversations.ts";
import { oldFidoDebug, newFidoDebug } from "./fido-debug.ts";

function reportsOf(lines: readonly string[]): readonly string[] {
  return parseTrace(fileOf(lines)).events.flatMap((event) => (event.kind === "report" ? [`${event.report.direction} ${hex(event.report.bytes)}`] : []));
}

/** As fido2-token -I begins with libfido2 1.16. */
const TOKEN_INFO = `fido_tx: dev=0x55fb27e842a0, cmd=0x06
fido_tx: buf=0x55fb27e842a0, len=8
0000: 8d 80 fd 31 90 ce 4f b5
fido_rx: dev=0x55fb27e842a0, cmd=0x06, ms=-1
rx_preamble: buf=0x7ffe11590a50, len=64
0000: ff ff ff ff 86 00 11 8d 80 fd 31 90 ce 4f b5 0e
0016: af de 6f 02 02 01 00 05 00 00 00 00 00 00 00 00
0032: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0048: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
rx: payload_len=17
fido_rx: buf=0x55fb27e842a8, len=17
0000: 8d 80 fd 31 90 ce 4f b5 0e af de 6f 02 02 01 00
0016: 05
fido_dev_get_cbor_info_tx: dev=0x55fb27e842a0
fido_tx: dev=0x55fb27e842a0, cmd=0x10
fido_tx: buf=0x7ffe11590aa7, len=1
0000: 04
fido_dev_get_cbor_info_rx: dev=0x55fb27e842a0, ci=0x55fb27e843f0, ms=-1
fido_rx: dev=0x55fb27e842a0, cmd=0x10, ms=-1
rx_preamble: buf=0x7ffe115909c0, len=64
0000: 0e af de 6f 90 00 0b 00 a1 01 81 66 55 32 46 5f
0016: 56 32 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0032: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
0048: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
rx: payload_len=11
fido_rx: buf=0x7ffe11590a00, len=11
0000: 00 a1 01 81 66 55 32 46 5f 56 32
`.split("\n").slice(0, -1);

const REPORTS = [
  `to-card ffffffff8600088d80fd3190ce4fb5${"00".repeat(49)}`,
  `from-card ffffffff8600118d80fd3190ce4fb50eafde6f0202010005${"00".repeat(40)}`,
  `to-card 0eafde6f90000104${"00".repeat(56)}`,
  `from-card 0eafde6f90000b00a10181665532465f5632${"00".repeat(46)}`,
];

t.test("the dumps of libfido2 from 1.7 on", (t) => {
  t.same(reportsOf(TOKEN_INFO), REPORTS);
  t.end();
});

t.test("those of 1.5 and 1.6", (t) => {
  const old = TOKEN_INFO.flatMap((line) => {
    if (line.startsWith("fido_tx: buf=")) return [];
    const sizes: Readonly<Record<string, string>> = { "0x06": "8", "0x10": "1" };
    const [, command = ""] = /^fido_tx: .*cmd=(\S+)/.exec(line) ?? [];
    if (command !== "") return [`fido_tx: d=0x55fb27e842a0, cmd=${command}, buf=0x7ffe11590aa7, count=${sizes[command] ?? ""}`];
    if (line.startsWith("fido_rx: dev=")) return [line.replace("dev=", "d=").replace(", ms", ", buf=0x7fc61f614118, count=17, ms")];
    return [line.replace(/^rx_preamble: buf=\S+, len=64/, "rx_preamble: initiation frame at 0x7ffee0961ba8")];
  });
  t.same(reportsOf(old), REPORTS);
  t.end();
});

t.test("what other programs put before each line, and blank lines between, are no matter", (t) => {
  for (const before of ["14:07:32.928  ", "debug1: ssh-sk-helper: ", "[1234] ", "\t"]) t.same(reportsOf(TOKEN_INFO.flatMap((line) => [`${before}${line}`, ""])), REPORTS, before);
  t.same(reportsOf(TOKEN_INFO.map((line) => `${line}\r`)), REPORTS, "line ends of Windows");
  t.end();
});

for (const [name, reports] of TRANSCRIPTS) {
  t.test(`${name} as libfido2 would have told it`, (t) => {
    // It does not tell of keepalives.
    const told = reports.filter(({ direction, bytes }) => direction === "to-card" || bytes[4] !== 0xbb);
    for (const write of [newFidoDebug, oldFidoDebug]) {
      const found = reportsOf(write(told));
      t.equal(found.length, told.length);
      t.same(found, told.map(({ direction, bytes }) => `${direction} ${hex(bytes)}`));
    }
    t.end();
  });
}

t.test("other lines are kept as they are, other dumps among them", (t) => {
  const lines = ["run_manifest: found 1 hid device", ...TOKEN_INFO, "decode_attcred: buf=0x55, len=17", "0000: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10", "0016: 11", "fido_dev_open_rx: falling back to u2f\u001b[31m"];
  t.same(reportsOf(lines), REPORTS);
  const shown = [...showTrace(parseTrace(fileOf(lines)))];
  t.match(shown[0], /run_manifest: found 1 hid device$/);
  t.match(shown.at(-1), /falling back to u2f\\x1b\[31m$/);
  t.ok(shown.some((line) => line.includes("authenticatorGetInfo: CTAP2_OK")));
  t.end();
});

t.test("two cards at a time have their own channels", (t) => {
  const other = TOKEN_INFO.map((line) => line.replaceAll("0x55fb27e842a0", "0xaaaa").replaceAll("0e af de 6f", "00 00 00 07").replace("b5 0e", "b5 00").replace("af de 6f", "00 00 07"));
  const mixed = [...TOKEN_INFO.slice(0, 13), ...other.slice(0, 13), ...TOKEN_INFO.slice(13), ...other.slice(13)];
  t.match(reportsOf(mixed).map((report) => report.split(" ")[1]?.slice(0, 8)), ["ffffffff", "ffffffff", "ffffffff", "ffffffff", "0eafde6f", "0eafde6f", "00000007", "00000007"]);
  t.end();
});

t.test("a log that begins in the middle: the channel is that of the answer", (t) => {
  t.same(reportsOf(TOKEN_INFO.slice(13)), REPORTS.slice(2));
  t.match(reportsOf(TOKEN_INFO.slice(13, 17)), [/^to-card ffffffff90000104/], "and there may be none");
  t.end();
});

t.test("a message without bytes", (t) => {
  t.match(reportsOf([...TOKEN_INFO, "fido_tx: dev=0x55fb27e842a0, cmd=0x11", "fido_tx: buf=0x0, len=0"]).at(-1), /^to-card 0eafde6f910000(00)+$/);
  t.match(reportsOf([...TOKEN_INFO, "fido_tx: d=0x55fb27e842a0, cmd=0x11, buf=0x0, count=0"]).at(-1), /^to-card 0eafde6f910000(00)+$/);
  t.end();
});

t.test("a log that is cut off loses its last dump alone", (t) => {
  for (let length = 2; length < TOKEN_INFO.length; length++) {
    const { events, isCut } = parseTrace(fileOf(TOKEN_INFO.slice(0, length)));
    const found = events.filter(({ kind }) => kind === "report").length;
    const whole = [2, 8, 16, 23].filter((end) => end < length).length;
    t.equal(found, whole, `${length} lines`);
    t.equal(isCut, [1, 2, 5, 6, 7, 8, 15, 16, 20, 21, 22, 23].includes(length), `${length} lines: cut`);
  }
  t.end();
});

t.test("dumps that are not whole are refused with their line", (t) => {
  const failure = (lines: readonly string[]): unknown => {
    try {
      return parseTrace(fileOf(lines));
    } catch (error) {
      if (error instanceof KeyholeError) return error;
      throw error;
    }
  };
  const without = (i: number): readonly string[] => TOKEN_INFO.filter((_, at) => at !== i);
  t.match(failure(without(2)), { code: "CTAP_TRACE", message: /^line 3 ends a dump after 0 bytes, expected 8$/ });
  t.match(failure(without(6)), { code: "CTAP_TRACE", message: /^line 7 ends a dump after 16 bytes, expected 64$/ });
  t.match(failure(TOKEN_INFO.map((line) => line.replace("len=8", "len=7"))), { code: "CTAP_TRACE", message: /^line 2 begins a dump of 8 bytes, expected 7$/ });
  const long = ["fido_tx: dev=0x1, cmd=0x10", `fido_tx: buf=0x1, len=${MAX_MESSAGE_LENGTH + 1}`];
  for (let at = 0; at <= MAX_MESSAGE_LENGTH; at += 16) long.push(`${String(at).padStart(4, "0")}: ${"00 ".repeat(Math.min(16, MAX_MESSAGE_LENGTH + 1 - at)).trim()}`);
  t.match(failure(long), { code: "CTAP_TRACE", message: /^line 2 .*7610 bytes/ });
  t.end();
});

t.test("a report of another length is shown as one", (t) => {
  const lines = ["fido_rx: dev=0x1, cmd=0x10, ms=-1", "rx_preamble: buf=0x1, len=3", "0000: 01 02 03"];
  t.same(reportsOf(lines), [`from-card ${hex(bytes("010203"))}`]);
  t.match([...showTrace(parseTrace(fileOf(lines)))], [/^.*fido_rx/, /report of 3 bytes: 010203/, /problem/]);
  t.end();
});
