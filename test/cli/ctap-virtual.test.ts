import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import t, { type Test } from "tap";
import { REBOOT_DATAGRAM } from "../../src/lib/ctap/authenticator/udp.ts";
import { openUdp } from "../../src/lib/ctap/transport/udp.ts";
import { CtapDevice } from "../../src/lib/ctap/device.ts";
import { HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { checkFailure, finish, keyhole, startKeyhole, temporaryDirectory, type Outcome } from "../support/keyhole.ts";
import { atTerminal } from "../support/terminal.ts";

interface Running {
  readonly port: number;
  readonly device: string;
  /** Ends it and gives what it said and how it ended. */
  stop(signal?: NodeJS.Signals): Promise<Outcome & { readonly signal: NodeJS.Signals | null }>;
}

async function start(t: Test, words: readonly string[] = [], cwd?: string): Promise<Running> {
  const child = startKeyhole(["ctap", "virtual", "--udp", "0", "--json", ...words], cwd === undefined ? {} : { cwd });
  t.teardown(() => child.kill("SIGKILL"));
  const ended = finish(child);
  const { device } = JSON.parse(await firstLine(child)) as { readonly device: string };
  return {
    device,
    port: Number(/:(\d+)$/.exec(device)![1]),
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

async function firstLine({ stdout }: ChildProcessWithoutNullStreams): Promise<string> {
  let text = "";
  while (!text.includes("\n")) text += String(((await once(stdout, "data")) as [Buffer])[0]);
  return text;
}

async function connect(t: Test, { port }: Running): Promise<CtapDevice> {
  const device = await CtapDevice.open(await openUdp({ host: "127.0.0.1", port }));
  t.teardown(() => device.close());
  return device;
}

const SELECTION = Uint8Array.of(0x0b);
const RESET = Uint8Array.of(0x07);

t.test("hosts use it by UDP", async (t) => {
  const directory = temporaryDirectory(t);
  const card = await start(t);
  t.match(card.device, /^udp:127\.0\.0\.1:\d+$/);
  const made = keyhole(["ctap", "make-credential", "--device", card.device, "--rp-id", "example.com", "--user-name", "alice", "--discoverable", "--out", "cred"], { cwd: directory });
  t.equal(made.status, 0, made.stderr);
  const used = keyhole(["ctap", "get-assertion", "--device", card.device, "--rp-id", "example.com", "--credential", "cred"], { cwd: directory });
  t.equal(used.status, 0, used.stderr);
  const { status, stderr, stdout } = await card.stop();
  t.equal(status, 0, "SIGTERM ends it well");
  t.equal(stdout, `{"device":"${card.device}"}\n`);
  t.equal(
    stderr,
    [
      "software authenticator for tests and learning: it protects nothing that is kept in it",
      "what it holds is gone when it ends",
      `ready at ${card.device}; Ctrl-C ends it`,
      "touched to make a credential for example.com",
      "touched to sign for example.com",
      "",
    ].join("\n"),
  );
});

t.test("a state", async (t) => {
  const directory = temporaryDirectory(t);
  const state = join(directory, "card");
  const first = await start(t, ["--state", "card", "-q"], directory);
  t.same(await (await connect(t, first)).transact(HID_COMMAND.cbor, Uint8Array.of(0x0d, 0xa1, 0x01, 0x02)), Uint8Array.of(0), "always-uv on");
  const outcome = await first.stop();
  t.equal(outcome.stdout, `{"device":"${first.device}","state":"card"}\n`);
  t.equal(outcome.stderr, "", "-q says nothing");
  t.equal(statSync(state).mode & 0o777, 0o600);
  t.match(JSON.parse(readFileSync(state, "utf8")), { alwaysUv: true });
  t.equal(existsSync(`${state}.lock`), false);
  const info = keyhole(["ctap", "info", "--json", "--device", "virtual:card"], { cwd: directory });
  t.match(info.stdout, /"alwaysUv":true/, "is there for virtual:FILE");

  const both = [await start(t, ["--state", "card"], directory), await start(t, ["--state", "card"], directory)];
  const devices = [await connect(t, both[0]!), await connect(t, both[1]!)];
  const toggles = Array.from({ length: 21 }, (_, i) => devices[i % 2]!.transact(HID_COMMAND.cbor, Uint8Array.of(0x0d, 0xa1, 0x01, 0x02)));
  // One request at a time on a channel, and two channels at once.
  for (const answer of toggles) t.same(await answer, Uint8Array.of(0));
  t.match(JSON.parse(readFileSync(state, "utf8")), { alwaysUv: false }, "two of them at once take turns");
});

t.test("signals", async (t) => {
  t.match(await (await start(t)).stop("SIGINT"), { status: 130, signal: null });
  const waiting = await start(t, ["--approve", "never"]);
  const answer = (await connect(t, waiting)).transact(HID_COMMAND.cbor, SELECTION, { silenceMs: 1000 });
  answer.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.match(await waiting.stop(), { status: 0, signal: null }, "while a touch is waited for");
  await t.rejects(answer);
});

t.test("a touch after some time", async (t) => {
  const card = await start(t, ["--approve", "after:250"]);
  const device = await connect(t, card);
  const keepalives: string[] = [];
  t.same(await device.transact(HID_COMMAND.cbor, SELECTION, { onKeepalive: (status) => keepalives.push(status) }), Uint8Array.of(0));
  t.ok(keepalives.length >= 2 && keepalives.every((status) => status === "up-needed"), String(keepalives));
  const { stderr } = await card.stop();
  t.match(stderr, "waiting for a touch to choose this key\ntouched to choose this key\n");
});

t.test("never a touch, cancel, wink, and the reboot datagram", async (t) => {
  const card = await start(t, ["--approve", "never"]);
  const device = await connect(t, card);
  await t.rejects(device.transact(HID_COMMAND.cbor, SELECTION, { timeoutMs: 300 }), { code: "CTAP_USER_TIMEOUT" });
  await device.transact(HID_COMMAND.wink, new Uint8Array());
  const socket = createSocket("udp4");
  socket.send(REBOOT_DATAGRAM, card.port, "127.0.0.1", () => socket.close());
  const invalid = async (): Promise<void> => {
    for (;;) await device.transact(HID_COMMAND.ping, new Uint8Array());
  };
  await t.rejects(invalid(), { code: "CTAP1_ERR_INVALID_CHANNEL" });
  const { stderr } = await card.stop();
  t.match(stderr, "waiting for a touch to choose this key\nno touch is wanted any more to choose this key\nwink\npower was taken away and came back\n");
});

t.test("a person who is asked", async (t) => {
  const yes = await atTerminal(["ctap", "virtual", "--udp", "0", "--approve", "ask"], [{ expect: "Ctrl-C ends it", send: "\u0003" }]);
  t.match(yes, { status: 130, missed: null }, "Ctrl-C ends it where there is no question");
  t.notMatch(yes.screen, "Touch the key");
});

t.test("a person who is asked, and answers", async (t) => {
  const directory = temporaryDirectory(t);
  const port = await freePort();
  const session = atTerminal(
    ["ctap", "virtual", "--udp", String(port), "--approve", "ask", "--state", "card"],
    [
      { expect: "choose this key? [y/N] ", send: "n\r" },
      { expect: "choose this key? [y/N] ", send: "y\r" },
      { expect: "erase everything? [y/N] ", send: "\u0003" },
    ],
    { cwd: directory },
  );
  const device = await connectWhenReady(t, port, join(directory, "card"));
  t.same(await device.transact(HID_COMMAND.cbor, SELECTION), Uint8Array.of(0x27));
  t.same(await device.transact(HID_COMMAND.cbor, SELECTION), Uint8Array.of(0x00));
  const reset = device.transact(HID_COMMAND.cbor, RESET, { silenceMs: 1000 });
  reset.catch(() => undefined);
  const { status, screen, missed, echo } = await session;
  t.match({ status, missed, echo }, { status: 130, missed: null, echo: true }, "Ctrl-C at a question ends it");
  t.match(screen, "refused to choose this key");
  t.match(screen, "touched to choose this key");
  t.notMatch(screen, "touched to erase everything");
  await t.rejects(reset);
});

/** One that nobody had a moment ago. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => void socket.close(resolve));
  return port;
}

async function connectWhenReady(t: Test, port: number, state: string): Promise<CtapDevice> {
  while (!existsSync(state)) await new Promise((resolve) => setTimeout(resolve, 20));
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect(t, { port } as Running);
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

t.test("what is refused", (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "other"), "an SSH key, perhaps\n");
  const run = (...words: readonly string[]): Outcome => keyhole(["ctap", "virtual", ...words], { cwd: directory });
  checkFailure(t, run("--approve", "sometimes"), 2, /^error: --approve is "sometimes", expected always, never, ask or after:MS$/);
  checkFailure(t, run("--approve", "after:1s"), 2, /after:MS$/);
  checkFailure(t, run("--approve", "ask"), 2, /needs a terminal/);
  for (const port of ["x", "65536", "08111", "8111,0"]) checkFailure(t, run(`--udp=${port}`), 2, /^error: --udp is/, port);
  checkFailure(t, run("--udp", "0", "--uhid"), 2, /--uhid does not go with --udp/);
  checkFailure(t, run("--udp", "0", "--state", "other"), 2, /other is not the state of a virtual authenticator/);
  t.equal(readFileSync(join(directory, "other"), "utf8"), "an SSH key, perhaps\n");
  checkFailure(t, run("--udp", "0", "--state", "no/such/directory"), 3, /cannot be written/);
  checkFailure(t, run("word"), 2, /takes no further word/);
  t.end();
});

t.test("a port that another one has", async (t) => {
  const { port } = await start(t);
  checkFailure(t, keyhole(["ctap", "virtual", "--udp", String(port)]), 3, /UDP port \d+ of 127.0.0.1 cannot be had/);
});
