import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { encodeMessage } from "../../../../src/lib/ctap/packet.ts";
import { encodeCbor, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { traceToJson } from "../../../../src/lib/ctap/trace/show-json.ts";
import { showTrace } from "../../../../src/lib/ctap/trace/show.ts";
import type { Report } from "../../../../src/lib/ctap/trace/report.ts";
import type { Trace } from "../../../../src/lib/ctap/trace/trace.ts";
import { bytes, hex } from "../vectors.ts";
import { TRANSCRIPTS } from "./conversations.ts";

function traceOf(reports: readonly Report[]): Trace {
  return { format: "keyhole", isCut: false, events: reports.map((report) => ({ kind: "report", report, redacted: [] })) };
}

function show(reports: readonly Report[]): string {
  return [...showTrace(traceOf(reports))].map((line) => `${line}\n`).join("");
}

function message(direction: Report["direction"], command: number, data: Uint8Array): readonly Report[] {
  return encodeMessage(1, command, data).map((bytes) => ({ direction, bytes }));
}

/** A request of CTAP2 and its answer. */
function exchange(command: number, params: CborValue, status: number, answer?: CborValue): readonly Report[] {
  return [
    ...message("to-card", 0x10, concatBytes(Uint8Array.of(command), params === undefined ? new Uint8Array() : encodeCbor(params))),
    ...message("from-card", 0x10, concatBytes(Uint8Array.of(status), answer === undefined ? new Uint8Array() : encodeCbor(answer))),
  ];
}

for (const [name, reports] of TRANSCRIPTS) {
  t.test(`${name}: framing and CBOR, with names`, (t) => {
    const text = show(reports);
    const expected = [
      "> ffffffff init, 8 bytes: ",
      "wink, 0 bytes",
      "ping, packet 0: ",
      ...(name === "transcript-solo1" ? ["capabilities 0x05 (wink, cbor, msg)", "user presence needed"] : ["processing"]),
      "authenticatorGetInfo: CTAP2_OK (0x00)",
      '1 versions: ["U2F_V2", "FIDO_2_0"',
      '"credMgmt": true',
      "U2F_REGISTER: 0x9000 (no error)",
      "U2F_AUTHENTICATE, P1 0x07",
      "0x6985 (touch needed)",
      "0x6a80 (unknown key handle)",
      "1 clientDataHash: h'",
      '"name": "alice@example.com"',
      "flags: 0x41 (UP, AT)",
      "-2 x: h'",
      '"x5c": [h\'',
      "authenticatorClientPIN: CTAP2_ERR_PIN_INVALID (0x31)",
      "2 subCommand: 3 (setPIN)",
      "authenticatorGetNextAssertion",
      "5 numberOfCredentials: 2",
      "(enumerateRPsBegin)",
      "authenticatorReset: CTAP2_OK (0x00)",
    ];
    for (const words of expected) t.ok(text.includes(words), words);
    t.notMatch(text, /problem/);
    t.end();
  });

  t.test(`${name}: no byte is lost`, (t) => {
    let at = 0;
    const lines = show(reports).split("\n");
    for (const { direction, bytes: report } of reports) {
      const head = `${direction === "to-card" ? ">" : "<"} ${hex(report.subarray(0, 4))} `;
      while (!lines[at]?.trimStart().startsWith(head)) {
        assert(at < lines.length, head);
        at += 1;
      }
      // All but what fills the last report up with zeros.
      const data = hex(report.subarray((report[4] ?? 0) >= 0x80 ? 7 : 5)).replace(/(?:00)+$/, "");
      assert(lines[at]?.includes(data), `${lines[at] ?? ""}: ${data}`);
      at += 1;
    }
    t.end();
  });
}

t.test("times since the beginning", (t) => {
  const [first, second] = exchange(4, undefined, 0) as [Report, Report];
  const lines = [...showTrace(traceOf([{ ...first, timeMs: 1000 }, { ...second, timeMs: 13_500.25 }]))];
  t.match(lines, [/^ {3}0\.000000 > 00000001 cbor, 1 byte: 04$/, /^ {14}authenticatorGetInfo$/, /^ {2}12\.500250 < 00000001 cbor, 1 byte: 00$/, /^ {14}authenticatorGetInfo: CTAP2_OK \(0x00\)$/]);
  t.end();
});

t.test("every command and subcommand has a name", (t) => {
  const names: Readonly<Record<number, string>> = {
    0x01: "authenticatorMakeCredential",
    0x02: "authenticatorGetAssertion",
    0x04: "authenticatorGetInfo",
    0x06: "authenticatorClientPIN",
    0x07: "authenticatorReset",
    0x08: "authenticatorGetNextAssertion",
    0x09: "authenticatorBioEnrollment",
    0x0a: "authenticatorCredentialManagement",
    0x0b: "authenticatorSelection",
    0x0c: "authenticatorLargeBlobs",
    0x0d: "authenticatorConfig",
    0x40: "authenticatorBioEnrollment (preview)",
    0x41: "authenticatorCredentialManagement (preview)",
    0x50: "0x50",
  };
  for (const [command, name] of Object.entries(names)) t.ok(show(exchange(Number(command), undefined, 1)).includes(`${name}: CTAP1_ERR_INVALID_COMMAND (0x01)`), name);
  t.match(show(exchange(0x0d, new Map<CborValue, CborValue>([[1, 3], [2, new Map([[1, 6]])]]), 0)), /1 subCommand: 3 \(setMinPINLength\)\n +2 subCommandParams:\n +1 newMinPINLength: 6\n/);
  t.match(show(exchange(0x09, new Map([[2, 1]]), 0, new Map([[5, 0]]))), /\(enrollBegin\)[^]*5 lastEnrollSampleStatus: 0/);
  t.end();
});

t.test("what a card may say and should not", (t) => {
  const cases: readonly (readonly [string, readonly Report[], RegExp])[] = [
    ["CBOR that is none", message("to-card", 0x10, bytes("04a1")), /problem: CBOR has the end, before the item is whole/],
    ["CBOR that is not canonical", message("to-card", 0x10, bytes("04a203020201")), /not canonical: map key out of order, at byte 3/],
    ["keys without a name", exchange(4, undefined, 0, new Map<CborValue, CborValue>([[99, bytes("ff")], ["x", 1]])), /\n +99: h'ff'\n +"x": 1\n/],
    ["a list where a map is expected", exchange(4, undefined, 0, [1, 2]), /\n +\[1, 2\]\n/],
    ["authenticator data cut short", exchange(2, new Map(), 0, new Map([[2, bytes("00")]])), /2 authData: h'00'\n +problem: authenticator data is 1 byte/],
    ["an error of CTAPHID", message("from-card", 0x3f, bytes("06")), /CTAP1_ERR_CHANNEL_BUSY \(0x06\)/],
    ["an answer without a request", message("from-card", 0x10, bytes("00a10102")), /answer to an unknown request: CTAP2_OK \(0x00\)\n +1: 2\n/],
    ["Qubes' CTAP proxy", [...message("to-card", 0x10, bytes("04")), ...message("from-card", 0x03, bytes("00a0"))], /< 00000001 msg, 2 bytes: 00a0\n +authenticatorGetInfo: CTAP2_OK \(0x00\)\n +\{\}\n/],
    ["an answer to INIT cut short", message("from-card", 0x06, bytes("00")), /problem: answer to INIT is 1 bytes/],
    ["an empty CBOR message", message("from-card", 0x10, new Uint8Array()), /cbor, 0 bytes\n$/],
    ["a vendor's command", message("to-card", 0x41, bytes("0102")), /> 00000001 0x41, 2 bytes: 0102\n$/],
    ["a status word without more", [...message("to-card", 0x03, bytes("00030000000000")), ...message("from-card", 0x03, bytes("6d00"))], /U2F_VERSION: 0x6d00 \(command not known\)/],
    ["an APDU cut short", message("to-card", 0x03, bytes("0001")), /malformed request\n +data: 0001\n/],
  ];
  for (const [name, reports, pattern] of cases) t.match(show(reports), pattern, name);

  const dirty = message("from-card", 0x3b, bytes("01"))[0]!;
  const filled = Uint8Array.from(dirty.bytes);
  filled.fill(0xab, 60);
  t.match(show([{ ...dirty, bytes: filled }]), /keepalive, 1 byte: 01 \| filled up with (00){52}abababab\n +processing\n/, "what is beyond the end");
  t.match(show([...message("from-card", 0x10, new Uint8Array(58)).slice(0, 1), ...message("from-card", 0x3b, bytes("02"))]), /problem: the message before was not ended/);
  t.match(show(message("from-card", 0x10, new Uint8Array(58)).slice(1)), /< 00000001 packet 0: [^\n]+\n +problem: continuation packet 0, expected an init packet/);
  t.end();
});

t.test("nothing in a trace reaches the terminal as it is", (t) => {
  const text = show(exchange(1, new Map<CborValue, CborValue>([[3, new Map([["name\u001b[2J", "\u202eevil\r\n"]])]]), 0));
  t.match(text, /"name\\u001b\[2J": "\\u202eevil\\r\\n"/);
  t.notMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
  const events: Trace["events"] = [
    { kind: "open", timeMs: undefined, device: "virtual:\u001b[2J" },
    { kind: "error", timeMs: undefined, code: "CTAP_X", message: "\u0007" },
    { kind: "note", text: "\u009b31m" },
    { kind: "report", report: { direction: "to-card", bytes: new Uint8Array(64) }, redacted: ["\u001b]0;x"] },
  ];
  const lines = [...showTrace({ format: "keyhole", isCut: true, events })];
  for (const line of lines) t.notMatch(line, /[\p{Cc}\p{Cf}]/u);
  t.match(lines.at(-1), /cut short/);
  t.end();
});

t.test("any reports are shown, safely", (t) => {
  const report = fc.record({ direction: fc.constantFrom<Report["direction"]>("to-card", "from-card"), channel: fc.nat(2), body: fc.uint8Array({ minLength: 60, maxLength: 60 }), command: fc.constantFrom(0x83, 0x86, 0x90, 0xbb, 0xbf, 0, 1), length: fc.nat(80) });
  fc.assert(
    fc.property(fc.array(report, { maxLength: 20 }), (reports) => {
      const text = show(
        reports.map(({ direction, channel, body, command, length }) => {
          const bytes = concatBytes(Uint8Array.of(0, 0, 0, channel), body);
          bytes[4] = command;
          if (command >= 0x80) bytes.set([0, length], 5);
          return { direction, bytes };
        }),
      );
      assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test("as JSON, with byte strings in base64url", (t) => {
  const json = traceToJson(traceOf(exchange(4, undefined, 0, new Map<CborValue, CborValue>([[3, bytes("fbff")]])))) as { readonly format: string; readonly cut: boolean; readonly events: readonly Readonly<Record<string, unknown>>[] };
  t.match(json, { format: "keyhole", cut: false });
  t.match(json.events[0], { direction: "to-card", channel: "00000001", command: "cbor", name: "authenticatorGetInfo", payload: "BA" });
  t.match(json.events[1], { direction: "from-card", status: "CTAP2_OK", cbor: { 3: "-_8" }, payload: "AKEDQvv_" });
  t.equal(Buffer.from(String(json.events[1]?.bytes), "base64url").length, 64);
  t.end();
});
