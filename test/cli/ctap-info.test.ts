import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { checkFailure, temporaryDirectory } from "../support/keyhole.ts";
import { ctap, getInfo, recordingCard, u2fCard } from "../support/ctap.ts";

const cwd = temporaryDirectory(t);

type Info = Readonly<Record<string, unknown>>;

function parse(stdout: string): Info {
  return JSON.parse(stdout) as Info;
}

t.test("the software authenticator", async (t) => {
  const [text, json, quiet] = await ctap(cwd, ["info", "--device", "virtual:"], ["info", "--device", "virtual:", "--json"], ["info", "-q", "-dvirtual:"]);
  t.match(text, { status: 0, stderr: "" });
  t.match(text!.stdout, /^device: +virtual:$/m);
  t.match(text!.stdout, /^ctaphid: +version 2, device version [0-9.]+, capabilities WINK CBOR MSG \(0x05\)$/m);
  t.match(text!.stdout, /^versions: +.*\bFIDO_2_1\b/m);
  t.match(text!.stdout, /^aaguid: +[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/m);
  t.match(text!.stdout, /^options:\n( {2}.*\n)+/m);
  t.match(text!.stdout, /^ {2}clientPin: +supported, not set$/m);
  t.match(text!.stdout, /^ {2}rk: +supported$/m);
  t.match(text!.stdout, /^algorithms: +es256 \(-7\), /m);
  t.match(text!.stdout, /^maxMsgSize: +[0-9]+ bytes$/m);
  t.equal(quiet!.stdout, text!.stdout);
  t.match(parse(json!.stdout), {
    device: "virtual:",
    ctaphid: { version: 2, wink: true, cbor: true, msg: true },
    versions: ["U2F_V2", "FIDO_2_0", "FIDO_2_1"],
    options: { rk: true, clientPin: false },
    algorithms: [{ type: "public-key", alg: -7, name: "es256" }],
    unknown: {},
    oddities: [],
  });
  t.end();
});

t.test("what has no name is shown as it came", async (t) => {
  const info = getInfo(
    { uv: true, plat: false, "new\u001boption": true },
    [0x0a, [cborMap(["type", "public-key"], ["alg", -65535])]],
    [0x12, 0x0202],
    [0x13, cborMap(["FIPS-CMVP-2", 1])],
    [0x63, [Uint8Array.of(1, 2), "te\u202ext"]],
    ["name", 5],
  );
  const { uri, messages } = await recordingCard(t, info);
  const [text, json] = await ctap(cwd, ["info", "-d", uri], ["info", "--json", "-d", uri]);
  t.match(text, { status: 0, stderr: "" });
  t.match(text!.stdout, /^unknown key 99: +\[h'0102', "te\\u202ext"\]$/m);
  t.match(text!.stdout, /^unknown key "name": +5$/m);
  t.match(text!.stdout, /^ {2}uv: +supported and set$/m);
  t.match(text!.stdout, /^ {2}plat: +not supported$/m);
  t.match(text!.stdout, /^ {2}new\\x1boption: +supported$/m, "what a card says does nothing to a terminal");
  t.match(text!.stdout, /^algorithms: +-65535 \(-65535\)$/m);
  t.match(text!.stdout, /^uvModality: +fingerprint, none \(0x202\)$/m);
  t.match(text!.stdout, /^certifications: +FIPS-CMVP-2 1$/m);
  t.match(parse(json!.stdout), { unknown: { 99: ["AQI", "te\u202ext"], name: 5 }, uvModality: 0x0202, certifications: { "FIPS-CMVP-2": 1 } });
  t.equal(messages.length, 4, "INIT and getInfo, and nothing else, for each");
  t.end();
});

t.test("getInfo that is not canonical is read, with a warning", async (t) => {
  // The map's key, 1, is in two bytes.
  const { uri } = await recordingCard(t, Buffer.from("00a118018168" + Buffer.from("FIDO_2_0").toString("hex"), "hex"));
  const [text, json, quiet] = await ctap(cwd, ["info", "-d", uri], ["info", "--json", "-q", "-d", uri], ["info", "-q", "-d", uri]);
  t.match(text, { status: 0, stderr: /^warning: getInfo is not canonical CBOR: .* at byte 1\n$/ });
  t.match(text!.stdout, /^versions: +FIDO_2_0$/m);
  t.match(parse(json!.stdout).oddities, [{ offset: 1, message: String }]);
  t.equal(quiet!.stderr, "");
  t.end();
});

t.test("a card that has CTAP1 alone", async (t) => {
  const { uri } = await u2fCard(t, () => Buffer.from("U2F_V2\x90\x00", "latin1"));
  const [text, json] = await ctap(cwd, ["info", "-d", uri], ["info", "--json", "-d", uri]);
  t.match(text, { status: 0, stderr: "", stdout: /^u2f version: +U2F_V2$/m });
  t.match(parse(json!.stdout), { ctaphid: { cbor: false, msg: true }, u2fVersion: "U2F_V2" });
  t.end();
});

t.test("no card, and cards that fail", async (t) => {
  const { uri: notCbor } = await recordingCard(t, Uint8Array.of(0, 0xff));
  const { uri: wrongType } = await recordingCard(t, Uint8Array.of(0, 0xa1, 0x01, 0x05));
  const cases: readonly (readonly [string, string, number, RegExp])[] = [
    ["not CBOR", notCbor, 3, /CBOR/],
    ["another type", wrongType, 3, /getInfo .*0x01/],
    ["nothing there", "hidraw:/dev/hidraw4095", 3, /hidraw4095/],
    ["an unknown kind", "usb:1", 2, /"usb:1"/],
    ["no host", "udp:8111", 2, /"udp:8111"/],
    ["no port", "tcp:localhost:0", 2, /"0"/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([, device]) => ["info", "--device", device]));
  for (const [i, [name, , status, error]] of cases.entries()) checkFailure(t, outcomes[i]!, status, error, name);
  const [json] = await ctap(cwd, ["info", "--json", "--device", "usb:1"]);
  t.match(json, { status: 2 });
  t.match(parse(json!.stdout), { error: { code: "USAGE_DEVICE" } });
  t.end();
});
