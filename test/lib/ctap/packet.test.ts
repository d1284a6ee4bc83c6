import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { BROADCAST_CHANNEL, encodeMessage, MAX_MESSAGE_LENGTH, parsePacket, REPORT_LENGTH } from "../../../src/lib/ctap/packet.ts";
import { errorCode } from "../errors.ts";
import { FRAMING } from "./framing.ts";
import { bytes, hex } from "./vectors.ts";

t.test("every message of the vectors is cut into their reports", (t) => {
  t.ok(FRAMING.valid.length > 20);
  for (const { name, cid, cmd, payload, reports } of FRAMING.valid) {
    t.same(encodeMessage(Number.parseInt(cid, 16), cmd, bytes(payload)).map(hex), reports, name);
  }
  t.end();
});

t.test("a report is read as what it is", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: REPORT_LENGTH, maxLength: REPORT_LENGTH }), (report) => {
      const packet = parsePacket(report);
      const buffer = Buffer.from(report);
      assert.equal(packet.channel, buffer.readUInt32BE(0));
      if (buffer.readUInt8(4) < 0x80) {
        assert.deepEqual(packet, { type: "continuation", channel: packet.channel, sequence: buffer.readUInt8(4), data: report.subarray(5) });
      } else {
        assert.deepEqual(packet, { type: "init", channel: packet.channel, command: buffer.readUInt8(4) - 0x80, length: buffer.readUInt16BE(5), data: report.subarray(7) });
      }
    }),
  );
  // As a part of other memory.
  const memory = Uint8Array.from({ length: 200 }, (_, i) => i);
  t.equal(parsePacket(memory.subarray(100, 164)).channel, 0x64656667);
  t.end();
});

t.test("a report of any other length is refused", (t) => {
  for (let length = 0; length < 3 * REPORT_LENGTH; length++) {
    if (length !== REPORT_LENGTH) t.equal(errorCode(() => parsePacket(new Uint8Array(length))), "CTAP_REPORT_LENGTH", `${length} bytes`);
  }
  t.end();
});

t.test("a message that is too long is refused, and the longest is not", (t) => {
  const tooLong = FRAMING.invalid.find(({ name }) => name === "too-long-7610");
  t.equal(tooLong?.payload_length, MAX_MESSAGE_LENGTH + 1);
  t.equal(errorCode(() => encodeMessage(1, 1, new Uint8Array(MAX_MESSAGE_LENGTH + 1))), "CTAP_MESSAGE_LENGTH");
  const reports = encodeMessage(BROADCAST_CHANNEL, 0x7f, new Uint8Array(MAX_MESSAGE_LENGTH));
  t.equal(reports.length, 129);
  t.equal(reports.at(-1)?.[4], 0x7f);
  t.end();
});
