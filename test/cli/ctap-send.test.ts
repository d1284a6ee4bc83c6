import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { ctap, getInfo, recordingCard, u2fCard } from "../support/ctap.ts";
import { answer, goodBut, udpCard, type Script } from "../support/hid-card.ts";
import { checkFailure, keyhole, temporaryDirectory, type Outcome } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);
const VIRTUAL = ["--device", "virtual:"];

function hexOf(text: unknown): string {
  return Buffer.from(String(text), "base64url").toString("hex");
}

t.test("--cbor, --msg and --hid: the answer raw and decoded", async (t) => {
  const [info, parameters, version, ping, wink] = await ctap(
    cwd,
    ["send", "--cbor", "04", ...VIRTUAL],
    ["send", "--cbor=0x6", "a2 0101 0202", ...VIRTUAL],
    ["send", "--msg", "00030000000000", ...VIRTUAL],
    ["send", "--hid", "01", "0102030405", ...VIRTUAL],
    ["send", "--hid", "06", "0102030405060708", ...VIRTUAL],
  );
  t.match(info, { status: 0, stdout: /^answer: 00[0-9a-f]+\nCTAP2_OK \(0x00\)\n\{1: \["U2F_V2", [^\n]+, 3: h'[0-9a-f]{32}', 4: \{[^\n]+\n$/, stderr: "" });
  t.match(parameters, { status: 0, stdout: /\nCTAP2_OK \(0x00\)\n\{1: \{1: 2, 3: -25, -1: 1, -2: h'[0-9a-f]{64}', -3: h'[0-9a-f]{64}'\}\}\n$/ });
  t.match(version, { status: 0, stdout: "answer: 5532465f56329000\nU2F_VERSION: 0x9000 (no error)\n  version: 5532465f5632\n" });
  t.match(ping, { status: 0, stdout: "answer: 0102030405\n" });
  t.match(wink, { status: 0, stdout: /^answer: 0102030405060708[0-9a-f]{18}\nchannel [0-9a-f]{8}, CTAPHID 2, [^\n]+\n$/ });
});

t.test("what the card says decides the exit status", async (t) => {
  const { uri } = await recordingCard(t, getInfo({}), ({ command }) => command);
  const [missing, excluded, unknown] = await ctap(cwd, ["send", "--cbor", "14", "--device", uri], ["send", "--cbor", "19", "--device", uri], ["send", "--cbor", "f2", "--device", uri]);
  t.match(missing, { status: 3, stdout: "answer: 14\nCTAP2_ERR_MISSING_PARAMETER (0x14)\n", stderr: /^error: card misses a parameter \(0x14\)\n$/ });
  t.match(excluded, { status: 1, stdout: "answer: 19\nCTAP2_ERR_CREDENTIAL_EXCLUDED (0x19)\n" });
  t.match(unknown, { status: 3, stdout: "answer: f2\nCTAP2_ERR_VENDOR (0xf2)\n" });

  const card = await u2fCard(t, (apdu) => apdu.slice(1, 3));
  const [touch, handle, none] = await ctap(cwd, ["send", "--msg", "00698500", "--device", card.uri], ["send", "--msg", "006a8000", "--device", card.uri], ["send", "--msg", "006d0000", "--device", card.uri]);
  t.match(touch, { status: 1, stdout: /0x6985 \(touch needed\)/, stderr: "error: card answered 0x6985 (touch needed)\n" });
  t.match(handle, { status: 1, stdout: /0x6a80/ });
  t.match(none, { status: 3, stdout: /0x6d00/ });
});

t.test("raw bytes are sent as they are, whatever they are", async (t) => {
  const sent: string[] = [];
  const take: Script = (request, wire) => {
    sent.push(Buffer.from(request.data).toString("hex"));
    answer(request, wire, Uint8Array.of(0));
  };
  const uri = `udp:127.0.0.1:${await udpCard(t, goodBut([0x10, take], [0x01, take], [0x41, take]))}`;
  const long = "ab".repeat(7608);
  const outcomes = await ctap(
    cwd,
    ["send", "--cbor", "01", "a2", "--device", uri],
    ["send", "--cbor", "FF", "9F01FF", "--device", uri],
    ["send", "--cbor", "0c", long, "--device", uri],
    ["send", "--hid", "41", "c0de", "--device", uri],
  );
  t.same(outcomes.map(({ status }) => status), [0, 0, 0, 0]);
  t.same([...sent].sort(), ["01a2", "ff9f01ff", `0c${long}`, "c0de"].sort());
});

t.test("as JSON", async (t) => {
  const [info, denied, version, ping, broken] = await ctap(
    cwd,
    ["send", "--json", "--cbor", "04", ...VIRTUAL],
    ["send", "--json", "--cbor", "01", "a0", ...VIRTUAL],
    ["send", "--json", "--msg", "00030000000000", ...VIRTUAL],
    ["send", "--json", "--hid", "01", "ff", ...VIRTUAL],
    ["send", "--json", "--hid", "40", ...VIRTUAL],
  );
  const [json, refusal, u2f, hid, error] = [info, denied, version, ping, broken].map((outcome) => JSON.parse(outcome!.stdout) as Record<string, unknown>);
  t.match(json, { kind: "cbor", command: 4, request: "BA", status: 0, statusName: "CTAP2_OK", decoded: { 1: ["U2F_V2", "FIDO_2_0", "FIDO_2_1"], 4: { rk: true } }, diagnostic: /^\{1: / });
  t.equal(hexOf(json?.response).slice(0, 2), "00");
  t.match(refusal, { command: 1, request: "AaA", status: 0x14, statusName: "CTAP2_ERR_MISSING_PARAMETER", response: "FA" });
  t.equal(refusal?.decoded, undefined);
  t.equal(denied?.stdout.split("\n").length, 2, "one object");
  t.match(u2f, { kind: "msg", status: 0x9000, statusName: "0x9000 (no error)", decoded: { version: Buffer.from("U2F_V2").toString("base64url") } });
  t.same(hid, { kind: "hid", command: 1, request: "_w", response: "_w" });
  t.match([broken?.status, error], [3, { error: { code: "CTAP1_ERR_INVALID_COMMAND" } }]);
});

t.test("an answer that is no CBOR, or not canonical", async (t) => {
  const { uri } = await recordingCard(t, Uint8Array.of(0, 0xa2, 3, 2, 2, 1), () => cborMap([1, 2]));
  const odd = await ctap(cwd, ["send", "--cbor", "04", "--device", uri], ["send", "--cbor", "04", "--json", "--device", uri]);
  t.match(odd[0], { status: 0, stdout: "answer: 00a203020201\nCTAP2_OK (0x00)\n{3: 2, 2: 1}\nnot canonical: map key out of order, at byte 3\n" });
  t.match(JSON.parse(odd[1]!.stdout), { decoded: { 2: 1, 3: 2 }, oddities: [{ offset: 3, message: "map key out of order" }] });
  const broken = await recordingCard(t, Uint8Array.of(0, 0xa2, 3), () => 0);
  const none = await ctap(cwd, ["send", "--cbor", "04", "--device", broken.uri], ["send", "--cbor", "04", "--json", "--device", broken.uri]);
  t.match(none[0], { status: 0, stdout: /^answer: 00a203\nCTAP2_OK \(0x00\)\nproblem: CBOR has the end/ });
  t.match(JSON.parse(none[1]!.stdout), { status: 0, problem: /CBOR/ });
  const empty = await recordingCard(t, new Uint8Array(), () => 0);
  const [nothing] = await ctap(cwd, ["send", "--cbor", "04", "--device", empty.uri]);
  checkFailure(t, nothing!, 3, /answer is 0 bytes, expected a status/);
});

t.test("hexadecimal from standard input", (t) => {
  const send = (input: string | Uint8Array, ...words: readonly string[]): Outcome => keyhole(["ctap", "send", ...words, ...VIRTUAL], { cwd, input });
  t.match(send("a2 01 01\n 02 02\n", "--cbor", "06", "-"), { status: 0, stdout: /CTAP2_OK/ });
  t.match(send("010203", "--hid", "01", "-"), { status: 0, stdout: "answer: 010203\n" });
  t.match(send("00030000000000", "--msg", "-"), { status: 0, stdout: /U2F_VERSION/ });
  t.match(send("", "--hid", "01", "-"), { status: 0, stdout: "answer: \n" });
  checkFailure(t, send("xyz", "--cbor", "06", "-"), 2, /standard input is not pairs of hexadecimal digits/);
  checkFailure(t, send(Uint8Array.of(0xff), "--cbor", "06", "-"), 2, /standard input is not UTF-8/);
  checkFailure(t, send("00".repeat(40_000), "--cbor", "06", "-"), 2, /longer than 65536 bytes/);
  t.end();
});

t.test("bad usage sends nothing", async (t) => {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  t.teardown(() => socket.close());
  let received = 0;
  socket.on("message", () => (received += 1));
  const bad: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /exactly one of --cbor, --msg and --hid/],
    [["04"], /exactly one of/],
    [["--cbor", "04", "--hid", "01"], /exactly one of/],
    [["--cbor", "04", "--msg", "00"], /exactly one of/],
    [["--msg", "00", "--hid", "01"], /exactly one of/],
    [["--cbor", "zz"], /--cbor is "zz", expected a hexadecimal byte from 00 to ff/],
    [["--cbor", ""], /--cbor is ""/],
    [["--cbor", "0x"], /--cbor is "0x"/],
    [["--cbor", "100"], /--cbor is "100"/],
    [["--cbor", "-1"], /--cbor is "-1"/],
    [["--hid", "80"], /--hid is "80", expected a hexadecimal byte from 00 to 7f/],
    [["--cbor", "04", "a"], /HEX "a" is not pairs of hexadecimal digits/],
    [["--cbor", "04", "0x00"], /HEX "0x00"/],
    [["--cbor", "04", "\u001b[2J"], /HEX "\\u001b\[2J"/],
    [["--hid", "01", "00:01"], /HEX "00:01"/],
    [["--msg", "0g"], /--msg "0g"/],
    [["--msg", "00", "00"], /--msg takes no further word/],
    [["--cbor", "04", "00", "00"], /takes no further word/],
    [["--cbor", "04", "00".repeat(7609)], /message is 7610 bytes, expected at most 7609/],
    [["--hid", "01", "00".repeat(7610)], /message is 7610 bytes/],
  ];
  const outcomes = await ctap(cwd, ...bad.map(([words]) => ["send", ...words, "--device", `udp:127.0.0.1:${socket.address().port}`, "--trace", "none"]));
  for (const [i, [words, message]] of bad.entries()) checkFailure(t, outcomes[i]!, 2, message, words.join(" "));
  t.equal(received, 0, "nothing was sent");
  t.notOk(existsSync(join(cwd, "none")), "and no trace begun");
});
