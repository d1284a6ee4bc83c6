import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { MessageAssembler, type Message } from "../../../src/lib/ctap/message.ts";
import { BROADCAST_CHANNEL, encodeMessage, MAX_MESSAGE_LENGTH, parsePacket } from "../../../src/lib/ctap/packet.ts";
import { errorCode } from "../errors.ts";
import { FRAMING } from "./framing.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

/** What the reports make, all of one channel. */
function assemble(channel: number, reports: Iterable<Uint8Array>, assembler = new MessageAssembler(channel)): readonly Message[] {
  return [...reports].flatMap((report) => assembler.receive(parsePacket(report)) ?? []);
}

const channel = fc.integer({ min: 0, max: BROADCAST_CHANNEL });
const command = fc.integer({ min: 0, max: 0x7f });
const length = fc.oneof(fc.integer({ min: 0, max: MAX_MESSAGE_LENGTH }), fc.constantFrom(0, 1, 56, 57, 58, 116, 117, 175, 176, MAX_MESSAGE_LENGTH - 1, MAX_MESSAGE_LENGTH));

/** Bytes none of which is like its neighbour. */
function payload(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed + (i >> 8)) & 0xff);
}

t.test("every message of the vectors is put together again", (t) => {
  for (const { name, cid, cmd, payload, reports } of FRAMING.valid) {
    const channel = Number.parseInt(cid, 16);
    t.same(assemble(channel, reports.map(bytes)), [{ command: cmd, data: bytes(payload) }], name);
  }
  t.end();
});

t.test("what devices sent to libfido2", (t) => {
  interface Wire {
    readonly data: Readonly<Record<string, { readonly reports?: readonly string[]; readonly messages?: readonly { readonly cmd: number; readonly payload: string }[] }>>;
  }
  const { data } = readVectors("libfido2-wiredata") as Wire;
  let count = 0;
  for (const [name, { reports = [], messages = [] }] of Object.entries(data)) {
    // libfido2's fuzzer is not particular about channels, nor about how the last report ends.
    const found = assemble(1, reports.map((report) => bytes(`00000001${report.slice(8)}`.padEnd(128, "0"))));
    t.same(
      found.map(({ command, data }) => ({ command, data: hex(data) })),
      messages.map(({ cmd, payload }) => ({ command: cmd, data: payload })),
      name,
    );
    count += found.length;
  }
  t.ok(count > 30, `${count} messages`);
  t.end();
});

t.test("a message of any length, cut up and put together", (t) => {
  fc.assert(
    fc.property(channel, command, length, fc.nat(255), (channel, command, length, seed) => {
      const data = payload(length, seed);
      const assembler = new MessageAssembler(channel);
      const reports = encodeMessage(channel, command, data);
      for (const [i, report] of reports.entries()) {
        const message = assembler.receive(parsePacket(report));
        assert.equal(assembler.isWithin, i < reports.length - 1);
        if (i < reports.length - 1) assert.equal(message, undefined);
        else assert.deepEqual(message, { command, data });
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test("every length", (t) => {
  for (let length = 0; length <= MAX_MESSAGE_LENGTH; length++) {
    const [message, ...rest] = assemble(5, encodeMessage(5, 1, payload(length, 1)));
    assert.equal(message?.data.length, length);
    assert.equal(rest.length, 0);
  }
  t.end();
});

t.test("a message cut off after any packet is none, and the next one is whole", (t) => {
  const data = payload(1000, 3);
  const reports = encodeMessage(9, 0x10, data);
  for (let cut = 1; cut < reports.length; cut++) {
    const assembler = new MessageAssembler(9);
    t.same(assemble(9, reports.slice(0, cut), assembler), [], `after ${cut} packets`);
    t.ok(assembler.isWithin);
    t.equal(errorCode(() => assemble(9, reports, assembler)), "CTAP_SEQUENCE", "an init packet within a message");
    t.notOk(assembler.isWithin, "which is given up");
    t.same(assemble(9, reports, assembler), [{ command: 0x10, data }], "and then all is well");
    assemble(9, reports.slice(0, cut), assembler);
    assembler.reset();
    t.same(assemble(9, reports, assembler), [{ command: 0x10, data }], "after a reset");
  }
  t.end();
});

t.test("a wrong sequence", (t) => {
  const badSequence = FRAMING.invalid.find(({ name }) => name === "bad-seq")?.reports?.map(bytes) ?? [];
  t.equal(badSequence.length, 3);
  t.equal(errorCode(() => assemble(0x0a1b2c3d, badSequence)), "CTAP_SEQUENCE", "of the vectors");

  const reports = encodeMessage(1, 0x10, payload(500, 0));
  const [first, second, third] = reports as [Uint8Array, Uint8Array, Uint8Array];
  const wrong: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ["the first continuation packet missing", [first, third]],
    ["the second before the first", [first, third, second]],
    ["no init packet", [second]],
    ["the init packet twice", [first, first]],
    ["one packet twice", [first, second, second]],
    ["one too many", [...encodeMessage(1, 0x10, payload(58, 0)), third]],
  ];
  for (const [name, packets] of wrong) t.equal(errorCode(() => assemble(1, packets)), "CTAP_SEQUENCE", name);

  for (let sequence = 1; sequence < 0x80; sequence++) {
    const odd = Uint8Array.from(second);
    odd[4] = sequence;
    t.equal(errorCode(() => assemble(1, [first, odd])), "CTAP_SEQUENCE", `${sequence} instead of 0`);
  }
  t.end();
});

t.test("a length beyond the longest message is refused before memory is taken", (t) => {
  const report = bytes(FRAMING.valid[0]?.reports[0] ?? "");
  for (const length of [MAX_MESSAGE_LENGTH + 1, 0x8000, 0xffff]) {
    const long = Uint8Array.from(report);
    new DataView(long.buffer).setUint16(5, length);
    const assembler = new MessageAssembler(0x0a1b2c3d);
    t.equal(errorCode(() => assemble(0x0a1b2c3d, [long], assembler)), "CTAP_MESSAGE_LENGTH", `${length}`);
    t.notOk(assembler.isWithin);
  }
  t.end();
});

t.test("packets of other channels are no matter, wherever they stand", (t) => {
  const foreign = encodeMessage(0x0a1b2c3e, 0x01, payload(300, 7));
  for (const { name, cid, cmd, payload, reports } of FRAMING.valid) {
    const own = Number.parseInt(cid, 16);
    const mixed = reports.flatMap((report, i) => [foreign[i % foreign.length] ?? new Uint8Array(64), bytes(report)]);
    t.same(assemble(own, mixed), [{ command: cmd, data: bytes(payload) }], name);
  }
  t.end();
});

t.test("messages of several channels in any order of their packets", (t) => {
  const streams = fc.uniqueArray(fc.record({ channel, command, length: fc.integer({ min: 0, max: 600 }), seed: fc.nat(255) }), { minLength: 1, maxLength: 4, selector: ({ channel }) => channel });
  fc.assert(
    fc.property(streams, fc.infiniteStream(fc.nat()), (streams, order) => {
      const waiting = streams.map(({ channel, command, length, seed }) => [...encodeMessage(channel, command, payload(length, seed))]);
      const assemblers = streams.map(({ channel }) => new MessageAssembler(channel));
      const found: (Message | undefined)[] = streams.map(() => undefined);
      for (;;) {
        const left = waiting.filter((reports) => reports.length > 0);
        if (left.length === 0) break;
        const report = left[(order.next().value as number) % left.length]?.shift() ?? new Uint8Array(64);
        // Each sees everything, as each program that holds a hidraw node does.
        for (const [i, assembler] of assemblers.entries()) found[i] = assembler.receive(parsePacket(report)) ?? found[i];
      }
      assert.deepEqual(
        found,
        streams.map(({ command, length, seed }) => ({ command, data: payload(length, seed) })),
      );
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test("Qubes' CTAP proxy answers with the command of MSG, which is no fault of framing", (t) => {
  const response = FRAMING.invalid.find(({ name }) => name === "qubes-proxy-wrong-cmd")?.response?.map(bytes) ?? [];
  t.match(assemble(0x0a1b2c3d, response), [{ command: 0x03 }]);
  t.end();
});

t.test("what is received later changes nothing in a message", (t) => {
  const reports = encodeMessage(1, 1, payload(100, 1)).map((report) => Uint8Array.from(report));
  const [message] = assemble(1, reports);
  for (const report of reports) report.fill(0xee);
  t.same(message?.data, payload(100, 1));
  t.end();
});
