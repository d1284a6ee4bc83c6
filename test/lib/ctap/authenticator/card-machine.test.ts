import fc from "fast-check";
import t from "tap";
import { CardMachine, type Effect } from "../../../../src/lib/ctap/authenticator/card-machine.ts";
import { capabilities, parseInitResponse } from "../../../../src/lib/ctap/init.ts";
import { BROADCAST_CHANNEL, encodeMessage, HID_COMMAND, MAX_MESSAGE_LENGTH, REPORT_LENGTH } from "../../../../src/lib/ctap/packet.ts";
import { FRAMING } from "../framing.ts";
import { bytes, hex } from "../vectors.ts";

const FIRST = 0x0a1b2c3d;
const SECOND = FIRST + 1;
const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function newMachine(channels = 2): CardMachine {
  const machine = new CardMachine({ firstChannel: FIRST, capabilities: capabilities({ wink: true, cbor: true, msg: true }), deviceVersion: [1, 2, 3] });
  for (let i = 0; i < channels; i++) send(machine, BROADCAST_CHANNEL, HID_COMMAND.init, NONCE);
  return machine;
}

function send(machine: CardMachine, channel: number, command: number, data = new Uint8Array(), nowMs = 0): readonly Effect[] {
  return encodeMessage(channel, command, data).flatMap((report) => machine.receive(report, nowMs));
}

function reply(channel: number, command: number, ...data: readonly number[]): Effect {
  return { kind: "send", reports: encodeMessage(channel, command, Uint8Array.from(data)) };
}

const failure = (channel: number, code: number): readonly Effect[] => [reply(channel, HID_COMMAND.error, code)];

/** With the length that is said and none of it there. */
function initPacket(channel: number, command: number, length: number): Uint8Array {
  const report = new Uint8Array(REPORT_LENGTH);
  const view = new DataView(report.buffer);
  view.setUint32(0, channel);
  view.setUint8(4, 0x80 + command);
  view.setUint16(5, length);
  return report;
}

t.test("framing vectors", (t) => {
  for (const { name, cid, cmd, payload, reports } of FRAMING.valid) {
    if (Number.parseInt(cid, 16) !== FIRST || cmd !== HID_COMMAND.ping) continue;
    const machine = newMachine();
    const effects = reports.flatMap((report) => machine.receive(bytes(report), 0));
    t.same(effects.flatMap((effect) => (effect.kind === "send" ? effect.reports.map(hex) : [])), reports, `${name} is echoed`);
    t.equal(bytes(payload).length <= MAX_MESSAGE_LENGTH, true);
  }
  const sequence = FRAMING.invalid.find(({ name }) => name === "bad-seq")!;
  const machine = newMachine();
  t.same(sequence.reports!.flatMap((report) => machine.receive(bytes(report), 0)), failure(FIRST, 0x04), "bad-seq");
  const { payload_length: tooLong } = FRAMING.invalid.find(({ name }) => name === "too-long-7610")!;
  t.same(machine.receive(initPacket(FIRST, HID_COMMAND.ping, tooLong!), 0), failure(FIRST, 0x03), "too-long-7610");
  t.end();
});

t.test("INIT", (t) => {
  const machine = newMachine(0);
  const [effect] = send(machine, BROADCAST_CHANNEL, HID_COMMAND.init, NONCE);
  const report = effect?.kind === "send" ? effect.reports[0]! : new Uint8Array();
  t.match(parseInitResponse(report.subarray(7, 24)), { nonce: NONCE, channel: FIRST, protocolVersion: 2, deviceVersion: [1, 2, 3], capabilities: { byte: 0x05 } });
  t.same(send(machine, BROADCAST_CHANNEL, HID_COMMAND.init, NONCE.subarray(1)), failure(BROADCAST_CHANNEL, 0x03));
  t.same(send(machine, SECOND, HID_COMMAND.init, NONCE), failure(SECOND, 0x0b), "on a channel that was not given");
  t.match(send(machine, FIRST, HID_COMMAND.init, NONCE)[0], { reports: [encodeMessage(FIRST, HID_COMMAND.init, report.subarray(7, 24))[0]] }, "on one that was, gives the same");
  t.end();
});

t.test("channels", (t) => {
  const machine = newMachine();
  for (const channel of [0, FIRST - 1, SECOND + 1, BROADCAST_CHANNEL]) {
    t.same(send(machine, channel, HID_COMMAND.ping), failure(channel, 0x0b), `0x${channel.toString(16)}`);
    t.same(machine.receive(encodeMessage(channel, HID_COMMAND.ping, new Uint8Array(60))[1]!, 0), [], "its continuation packets are ignored");
  }
  t.same(send(machine, SECOND, HID_COMMAND.ping, NONCE), [reply(SECOND, HID_COMMAND.ping, ...NONCE)]);
  t.end();
});

t.test("commands", (t) => {
  const machine = newMachine();
  t.same(send(machine, FIRST, HID_COMMAND.ping), [reply(FIRST, HID_COMMAND.ping)]);
  t.same(send(machine, FIRST, HID_COMMAND.wink), [{ kind: "wink" }, reply(FIRST, HID_COMMAND.wink)]);
  t.same(send(machine, FIRST, HID_COMMAND.wink, Uint8Array.of(1)), failure(FIRST, 0x03));
  t.same(send(machine, FIRST, HID_COMMAND.cbor), failure(FIRST, 0x03), "CBOR without a command");
  for (const command of [0x00, 0x02, 0x05, 0x07, HID_COMMAND.keepalive, 0x3e, HID_COMMAND.error, 0x40, 0x7f]) t.same(send(machine, FIRST, command), failure(FIRST, 0x01), `0x${command.toString(16)}`);
  t.same(machine.receive(initPacket(FIRST, 0x3e, 100), 0), failure(FIRST, 0x01), "before the rest of it is there");
  t.same(machine.receive(new Uint8Array(REPORT_LENGTH - 1), 0), [], "what is not 64 bytes is no report");
  t.end();
});

t.test("a message within another", (t) => {
  const machine = newMachine();
  const [first, second] = encodeMessage(FIRST, HID_COMMAND.ping, new Uint8Array(100));
  machine.receive(first!, 0);
  t.same(machine.receive(first!, 0), failure(FIRST, 0x04), "of the same channel");
  t.same(machine.receive(second!, 0), [], "which is the end of both");
  machine.receive(first!, 0);
  t.same(send(machine, SECOND, HID_COMMAND.ping), failure(SECOND, 0x06), "of another channel");
  t.same(machine.receive(encodeMessage(SECOND, HID_COMMAND.ping, new Uint8Array(100))[1]!, 0), [], "whose continuation packets are ignored");
  t.equal(send(machine, BROADCAST_CHANNEL, HID_COMMAND.init, NONCE).length, 1, "a new channel is given meanwhile");
  t.equal(machine.receive(second!, 0).length, 1, "and the message goes on");
  machine.receive(first!, 0);
  t.same(send(machine, FIRST, HID_COMMAND.cancel), [], "CANCEL means nothing there");
  t.equal(machine.receive(second!, 0).length, 1);
  machine.receive(first!, 0);
  t.equal(send(machine, FIRST, HID_COMMAND.init, NONCE).length, 1, "INIT gives it up");
  t.same(machine.receive(second!, 0), []);
  t.end();
});

t.test("a message that does not go on", (t) => {
  const machine = newMachine();
  const [first, second, third] = encodeMessage(FIRST, HID_COMMAND.ping, new Uint8Array(150));
  t.equal(machine.wakeMs, undefined);
  machine.receive(first!, 1000);
  t.equal(machine.wakeMs, 1500);
  t.same(machine.tick(1499), []);
  machine.receive(second!, 1499);
  t.equal(machine.wakeMs, 1999, "the time is between two packets");
  t.same(machine.tick(1999), failure(FIRST, 0x05));
  t.equal(machine.wakeMs, undefined);
  t.same(machine.receive(third!, 2000), []);
  machine.receive(first!, 3000);
  t.same(machine.receive(second!, 3500), failure(FIRST, 0x05), "also where the packet comes before the clock is heard");
  t.end();
});

t.test("a request", (t) => {
  const machine = newMachine();
  const data = Uint8Array.of(4);
  t.same(send(machine, FIRST, HID_COMMAND.cbor, data, 1000), [{ kind: "request", command: "cbor", channel: FIRST, data }]);
  t.equal(machine.wakeMs, 1100);
  t.same(machine.tick(1099), []);
  t.same(machine.tick(1100), [reply(FIRST, HID_COMMAND.keepalive, 1)], "it works");
  t.same(machine.keepAlive(2, 1150), [reply(FIRST, HID_COMMAND.keepalive, 2)], "it waits for a touch, as it says at once");
  t.equal(machine.wakeMs, 1250);
  t.same(machine.tick(1250), [reply(FIRST, HID_COMMAND.keepalive, 2)]);
  t.same(send(machine, SECOND, HID_COMMAND.ping, data, 1260), failure(SECOND, 0x06), "busy for others");
  t.same(send(machine, FIRST, HID_COMMAND.ping, data, 1260), failure(FIRST, 0x06), "and for its own channel");
  t.same(send(machine, SECOND, HID_COMMAND.cancel, data, 1260), [], "others cannot cancel it");
  t.equal(send(machine, SECOND, HID_COMMAND.init, NONCE, 1260).length, 1, "nor does their INIT end it");
  t.same(machine.answer(Uint8Array.of(0, 1, 2)), [reply(FIRST, HID_COMMAND.cbor, 0, 1, 2)]);
  t.equal(machine.wakeMs, undefined);
  t.same(machine.answer(Uint8Array.of(0)), [], "one answer for one request");
  t.same(machine.keepAlive(2, 1300), []);
  t.same(send(machine, FIRST, HID_COMMAND.cancel), [], "CANCEL is too late");
  t.end();
});

t.test("CANCEL", (t) => {
  const machine = newMachine();
  send(machine, FIRST, HID_COMMAND.cbor, Uint8Array.of(1));
  t.same(send(machine, FIRST, HID_COMMAND.cancel), [{ kind: "abandon" }, reply(FIRST, HID_COMMAND.cbor, 0x2d)]);
  t.same(send(machine, FIRST, HID_COMMAND.cancel), []);
  send(machine, FIRST, HID_COMMAND.msg, Uint8Array.of(0, 3, 0, 0));
  t.same(send(machine, FIRST, HID_COMMAND.cancel), [], "U2F has none");
  t.equal(machine.wakeMs, undefined, "nor keepalives");
  t.same(machine.answer(Uint8Array.of(0x90, 0)), [reply(FIRST, HID_COMMAND.msg, 0x90, 0)]);
  t.end();
});

t.test("INIT within a request gives it up", (t) => {
  const machine = newMachine();
  send(machine, FIRST, HID_COMMAND.cbor, Uint8Array.of(1));
  t.match(send(machine, FIRST, HID_COMMAND.init, NONCE), [{ kind: "abandon" }, { kind: "send" }]);
  t.same(send(machine, SECOND, HID_COMMAND.ping), [reply(SECOND, HID_COMMAND.ping)]);
  t.end();
});

t.test("LOCK", (t) => {
  const machine = newMachine();
  t.same(send(machine, FIRST, HID_COMMAND.lock), failure(FIRST, 0x03));
  t.same(send(machine, FIRST, HID_COMMAND.lock, Uint8Array.of(11)), failure(FIRST, 0x02));
  t.same(send(machine, FIRST, HID_COMMAND.lock, Uint8Array.of(10), 1000), [reply(FIRST, HID_COMMAND.lock)]);
  t.same(send(machine, SECOND, HID_COMMAND.ping, new Uint8Array(), 10_999), failure(SECOND, 0x06));
  t.same(send(machine, FIRST, HID_COMMAND.ping, new Uint8Array(), 10_999), [reply(FIRST, HID_COMMAND.ping)]);
  t.same(send(machine, SECOND, HID_COMMAND.ping, new Uint8Array(), 11_000), [reply(SECOND, HID_COMMAND.ping)], "ends by itself");
  send(machine, FIRST, HID_COMMAND.lock, Uint8Array.of(10), 20_000);
  send(machine, FIRST, HID_COMMAND.lock, Uint8Array.of(0), 20_001);
  t.same(send(machine, SECOND, HID_COMMAND.ping, new Uint8Array(), 20_001), [reply(SECOND, HID_COMMAND.ping)], "or by its owner");
  t.end();
});

t.test("whatever comes, it answers in whole reports and can be used afterwards", (t) => {
  const head = fc.tuple(fc.constantFrom(0, FIRST, SECOND, BROADCAST_CHANNEL), fc.oneof(fc.constantFrom(0, 1, 0x81, 0x83, 0x84, 0x86, 0x88, 0x90, 0x91), fc.nat(0xff)), fc.oneof(fc.constantFrom(0, 1, 8, 60, 7609, 7610), fc.nat(0xffff)));
  const reports = fc.array(fc.tuple(head, fc.uint8Array({ minLength: 57, maxLength: 57 }), fc.nat(300)), { maxLength: 40 });
  fc.assert(
    fc.property(reports, (list) => {
      const machine = newMachine();
      let nowMs = 0;
      for (const [[channel, third, length], data, ms] of list) {
        const report = new Uint8Array(REPORT_LENGTH);
        const view = new DataView(report.buffer);
        view.setUint32(0, channel);
        view.setUint8(4, third);
        view.setUint16(5, length);
        report.set(data, 7);
        nowMs += ms;
        for (const effect of machine.receive(report, nowMs)) {
          if (effect.kind === "send" && !effect.reports.every((sent) => sent.length === REPORT_LENGTH)) return false;
          if (effect.kind === "request" && ms % 2 === 0) machine.answer(Uint8Array.of(0));
        }
      }
      send(machine, FIRST, HID_COMMAND.init, NONCE, nowMs);
      send(machine, SECOND, HID_COMMAND.init, NONCE, nowMs);
      const [answer] = send(machine, FIRST, HID_COMMAND.ping, Uint8Array.of(1), nowMs + 10_000);
      return answer?.kind === "send" && hex(answer.reports[0]!) === hex(encodeMessage(FIRST, HID_COMMAND.ping, Uint8Array.of(1))[0]!);
    }),
  );
  t.pass();
  t.end();
});
