import t from "tap";
import { approveNever, type Approval, type Touch } from "../../../../src/lib/ctap/authenticator/approval.ts";
import { newState } from "../../../../src/lib/ctap/authenticator/state.ts";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { HID_COMMAND } from "../../../../src/lib/ctap/packet.ts";
import { settle, WiredHost, type Heard } from "./wired-host.ts";

const SELECTION = Uint8Array.of(0x0b);
const RESET = Uint8Array.of(0x07);
const REGISTER = concatBytes(Uint8Array.of(0, 1, 0, 0, 0, 0, 64), new Uint8Array(64), Uint8Array.of(0, 0));

const { cbor, keepalive, msg, ping, cancel, init, error, wink } = HID_COMMAND;

/** A person who is told what to do. */
class Person {
  readonly asked: Touch[] = [];
  #resolve: (isApproved: boolean) => void = () => undefined;
  signal: AbortSignal | undefined;

  readonly approve: Approval = (touch, signal) => {
    this.asked.push(touch);
    this.signal = signal;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  };

  async decide(isApproved: boolean): Promise<void> {
    this.#resolve(isApproved);
    await settle();
  }
}

const brief = (heard: readonly Heard[]) => heard.map(({ command, data }) => [command, ...data.subarray(0, 2)]);

t.test("a touch at once needs no keepalive", (t) => {
  const host = new WiredHost();
  const channel = host.open();
  t.same(brief([host.ask(channel, cbor, SELECTION)]), [[cbor, 0]]);
  t.same(host.events, [{ kind: "touch", touch: { what: "selection" }, outcome: "approved" }]);
  t.equal(host.clock.waiting, 0, "nothing is waited for");
  t.end();
});

t.test("keepalives while a touch is waited for", async (t) => {
  const person = new Person();
  const host = new WiredHost(person);
  const channel = host.open();
  t.same(brief([host.ask(channel, cbor, SELECTION)]), [[keepalive, 2]], "the first at once");
  host.clock.pass(350);
  t.same(brief(host.heard()), [[keepalive, 2], [keepalive, 2], [keepalive, 2]]);
  const other = host.open();
  t.same(brief([host.ask(other, ping)]), [[error, 6]]);
  await person.decide(true);
  t.same(brief(host.heard()), [[cbor, 0]]);
  t.equal(person.signal!.aborted, true);
  t.same(brief([host.ask(other, ping)]), [[ping]]);
  host.clock.pass(1000);
  t.same(host.heard(), []);
  t.equal(host.clock.waiting, 0);
});

t.test("nobody touches", (t) => {
  const host = new WiredHost({ approve: approveNever });
  const channel = host.open();
  host.send(channel, cbor, SELECTION);
  host.clock.pass(29_999);
  const waiting = host.heard();
  t.equal(waiting.length, 300);
  t.ok(waiting.every(({ command, data }) => command === keepalive && data[0] === 2));
  host.clock.pass(1);
  t.same(brief(host.heard()).at(-1), [cbor, 0x2f]);
  t.same(host.events.map((event) => event.kind === "touch" && event.outcome), ["waiting", "timed-out"]);
  t.end();
});

t.test("the person refuses", async (t) => {
  const person = new Person();
  const host = new WiredHost(person);
  const channel = host.open();
  host.send(channel, cbor, SELECTION);
  host.heard();
  await person.decide(false);
  t.same(brief(host.heard()), [[cbor, 0x27]]);
  t.match(host.events.at(-1), { outcome: "refused" });
  t.same(brief([host.ask(host.open(), cbor, Uint8Array.of(0x08))]), [[cbor, 0x30]], "the card can be used again");
});

for (const [name, command, data, answer] of [
  ["CANCEL", cancel, new Uint8Array(), [cbor, 0x2d]],
  ["INIT", init, new Uint8Array(8), [init, 0, 0]],
] as const) {
  t.test(`${name} while a touch is waited for`, async (t) => {
    const person = new Person();
    const host = new WiredHost(person);
    const channel = host.open();
    host.send(channel, cbor, SELECTION);
    host.heard();
    t.same(brief([host.ask(channel, command, data)]), [answer]);
    t.equal(person.signal!.aborted, true);
    t.match(host.events.at(-1), { outcome: "cancelled" });
    await person.decide(true);
    host.clock.pass(60_000);
    t.same(host.heard(), [], "the touch then means nothing");
    t.equal(host.clock.waiting, 0);
  });
}

t.test("a cancelled reset erases nothing", async (t) => {
  const person = new Person();
  const state = newState();
  const key = state.deviceKey;
  const host = new WiredHost({ approve: person.approve, store: { run: (step) => step(state) } });
  const channel = host.open();
  host.send(channel, cbor, RESET);
  host.send(channel, cancel);
  await person.decide(true);
  t.equal(state.deviceKey, key);
  host.send(channel, cbor, RESET);
  await person.decide(true);
  t.not(state.deviceKey, key);
});

t.test("asking for the touch fails", async (t) => {
  const host = new WiredHost({ approve: () => Promise.reject(new Error("no terminal")) });
  host.send(host.open(), cbor, SELECTION);
  await settle();
  t.same(brief(host.heard()), [[keepalive, 2], [cbor, 0x7f]]);
  t.match(host.errors, [{ message: "no terminal" }]);
});

t.test("the state cannot be kept", (t) => {
  const failure = new Error("disk full");
  const host = new WiredHost({
    store: {
      run: () => {
        throw failure;
      },
    },
  });
  t.same(brief([host.ask(host.open(), cbor, Uint8Array.of(0x04))]), [[cbor, 0x7f]]);
  t.same(host.errors, [failure]);
  t.end();
});

t.test("a reset has its window", (t) => {
  const host = new WiredHost();
  const channel = host.open();
  host.clock.pass(10_001);
  t.same(brief([host.ask(channel, cbor, RESET)]), [[cbor, 0x30]]);
  host.door.onPowerCycle!();
  t.same(brief([host.ask(channel, ping)]), [[error, 0x0b]], "channels do not outlive the power");
  t.same(brief([host.ask(host.open(), cbor, RESET)]), [[cbor, 0]]);
  t.end();
});

t.test("power is taken away while a touch is waited for", async (t) => {
  const person = new Person();
  const host = new WiredHost(person);
  host.send(host.open(), cbor, SELECTION);
  host.heard();
  host.door.onPowerCycle!();
  t.same(host.events.slice(-2), [
    { kind: "touch", touch: { what: "selection" }, outcome: "cancelled" },
    { kind: "power-cycle" },
  ]);
  await person.decide(true);
  host.clock.pass(60_000);
  t.same(host.heard(), []);
});

t.test("WINK is seen", (t) => {
  const host = new WiredHost();
  t.same(brief([host.ask(host.open(), wink)]), [[wink]]);
  t.same(host.events, [{ kind: "wink" }]);
  t.end();
});

t.test("a message that does not go on is given up by the clock", (t) => {
  const host = new WiredHost();
  const channel = host.open();
  const report = new Uint8Array(64);
  new DataView(report.buffer).setUint32(0, channel);
  report.set([0x81, 0, 100], 4);
  host.report(report);
  host.clock.pass(499);
  t.same(host.heard(), []);
  host.clock.pass(1);
  t.same(brief(host.heard()), [[error, 5]]);
  t.end();
});

t.test("U2F is told to come again until the touch is there", async (t) => {
  const person = new Person();
  const host = new WiredHost(person);
  const channel = host.open();
  const register = (): readonly number[] => {
    const { command, data } = host.ask(channel, msg, REGISTER);
    t.equal(command, msg);
    return [...data.subarray(-2)];
  };
  t.same(register(), [0x69, 0x85]);
  host.clock.pass(300);
  t.same(register(), [0x69, 0x85]);
  t.equal(person.asked.length, 1, "the person is asked once");
  await person.decide(true);
  t.same(register(), [0x90, 0x00]);
  t.same(register(), [0x69, 0x85], "a touch is worth one answer");
  await person.decide(false);
  t.same([register(), register()], [[0x69, 0x85], [0x69, 0x85]]);
  t.equal(person.asked.length, 2, "a refusal holds while the host keeps coming");
  host.clock.pass(2001);
  t.same(register(), [0x69, 0x85]);
  t.equal(person.asked.length, 3);
  host.clock.pass(2001);
  register();
  t.equal(person.asked.length, 4, "a host that stayed away begins anew");
  t.same(host.events.map((event) => event.kind === "touch" && event.outcome), ["waiting", "approved", "waiting", "refused", "waiting", "cancelled", "waiting"]);
  host.send(channel, cbor, SELECTION);
  t.match(host.events.slice(-2), [{ outcome: "cancelled" }, { outcome: "waiting" }], "CTAP2 takes the person's attention");
});

t.test("U2F with a touch at once, and with none", (t) => {
  const willing = new WiredHost();
  t.same([...willing.ask(willing.open(), msg, REGISTER).data.subarray(-2)], [0x90, 0]);
  const never = new WiredHost({ approve: approveNever });
  const channel = never.open();
  for (let i = 0; i < 3; i++) t.same([...never.ask(channel, msg, REGISTER).data], [0x69, 0x85]);
  t.end();
});

t.test("closing", async (t) => {
  const person = new Person();
  const host = new WiredHost(person);
  host.send(host.open(), cbor, SELECTION);
  await host.card.close();
  t.equal(host.isClosed, true);
  t.equal(person.signal!.aborted, true);
  t.equal(host.clock.waiting, 0);
});
