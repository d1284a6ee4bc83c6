import { createSocket } from "node:dgram";
import t from "tap";
import { BAD_CARDS } from "../support/bad-cards.ts";
import { good, tcpCard, udpCard } from "../support/hid-card.ts";
import { checkFailure, finish, keyhole, keyholeForEach, startKeyhole, type Outcome } from "../support/keyhole.ts";

function wink(...words: readonly string[]): Promise<Outcome> {
  const child = startKeyhole(["ctap", "wink", ...words]);
  child.stdin.end();
  return finish(child);
}

t.test("devices that are none: exit 2", async (t) => {
  const devices = ["", "hidraw", "hidraw:", "usb:", "virtual", "udp:127.0.0.1", "udp:127.0.0.1:0", "udp:127.0.0.1:65536", "udp:127.0.0.1:8111,x", "udp:::1:8111", "tcp:", "tcp:localhost", "tcp:localhost:99999"];
  for (const [device, outcome] of await keyholeForEach(devices, (device) => [["ctap", "wink", "--device", device], {}])) checkFailure(t, outcome, 2, /^error: device "/, JSON.stringify(device));
});

t.test("the environment names a device", async (t) => {
  const child = startKeyhole(["ctap", "wink"], { env: { KEYHOLE_DEVICE: "virtual:" } });
  child.stdin.end();
  t.match(await finish(child), { status: 0, stdout: "the card winked\n" });
});

t.test("wink over every transport", async (t) => {
  const devices = ["virtual:", `udp:127.0.0.1:${await udpCard(t, good)}`, `udp:localhost:${await udpCard(t, good)}`, `tcp:127.0.0.1:${await tcpCard(t, good)}`];
  for (const device of devices) t.match(await wink("--device", device), { status: 0, stdout: "the card winked\n", stderr: "" }, device);
  const { stdout } = await wink("--device", "virtual:", "--json");
  t.same(JSON.parse(stdout), { device: "virtual:", winked: true });
});

t.test("a card that cannot wink", async (t) => {
  const port = await udpCard(t, BAD_CARDS["of U2F alone"]!.script());
  checkFailure(t, await wink("--device", `udp:127.0.0.1:${port}`), 3, /^error: card cannot wink/);
});

t.test("no card: exit 3", async (t) => {
  checkFailure(t, await wink("--device", "/dev/hidraw99"), 3, /^error: \/dev\/hidraw99 is not a HID device of this machine$/);
  checkFailure(t, await wink("--device", "/dev/null"), 3, /^error: \/dev\/null is not a HID device of this machine$/);
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => void socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  checkFailure(t, await wink("--device", `udp:127.0.0.1:1,${port}`), 3, /^error: UDP port \d+, where .* answers, cannot be had: another program has it \(EADDRINUSE\)$/);
  await new Promise<void>((resolve) => void socket.close(resolve));
  for (const scheme of ["udp", "tcp"]) checkFailure(t, await wink("--device", `${scheme}:127.0.0.1:${port}`), 3, /cannot be reached: nobody listens there \(ECONNREFUSED\)$/);
  const { stdout } = await wink("--device", `tcp:127.0.0.1:${port}`, "--json");
  t.match(JSON.parse(stdout), { error: { code: "CTAP_UNREACHABLE", message: String, hint: String } });
});

t.test("selection", async (t) => {
  t.match(keyhole(["ctap", "selection", "--device", "virtual:"]), { status: 0, stdout: "the card was touched\n" });
  t.same(JSON.parse(keyhole(["ctap", "selection", "--device", "virtual:", "--json"]).stdout), { device: "virtual:", selected: true });
  for (const name of ["of U2F alone", "with a getInfo that is not canonical"]) {
    const port = await udpCard(t, BAD_CARDS[name]!.script());
    const child = startKeyhole(["ctap", "selection", "--device", `udp:127.0.0.1:${port}`]);
    child.stdin.end();
    checkFailure(t, await finish(child), 3, /^error: card cannot wait for a selection: it does not have the version FIDO_2_1$/, name);
  }
});
