import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { GET_INFO_NAMES } from "../../src/lib/ctap/get-info.ts";
import { ctap, getInfo, recordingCard, u2fCard } from "../support/ctap.ts";
import { temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { checkFields, documentedFields, type Fields } from "./documented-fields.ts";

// The same as fields.test.ts, for security keys.

const OUTPUT = "OUTPUT FORMAT";
const RP = ["--rp-id", "example.com"];
const CHALLENGE = ["--challenge", "cmFuZG9t", "--origin", "https://example.com"];

const cwd = temporaryDirectory(t);
writeFiles(cwd, { pin: "7392\n", next: "285013\n", salt: new Uint8Array(32) });

async function runJson(device: string, ...words: readonly string[]): Promise<Fields> {
  const [outcome] = await ctap(cwd, [...words, "--json", "--device", device]);
  return JSON.parse(outcome!.stdout) as Fields;
}

t.test("info", async (t) => {
  const page = "keyhole-ctap-info.1";
  const { uri } = await u2fCard(t, () => Buffer.from("U2F_V2\x90\x00", "latin1"));
  const info = await runJson("virtual:", "info");
  const named = new Set(GET_INFO_NAMES.values());
  const others = Object.fromEntries(Object.entries(info).filter(([name]) => !named.has(name)));
  checkFields(t, [others, await runJson(uri, "info")], page, OUTPUT);
  t.ok(Object.keys(info).length > Object.keys(others).length + 5, "and what getInfo has");
  t.end();
});

t.test("make-credential and get-assertion", async (t) => {
  const make = ["make-credential", ...RP, "--user-name", "alice", "--user-display-name", "Alice", ...CHALLENGE];
  const made = await runJson("virtual:card", ...make, "--discoverable", "--large-blob-key", "--hmac-secret", "--out", "alice.cred");
  checkFields(t, [made], "keyhole-ctap-make-credential.1", OUTPUT);
  checkFields(t, [JSON.parse(readFileSync(join(cwd, "alice.cred"), "utf8")) as Fields], "keyhole-ctap-make-credential.1", "FILES");

  const signed = await runJson("virtual:card", "get-assertion", ...RP, ...CHALLENGE, "--hmac-secret", "salt", "--hmac-secret-out", "secret");
  checkFields(t, [signed], "keyhole-ctap-get-assertion.1", OUTPUT);
  const checked = await runJson("virtual:card", "get-assertion", ...RP, "--credential", "alice.cred");
  checkFields(t, [...(signed.assertions as Fields[]), ...(checked.assertions as Fields[])], "keyhole-ctap-get-assertion.1", OUTPUT, 1);
  t.end();
});

t.test("pin, uv-retries and reset", async (t) => {
  const page = "keyhole-ctap-pin.1";
  checkFields(t, [await runJson("virtual:other", "pin", "set", "--new-pin-file", "pin")], page, OUTPUT, 0);
  checkFields(t, [await runJson("virtual:other", "pin", "change", "--pin-file", "pin", "--new-pin-file", "next")], page, OUTPUT, 1);
  checkFields(t, [await runJson("virtual:other", "pin", "retries")], page, OUTPUT, 2);
  const { uri } = await recordingCard(t, getInfo({ uv: true }, [0x06, [2]]), () => cborMap([5, 3]));
  checkFields(t, [await runJson(uri, "uv-retries")], "keyhole-ctap-uv-retries.1", OUTPUT);
  checkFields(t, [await runJson("virtual:other", "reset", "--yes")], "keyhole-ctap-reset.1", OUTPUT);
  t.not(Object.keys(documentedFields(page, OUTPUT)).length, 0, "the manual has them");
  t.end();
});
