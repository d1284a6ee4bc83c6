import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { checkFailure, temporaryDirectory, type Outcome } from "../support/keyhole.ts";
import { ctap, getInfo, recordingCard } from "../support/ctap.ts";

const cwd = temporaryDirectory(t);
writeFileSync(join(cwd, "pin"), "739201\n", { mode: 0o600 });

const CARD = ["--device", "virtual:card"];
const PIN = [...CARD, "--pin-file", "pin"];

async function run(...words: readonly string[]): Promise<Outcome> {
  const [outcome] = await ctap(cwd, words);
  return outcome!;
}

async function info(): Promise<Readonly<Record<string, unknown>> & { readonly options: Readonly<Record<string, boolean>> }> {
  return JSON.parse((await run("info", "--json", ...CARD)).stdout) as Awaited<ReturnType<typeof info>>;
}

t.test("the software authenticator", async (t) => {
  t.match(await run("config", "always-uv", "on", ...CARD), { status: 0, stdout: "always-uv is now on\n", stderr: "" }, "without a PIN none is wanted");
  t.match(await run("config", "always-uv", "off", ...CARD), { status: 0, stdout: "always-uv is now off\n", stderr: "" });
  await run("pin", "set", ...CARD, "--new-pin-file", "pin");
  checkFailure(t, await run("config", "always-uv", "on", ...CARD), 2, /PIN is needed/, "with one it is");
  t.match(await run("config", "always-uv", "on", ...PIN), { status: 0, stdout: "always-uv is now on\n", stderr: "" });
  t.equal((await info()).options.alwaysUv, true);
  t.match(await run("config", "always-uv", "on", ...CARD), { status: 0, stdout: "always-uv was already on\n", stderr: "" }, "what is so needs no PIN");
  t.same(JSON.parse((await run("config", "always-uv", "off", "--json", ...PIN)).stdout), { alwaysUv: false, changed: true });
  t.same(JSON.parse((await run("config", "always-uv", "off", "--json", ...PIN)).stdout), { alwaysUv: false, changed: false });
  t.equal((await info()).options.alwaysUv, false);

  t.match(await run("config", "min-pin-length", "6", "--rp-id", "example.com", "--rp-id", "example.org", ...PIN), { status: 0, stdout: "PIN needs at least 6 characters\n", stderr: "" });
  t.match(await info(), { minPINLength: 6, forcePINChange: false });
  checkFailure(t, await run("config", "min-pin-length", "5", ...CARD), 1, /^error: least length of the PIN is 6, and 5 would be less$/, "which getInfo tells, before a PIN is asked for");
  checkFailure(t, await run("config", "min-pin-length", "6", ...Array.from({ length: 9 }, (_, i) => ["--rp-id", `${i}.example`]).flat(), ...CARD), 3, /card takes 8 relying parties, found 9/);
  t.same(JSON.parse((await run("config", "min-pin-length", "6", "--force-change", "--json", ...PIN)).stdout), { minPinLength: 6, forcePinChange: true });
  checkFailure(t, await run("config", "always-uv", "on", ...PIN), 1, /wants its PIN changed/);
});

t.test("enterprise attestation", async (t) => {
  checkFailure(t, await run("config", "enterprise-attestation", "on", "--device", "virtual:"), 1, /0x30/, "is off for good on the software authenticator");

  const options = { authnrCfg: true, ep: false };
  const { uri, requests } = await recordingCard(t, getInfo(options), () => 0x7f);
  checkFailure(t, await run("config", "enterprise-attestation", "on", "-d", uri), 3, /0x7f/);
  t.same(requests.map(({ command, params }) => [command, [...params]]), [[0x0d, [[1, 1]]]]);

  const { uri: enabled, requests: none } = await recordingCard(t, getInfo({ authnrCfg: true, ep: true }));
  t.match(await run("config", "enterprise-attestation", "on", "-d", enabled), { status: 0, stdout: "enterprise-attestation was already on\n", stderr: "" });
  t.same(JSON.parse((await run("config", "enterprise-attestation", "on", "--json", "-d", enabled)).stdout), { enterpriseAttestation: true, changed: false });
  t.same(none, []);
});

t.test("cards that cannot, and nothing is sent but getInfo", async (t) => {
  const cases: readonly (readonly [readonly string[], string, Readonly<Record<string, boolean>>])[] = [
    [["always-uv", "on"], "the option authnrCfg", {}],
    [["always-uv", "off"], "the option alwaysUv", { authnrCfg: true }],
    [["min-pin-length", "6"], "the option authnrCfg", { authnrCfg: false, setMinPINLength: true }],
    [["min-pin-length", "6"], "the option setMinPINLength", { authnrCfg: true }],
    [["min-pin-length", "6", "--rp-id", "example.com"], "the extension minPinLength", { authnrCfg: true, setMinPINLength: true }],
    [["enterprise-attestation", "on"], "the option ep", { authnrCfg: true }],
  ];
  for (const [words, missing, options] of cases) {
    const { uri, requests } = await recordingCard(t, getInfo(options));
    checkFailure(t, await run("config", ...words, "-d", uri), 3, new RegExp(`does not have ${missing}$`), words.join(" "));
    t.same(requests, []);
  }
  const { uri } = await recordingCard(t, getInfo({ authnrCfg: true, alwaysUv: false }), () => new Map());
  checkFailure(t, await run("config", "always-uv", "on", "-d", uri), 3, /says that it changed its option alwaysUv, and it is as before$/);
});

t.test("wrong command lines, and nothing is sent", async (t) => {
  const { uri, messages } = await recordingCard(t, getInfo({ authnrCfg: true, alwaysUv: false, ep: false, setMinPINLength: true }));
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["always-uv"], /needs STATE/],
    [["always-uv", "maybe"], /"maybe" .*expected on or off/],
    [["always-uv", "ON"], /"ON" /],
    [["always-uv", ""], /"" /],
    [["enterprise-attestation", "off"], /"off" .*expected on$/],
    [["min-pin-length"], /needs N/],
    ...["3", "64", "0", "06", "6.0", "+6", "six", "", "1e1"].map((text) => [["min-pin-length", text], /expected a decimal number from 4 to 63/] as const),
    [["min-pin-length", "6", "--rp-id", ""], /--rp-id is empty/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([words]) => ["config", ...words, "-d", uri]));
  for (const [i, [words, error]] of cases.entries()) checkFailure(t, outcomes[i]!, 2, error, words.join(" "));
  t.same(messages, []);
});
