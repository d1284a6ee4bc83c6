import { createSocket } from "node:dgram";
import t, { type Test } from "tap";
import type { HidInterface } from "../../../src/lib/ctap/hid-interfaces.ts";
import { HID_COMMAND } from "../../../src/lib/ctap/packet.ts";
import { probeDevice, type DeviceProbeOptions, type DeviceProbeReport } from "../../../src/lib/ctap/probe-device.ts";
import { good, goodBut, scriptedNode, udpCard, type Script } from "../../support/hid-card.ts";
import { errorCodeOf } from "../errors.ts";

const CARD: HidInterface = {
  path: "/dev/hidraw0",
  vendorId: 0x1050,
  productId: 0x0407,
  serial: "1",
  vendor: "Yubico",
  product: "YubiKey",
  bus: 3,
  isUsb: true,
  usage: { page: 0xf1d0, id: 1 },
  kind: "fido",
  access: "granted",
};
const VENDOR: HidInterface = { ...CARD, path: "/dev/hidraw1", usage: { page: 0xff00, id: 1 }, kind: "vendor" };
const OTHER_CARD: HidInterface = { ...CARD, path: "/dev/hidraw2", serial: "2" };

/** A machine with these interfaces, of which the cards do as the script says. */
function machine(script: Script, ...interfaces: readonly HidInterface[]): DeviceProbeOptions {
  return { hid: { list: () => Promise.resolve(interfaces), open: () => Promise.resolve(scriptedNode(script)) } };
}

function states({ steps }: DeviceProbeReport): string {
  return steps.map(({ state }) => state[0]).join("");
}

/** `o` ok, `f` failed, `s` skipped, in the order of the steps. */
function check(t: Test, report: DeviceProbeReport, code: string, steps: string): void {
  t.equal(report.diagnosis.code, code, report.diagnosis.message);
  t.equal(states(report), steps);
}

t.test("the only card", async (t) => {
  const report = await probeDevice(undefined, machine(good, CARD, VENDOR));
  check(t, report, "ok", "oooooooso");
  t.equal(report.device, "hidraw:/dev/hidraw0");
  t.equal(report.interface, CARD);
  t.equal(report.steps[0]?.note, "/dev/hidraw0 (1050:0407 Yubico YubiKey)");
});

t.test("a card by its path", async (t) => {
  for (const uri of ["/dev/hidraw2", "hidraw:/dev/hidraw2"]) {
    const report = await probeDevice(uri, machine(good, CARD, OTHER_CARD));
    check(t, report, "ok", "oooooooso");
    t.equal(report.device, "hidraw:/dev/hidraw2");
  }
});

t.test("no card", async (t) => {
  const report = await probeDevice(undefined, machine(good));
  check(t, report, "no-device", "fssssssss");
  t.equal(report.diagnosis.status, 3);
  t.equal(report.diagnosis.message, "No CTAP HID devices found.");
  t.equal(report.device, undefined);
});

t.test("a card that is at another node now", async (t) => {
  const report = await probeDevice("/dev/hidraw7", machine(good, CARD));
  check(t, report, "no-device", "fssssssss");
  t.match(report.diagnosis.hint, /node numbers change .* \/dev\/hidraw0 /);
});

t.test("several cards", async (t) => {
  const report = await probeDevice(undefined, machine(good, CARD, OTHER_CARD));
  check(t, report, "several-devices", "fssssssss");
  t.equal(report.diagnosis.status, 2);
  t.match(report.diagnosis.message, /\/dev\/hidraw0 .*, \/dev\/hidraw2 /);
});

t.test("a vendor interface, nothing being sent to it", async (t) => {
  const mustNotOpen: Script = () => t.fail("sent");
  const named = await probeDevice("/dev/hidraw1", machine(mustNotOpen, CARD, VENDOR));
  check(t, named, "vendor-interface", "fssssssss");
  t.equal(named.diagnosis.status, 3);
  t.match(named.diagnosis.hint, /FIDO interface of the same card is \/dev\/hidraw0/);
  const alone = await probeDevice(undefined, machine(mustNotOpen, VENDOR));
  check(t, alone, "vendor-interface", "fssssssss");
  t.match(alone.diagnosis.message, /\/dev\/hidraw1/);
  const gone = await probeDevice("/dev/hidraw7", machine(mustNotOpen, VENDOR));
  check(t, gone, "no-device", "fssssssss");
});

t.test("a card that this user may not open", async (t) => {
  const report = await probeDevice(undefined, machine(good, { ...CARD, access: "denied" }));
  check(t, report, "permission-denied", "ofsssssss");
  t.equal(report.diagnosis.status, 3);
  t.match(report.diagnosis.hint, 'ATTRS{idVendor}=="1050", ATTRS{idProduct}=="0407"');
  t.equal(report.device, "hidraw:/dev/hidraw0");
});

t.test("a card without a node", async (t) => {
  check(t, await probeDevice(undefined, machine(good, { ...CARD, access: "missing" })), "node-missing", "ofsssssss");
});

t.test("a node that does not open", async (t) => {
  const { hid } = machine(good, CARD);
  check(t, await probeDevice(undefined, { hid: { ...hid, open: () => Promise.reject(new Error("No such file or directory")) } }), "lost", "oofssssss");
  check(t, await probeDevice(undefined, { hid: { ...hid, open: () => Promise.reject(new Error("Operation not permitted")) } }), "permission-denied", "oofssssss");
});

t.test("a card that goes away during the probe", async (t) => {
  const leave: Script = goodBut([HID_COMMAND.ping, (_request, wire) => wire.unplug()]);
  const cases: readonly (readonly [string, readonly HidInterface[], RegExp])[] = [
    ["for good", [], /is gone/],
    ["and comes back under another number", [{ ...CARD, path: "/dev/hidraw5" }], /it is back as \/dev\/hidraw5/],
    ["and comes back as it was", [CARD], /it is back under the same node/],
    ["while another card is there", [OTHER_CARD], /is gone/],
  ];
  for (const [name, after, message] of cases) {
    let lists = 0;
    const hid = { list: () => Promise.resolve(lists++ === 0 ? [CARD] : after), open: () => Promise.resolve(scriptedNode(leave)) };
    const report = await probeDevice(undefined, { hid, bounds: { back: 250 } });
    check(t, report, "lost", "oooofssss");
    t.match(report.diagnosis.message, message, name);
    t.equal(report.diagnosis.status, 3);
  }
});

t.test("a card behind UDP", async (t) => {
  const report = await probeDevice(`udp:127.0.0.1:${await udpCard(t, good)}`);
  check(t, report, "ok", "ssoooooso");
  t.equal(report.interface, undefined);
});

t.test("an address where nobody is", async (t) => {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => void socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  const taken = await probeDevice(`udp:127.0.0.1:1,${port}`);
  check(t, taken, "port-in-use", "ssfssssss");
  await new Promise<void>((resolve) => void socket.close(resolve));
  const udp = await probeDevice(`udp:127.0.0.1:${port}`);
  check(t, udp, "unreachable", "ssofsssss");
  const tcp = await probeDevice(`tcp:127.0.0.1:${port}`);
  check(t, tcp, "unreachable", "ssfssssss");
  t.equal(tcp.diagnosis.status, 3);
});

t.test("an address that swallows everything ends within its bound", async (t) => {
  // An address for documents, where nobody is (RFC 5737); some networks refuse it at once.
  check(t, await probeDevice("tcp:192.0.2.1:35962", { bounds: { open: 50 } }), "unreachable", "ssfssssss");
});

t.test("what passes can be recorded", async (t) => {
  let sent = 0;
  const report = await probeDevice(`udp:127.0.0.1:${await udpCard(t, good)}`, {
    wrap: (transport) => ({
      name: transport.name,
      send: (bytes) => {
        sent += 1;
        return transport.send(bytes);
      },
      receive: (signal) => transport.receive(signal),
      close: () => transport.close(),
    }),
  });
  check(t, report, "ok", "ssoooooso");
  t.equal(sent, 6, "INIT, PING in two packets, WINK, getInfo and VERSION");
});

t.test("what is no card's fault is thrown", async (t) => {
  t.equal(await errorCodeOf(probeDevice("usb:1")), "USAGE_DEVICE");
  const aborted = AbortSignal.abort(new Error("enough"));
  await t.rejects(probeDevice(undefined, { ...machine(good, CARD), signal: aborted }), { message: "enough" });
  await t.rejects(probeDevice("tcp:192.0.2.1:35962", { signal: aborted }), { message: "enough" });
  await t.rejects(probeDevice(undefined, { hid: { list: () => Promise.reject(new Error("a bug")) } }), { message: "a bug" });
});
