import t, { type Test } from "tap";
import { HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { answer, good, goodBut, udpCard, type Script } from "../support/hid-card.ts";
import { checkFailure, finish, keyhole, startKeyhole, type Outcome } from "../support/keyhole.ts";

async function ping(t: Test, script: Script, ...words: readonly string[]): Promise<Outcome> {
  const child = startKeyhole(["ctap", "ping", "--device", `udp:127.0.0.1:${await udpCard(t, script)}`, ...words]);
  child.stdin.end();
  return finish(child);
}

t.test("statistics", async (t) => {
  const { status, stdout, stderr } = await ping(t, good, "--count", "3", "--size", "200");
  t.equal(status, 0);
  t.match(stdout, /^udp:127\.0\.0\.1:\d+: 3 sent of 200 bytes, 3 answered, 0 lost, 0 wrong\nmin\/avg\/max\/stddev = \d+\.\d{3}\/\d+\.\d{3}\/\d+\.\d{3}\/\d+\.\d{3} ms\n$/);
  t.equal(stderr, "");
});

t.test("without options 10 of 64 bytes", (t) => {
  const { status, stdout } = keyhole(["ctap", "ping", "--device", "virtual:", "--json"]);
  t.equal(status, 0);
  t.match(JSON.parse(stdout), { device: "virtual:", size: 64, sent: 10, answered: 10, lost: 0, wrong: 0, minMs: Number, avgMs: Number, maxMs: Number, stddevMs: Number });
  t.end();
});

t.test("the shortest and the longest", (t) => {
  for (const size of ["0", "7609"]) t.equal(keyhole(["ctap", "ping", "--device", "virtual:", "--count", "1", "--size", size]).status, 0, `${size} bytes`);
  t.end();
});

t.test("each one, with -v", async (t) => {
  const { stderr } = await ping(t, good, "--count", "2", "-v");
  t.match(stderr, /^ping 1: \d+\.\d{3} ms\nping 2: \d+\.\d{3} ms\n$/);
});

t.test("a wrong answer", async (t) => {
  let pings = 0;
  const script = goodBut([HID_COMMAND.ping, (request, wire) => answer(request, wire, pings++ === 1 ? new Uint8Array(1) : request.data)]);
  const { status, stdout, stderr } = await ping(t, script, "--count", "3", "--json");
  t.equal(status, 3);
  t.match(JSON.parse(stdout), { sent: 3, answered: 2, lost: 0, wrong: 1, minMs: Number, error: { code: "CTAP_PING" } });
  t.match(stderr, /^error: 0 of 3 PINGs had no answer, and 1 another one than was sent\nhint: [^\n]+\n$/);
});

t.test("a lost one", async (t) => {
  let pings = 0;
  const script = goodBut([HID_COMMAND.ping, (request, wire) => (pings++ === 0 ? undefined : good(request, wire))]);
  const { status, stdout, stderr } = await ping(t, script, "--count", "2");
  t.equal(status, 3);
  t.match(stdout, /2 sent of 64 bytes, 1 answered, 1 lost, 0 wrong\n/);
  t.match(stderr, /^error: 1 of 2 PINGs had no answer/);
});

t.test("a card that falls silent is given up", async (t) => {
  let pings = 0;
  const script = goodBut([HID_COMMAND.ping, (request, wire) => (pings++ === 0 ? good(request, wire) : undefined)]);
  const { status, stdout, stderr } = await ping(t, script, "--count", "100", "--json");
  t.equal(status, 3);
  t.match(JSON.parse(stdout), { sent: 4, answered: 1, lost: 3, wrong: 0, error: { code: "CTAP_PING" } });
  t.equal(pings, 4);
  t.match(stderr, /^error: 3 of 4 PINGs had no answer, and 0 another one than was sent; 96 more were not sent, as the card has fallen silent\nhint: /);
});

t.test("numbers that are none", (t) => {
  for (const words of [["--count", "0"], ["--count", "x"], ["--count", "100001"], ["--size", "7610"], ["--size", "-1"]]) {
    checkFailure(t, keyhole(["ctap", "ping", "--device", "virtual:", ...words]), 2, new RegExp(`^error: ${words[0]!} is "${words[1]!}", expected a decimal number`), words.join(" "));
  }
  t.end();
});
