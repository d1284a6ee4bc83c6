import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { ctap, getInfo, recordingCard } from "../support/ctap.ts";
import { udpCard } from "../support/hid-card.ts";
import { temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { checkFields, type Fields } from "./documented-fields.ts";

// The same as fields.test.ts, for raw bytes and recorded conversations.

const OUTPUT = "OUTPUT FORMAT";

const cwd = temporaryDirectory(t);

async function runJson(...words: readonly string[]): Promise<Fields> {
  const [outcome] = await ctap(cwd, [...words, "--json"]);
  return JSON.parse(outcome!.stdout) as Fields;
}

t.test("send", async (t) => {
  const odd = await recordingCard(t, Uint8Array.of(0, 0xa2, 3, 2, 2, 1));
  const broken = await recordingCard(t, Uint8Array.of(0, 0xa2));
  const answers = [
    await runJson("send", "--cbor", "04", "--device", odd.uri),
    await runJson("send", "--cbor", "04", "--device", broken.uri),
    await runJson("send", "--msg", "00030000000000", "--device", "virtual:"),
    await runJson("send", "--hid", "01", "00", "--device", "virtual:"),
  ];
  checkFields(t, answers, "keyhole-ctap-send.1", OUTPUT);
  t.end();
});

t.test("trace", async (t) => {
  const page = "keyhole-ctap-trace.1";
  const { uri } = await recordingCard(t, getInfo({}, [0x19, new Uint8Array(16).fill(7)]));
  const broken = await recordingCard(t, Uint8Array.of(0, 0xa2));
  const lost = `udp:127.0.0.1:${await udpCard(t, (_request, wire) => wire.unplug())}`;
  await ctap(
    cwd,
    ["send", "--cbor", "04", "--device", uri, "--trace", "whole"],
    ["send", "--cbor", "04", "--device", broken.uri, "--trace", "broken"],
    ["send", "--cbor", "04", "--device", lost, "--trace", "lost"],
  );
  const [redacted] = await ctap(cwd, ["trace", "redact", "whole"]);
  const files = ["whole", "broken", "lost"].map((name) => readFileSync(join(cwd, name), "utf8"));
  const lines = [...files, redacted!.stdout, '{"event":"error","code":"CTAP_DEVICE_LOST","message":"gone"}\n'].flatMap((text) => text.trimEnd().split("\n").map((line) => JSON.parse(line) as Fields));
  checkFields(t, lines.filter(({ event }) => event === undefined), page, "TRACE FORMAT", 0);
  checkFields(t, lines.filter(({ event }) => event !== undefined).map((line) => Object.fromEntries(Object.entries(line).filter(([name]) => name !== "time"))), page, "TRACE FORMAT", 1);

  writeFiles(cwd, { all: lines.map((line) => `${JSON.stringify(line)}\n`).join("") });
  checkFields(t, [await runJson("trace", "show", "all")], page, OUTPUT, 0);
  checkFields(t, [await runJson("trace", "redact", "all")], page, OUTPUT, 1);
  t.end();
});
