import { readFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { encodeCbor } from "../../src/lib/ctap/cbor.ts";
import { HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { PROBE_STEPS } from "../../src/lib/ctap/probe-steps.ts";
import { BAD_CARDS } from "../support/bad-cards.ts";
import { GET_INFO, good, goodBut, tcpCard, udpCard, type Script } from "../support/hid-card.ts";
import { ctap, virtualCard } from "../support/ctap.ts";
import { checkFailure, finish, keyhole, startKeyhole, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

interface Report {
  readonly device: Readonly<Record<string, unknown>>;
  readonly steps: readonly { readonly name: string; readonly ok?: boolean; readonly state: string; readonly ms: number; readonly note?: string }[];
  readonly diagnosis: { readonly code: string; readonly message: string; readonly hint: string };
  readonly warnings: readonly { readonly code: string }[];
}

function run(...words: readonly string[]): Promise<Outcome> {
  const child = startKeyhole(["ctap", "probe", ...words]);
  child.stdin.end();
  return finish(child);
}

async function probe(t: Test, script: Script, ...words: readonly string[]): Promise<readonly [Outcome, Report]> {
  const outcome = await run("--device", `udp:127.0.0.1:${await udpCard(t, script)}`, "--json", ...words);
  return [outcome, JSON.parse(outcome.stdout) as Report];
}

/** Of each way to fail one; together they take as long as the slowest. */
const SOME = [
  "a good one",
  "mute",
  "half-mute",
  "answering with a wrong nonce",
  "answering PING on another channel",
  "talking to others alone",
  "busy on another channel",
  "in keepalives for ever",
  "dead in the middle of an answer",
  "saying everything twice",
  "counting packets wrong",
  "behind Qubes' proxy",
  "of U2F alone",
  "with a getInfo that is not CBOR",
  "with a getInfo that is not canonical",
  "with a getInfo whose text is in chunks",
  "with built-in verification and no PIN/UV protocol",
  "with a blocked PIN",
  "that wants to be without power before the next PIN",
];

t.test("bad cards, by the built program", async (t) => {
  await Promise.all(
    SOME.map(async (name) => {
      const { script, code, status } = BAD_CARDS[name]!;
      const [outcome, { diagnosis, steps }] = await probe(t, script());
      t.equal(outcome.status, status, `${name}: exit status`);
      t.equal(diagnosis.code, code, `${name}: ${diagnosis.message}`);
      t.equal(outcome.stderr, "");
      t.ok(steps.reduce((sum, { ms }) => sum + ms, 0) < 10_000, `${name}: within 10 seconds`);
    }),
  );
});

t.test("a card that goes away, over TCP", async (t) => {
  const port = await tcpCard(t, BAD_CARDS["gone in the middle of getInfo"]!.script());
  const { status, stdout } = await run("--device", `tcp:127.0.0.1:${port}`, "--json");
  t.equal(status, 3);
  t.equal((JSON.parse(stdout) as Report).diagnosis.code, "lost");
});

t.test("for people", async (t) => {
  const uri = `udp:127.0.0.1:${await udpCard(t, BAD_CARDS["changing what PING carries"]!.script())}`;
  const { status, stdout, stderr } = await run("--device", uri);
  t.equal(status, 0);
  t.equal(stderr, "");
  const expected = [
    `device       ${uri}`,
    "enumerate    skipped              no HID device of this machine",
    "permission   skipped              no HID device of this machine",
    `open         ok          N ms  ${uri}`,
    "init         ok          N ms  channel 0x00c0ffee, device 1.2.3, WINK CBOR MSG",
    "ping         failed      N ms  the answer to PING is not what was sent: 100 bytes came back for 100",
    "wink         ok          N ms  the card blinks, if it has a light",
    `get-info     ok          N ms  U2F_V2 FIDO_2_0 FIDO_2_1, ${encodeCbor(GET_INFO).length} bytes`,
    "pin-retries  skipped              no PIN is set",
    "u2f-version  ok          N ms  U2F_V2",
    "",
    "diagnosis: ping-echo",
    "  the answer to PING is not what was sent: 100 bytes came back for 100",
    "  next: commands may work all the same; update the card's firmware, or tell its maker",
    "",
  ];
  t.equal(stdout.replace(/ +[0-9.]+ ms/g, "      N ms").replace(/(ok|failed) +N/g, (_, state: string) => `${state.padEnd(6)}      N`), expected.join("\n"));
});

t.test("what a card says does nothing to the terminal", async (t) => {
  const evil = goodBut([HID_COMMAND.msg, (request, wire) => good({ ...request, command: HID_COMMAND.msg }, { ...wire, send: (report) => wire.send(report.with(7, 0x1b)) })]);
  const { stdout } = await run("--device", `udp:127.0.0.1:${await udpCard(t, evil)}`);
  t.match(stdout, "u2f-version  ok");
  t.match(stdout, "\\x1b2F_V2");
  t.notMatch(stdout, "\u001b");
});

t.test("with --json", async (t) => {
  const [{ status }, report] = await probe(t, good);
  t.equal(status, 0);
  t.same(report.steps.map(({ name }) => name), PROBE_STEPS);
  t.same(new Map(report.steps.map(({ ok, state }) => [state, ok])), new Map([["skipped", undefined], ["ok", true]]), "a step that was skipped went neither well nor badly");
  t.ok(report.steps.every(({ ms }) => ms >= 0));
  t.match(report.device, { uri: /^udp:/, ctaphidVersion: 2, deviceVersion: "1.2.3", wink: true, cbor: true, msg: true, versions: ["U2F_V2", "FIDO_2_0", "FIDO_2_1"] });
  t.same(report.warnings, []);
});

t.test("Qubes' proxy with --lenient", async (t) => {
  const [{ status }, { diagnosis }] = await probe(t, BAD_CARDS["behind Qubes' proxy"]!.script(), "--lenient");
  t.same([status, diagnosis.code], [0, "ok"]);
});

t.test("the software authenticator", (t) => {
  const { status, stdout } = keyhole(["ctap", "probe", "--device", "virtual:", "--json"]);
  t.equal(status, 0);
  t.match(JSON.parse(stdout), { diagnosis: { code: "ok" }, warnings: [] });
  t.end();
});

t.test("a PIN that wrong ones have blocked", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { pin: "7392\n", wrong: "0000\n" });
  const probed = async (device: string): Promise<readonly unknown[]> => {
    const [outcome] = await ctap(cwd, ["probe", "--device", device, "--json"]);
    const { diagnosis, steps } = JSON.parse(outcome!.stdout) as Report;
    return [outcome!.status, diagnosis.code, steps.find(({ name }) => name === "pin-retries")?.note];
  };
  const wrongPin = (device: string): Promise<unknown> => ctap(cwd, ["credentials", "list", "--device", device, "--pin-file", "wrong"]);
  const uri = await virtualCard(t, "--state", join(cwd, "card"));
  await ctap(cwd, ["pin", "set", "--device", uri, "--new-pin-file", "pin"]);
  t.same(await probed(uri), [0, "ok", "8 tries left"]);
  for (let i = 0; i < 3; i++) await wrongPin(uri);
  t.same(await probed(uri), [0, "pin-power-cycle", "5 tries left, once it was without power"]);
  t.same(await probed(uri), [0, "pin-power-cycle", "5 tries left, once it was without power"], "a probe is no try");
  // Each process has the card without power before it.
  t.same(await probed("virtual:card"), [0, "ok", "5 tries left"]);
  for (let i = 0; i < 5; i++) await wrongPin("virtual:card");
  t.same(await probed("virtual:card"), [0, "pin-blocked", "0 tries left"]);
});

t.test("Ctrl-C ends it", async (t) => {
  const child = startKeyhole(["ctap", "probe", "--device", `udp:127.0.0.1:${await udpCard(t, () => child.kill("SIGINT"))}`]);
  const { status, stdout, stderr } = await finish(child);
  t.same([status, stdout, stderr], [130, "", ""]);
});

t.test("devices that are none", (t) => {
  checkFailure(t, keyhole(["ctap", "probe", "--device", "usb:1050"]), 2, /^error: device "usb:1050" names no known kind of device$/);
  const { status, stdout } = keyhole(["ctap", "probe", "--device", "/dev/hidraw99", "--json"]);
  t.equal(status, 3);
  t.match(JSON.parse(stdout), { diagnosis: { code: "no-device", message: "/dev/hidraw99 is not a HID device of this machine" } });
  t.end();
});

t.test("the conversation is recorded", (t) => {
  const cwd = temporaryDirectory(t);
  t.equal(keyhole(["ctap", "probe", "--device", "virtual:", "--trace", "trace"], { cwd }).status, 0);
  const commands = readFileSync(join(cwd, "trace"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  t.ok(commands.length >= 12, "requests and answers");
  checkFailure(t, keyhole(["ctap", "probe", "--device", "virtual:", "--trace", "trace"], { cwd }), 3, /trace exists/);
  t.end();
});
