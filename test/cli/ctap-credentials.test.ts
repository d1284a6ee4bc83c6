import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cborMap, encodeCbor, type CborMap } from "../../src/lib/ctap/cbor.ts";
import { hashRpId } from "../../src/lib/ctap/hash.ts";
import { checkFailure, temporaryDirectory, type Outcome } from "../support/keyhole.ts";
import { ctap, getInfo, recordingCard } from "../support/ctap.ts";
import { legacyPin } from "../support/pin-card.ts";

const cwd = temporaryDirectory(t);
writeFileSync(join(cwd, "pin"), "7392\n", { mode: 0o600 });
writeFileSync(join(cwd, "wrong"), "0000\n", { mode: 0o600 });

const CARD = ["--device", "virtual:card"];
const PIN = [...CARD, "--pin-file", "pin"];

async function run(...words: readonly string[]): Promise<Outcome> {
  const [outcome] = await ctap(cwd, words);
  return outcome!;
}

interface Listed {
  readonly id: string;
  readonly rp: { readonly id: string };
  readonly user: { readonly id: string; readonly name?: string; readonly displayName?: string };
}

async function list(...words: readonly string[]): Promise<{ readonly existing: number; readonly remaining: number; readonly credentials: readonly Listed[] }> {
  return JSON.parse((await run("credentials", "list", ...PIN, "--json", ...words)).stdout) as Awaited<ReturnType<typeof list>>;
}

async function make(rpId: string, user: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await run("make-credential", ...PIN, "--json", "--rp-id", rpId, "--user-name", user, "--discoverable", ...words);
  return (JSON.parse(stdout) as { readonly id: string }).id;
}

t.test("the software authenticator, from an empty card to an empty card", async (t) => {
  t.match(await run("pin", "set", ...CARD, "--new-pin-file", "pin"), { status: 0 });
  t.match(await run("credentials", "list", ...PIN), { status: 0, stdout: /^0 credentials, room for [0-9]+ more\n$/, stderr: "" });

  const alice = await make("example.com", "alice", "--user-id", "01", "--user-display-name", "Alice Example", "--cred-protect", "3", "--large-blob-key");
  const bob = await make("example.com", "b\u001bob", "--user-id", "02", "--alg", "eddsa");
  const carol = await make("example.org", "carol", "--user-id", "03");
  await run("make-credential", ...PIN, "--rp-id", "example.net", "--user-name", "not kept");

  const text = await run("credentials", "list", ...PIN);
  t.match(text, { status: 0, stderr: "" });
  t.same(text.stdout.split("\n").sort(), ["", "3 credentials, room for 61 more", "example.com", "example.org", `  ${alice}  alice, Alice Example`, `  ${bob}  b\\x1bob`, `  ${carol}  carol`].sort());
  t.match(text.stdout, new RegExp(`^example\\.org\n  ${carol}`, "m"), "each under its rp");

  const { existing, remaining, credentials } = await list();
  t.same([existing, remaining, credentials.map(({ id }) => id).sort()], [3, 61, [alice, bob, carol].sort()]);
  t.match(credentials.find(({ id }) => id === alice), { rp: { id: "example.com", idHash: Buffer.from(hashRpId("example.com")).toString("base64url") }, user: { id: "AQ", name: "alice", displayName: "Alice Example" }, algorithm: "es256", credProtect: 3, largeBlobKey: true });
  t.match(credentials.find(({ id }) => id === bob), { algorithm: "eddsa", largeBlobKey: false });
  t.same((await list("--rp-id", "example.org")).credentials.map(({ id }) => id), [carol]);
  t.same((await list("--rp-id", "example.net")).credentials, [], "one that is not discoverable");

  const hexId = Buffer.from(alice, "base64url").toString("hex");
  for (const id of [alice, hexId]) {
    const shown = await run("credentials", "show", ...PIN, "--", id);
    t.match(shown, { status: 0, stderr: "" });
    t.match(shown.stdout, new RegExp(`^credential: +${alice}\npublic key: +es256 [\\w-]+\nrp: +example\\.com\nuser: +alice \\(01\\)\ndisplay name: +Alice Example\ncred-protect: +3, [^\n]+\nlarge-blob key: +yes\n$`));
  }

  t.match(await run("credentials", "update-user", ...PIN, "--user-name", "alicia", "--", alice), { status: 0, stdout: /user: +alicia \(01\)\ndisplay name: +Alice Example\n/, stderr: "" }, "the other name stays");
  t.match(await run("credentials", "update-user", ...PIN, "--user-display-name", "", "--json", "--", alice), { status: 0 }, "an empty name is none");
  t.same((await list()).credentials.find(({ id }) => id === alice)?.user, { id: "AQ", name: "alicia" }, "and the card has it so");

  t.match(await run("credentials", "delete", ...PIN, "--", hexId), { status: 0, stdout: `deleted ${alice}\n`, stderr: "" });
  t.same(JSON.parse((await run("credentials", "delete", ...PIN, "--json", "--", bob)).stdout), { id: bob, deleted: true });
  t.same((await list()).credentials.map(({ id }) => id), [carol]);
  for (const command of [["show"], ["delete"], ["update-user", "--user-name", "x"]]) {
    const [name = "", ...options] = command;
    checkFailure(t, await run("credentials", name, ...options, ...PIN, "--", alice), 1, new RegExp(`^error: card has no discoverable credential with the id ${alice}$`), name);
  }
  checkFailure(t, await run("credentials", "delete", ...PIN, Buffer.from(carol, "base64url").toString("hex").slice(0, -2)), 1, /no discoverable credential/, "an id must be whole");
  t.match(JSON.parse((await run("credentials", "delete", ...PIN, "--json", "--", alice)).stdout), { error: { code: "CTAP2_ERR_NO_CREDENTIALS", hint: /credentials list/ } });
  checkFailure(t, await run("credentials", "list", ...CARD, "--pin-file", "wrong"), 1, /^error: PIN is wrong/);
  checkFailure(t, await run("credentials", "list", ...CARD), 2, /no terminal to ask at/);
});

const PREVIEW = { credentialMgmtPreview: true, clientPin: true };
const rpAnswer = (total: number): CborMap => cborMap([3, cborMap(["id", "exa\u202emple.com"], ["name", "Example"])], [4, hashRpId("example.com")], [5, total]);
const credentialAnswer = cborMap([6, cborMap(["id", Buffer.of(1)], ["name", "alice"])], [7, cborMap(["id", Buffer.from("aabb", "hex")], ["type", "public-key"])], [8, cborMap([1, 2], [3, -65535])], [9, 1]);

t.test("a card of before CTAP 2.1: the preview command, and a token without permissions", async (t) => {
  const pin = legacyPin("7392");
  const answers: readonly (CborMap | number)[] = [cborMap([1, 1], [2, 24]), rpAnswer(1), credentialAnswer];
  const { uri, requests } = await recordingCard(t, getInfo(PREVIEW, [6, [1]]), (request) => {
    if (request.command === 0x06) return pin.reply(request.params);
    const [subCommand, params] = [Number(request.params.get(1)), request.params.get(2)];
    if (request.command !== 0x41) return 0x01;
    return pin.isProved(request, Uint8Array.of(subCommand, ...(params === undefined ? [] : encodeCbor(params))), 3, 4) ? answers[Math.floor(subCommand / 2)]! : 0x33;
  });
  const outcome = await run("credentials", "list", "-d", uri, "--pin-file", "pin");
  t.match(outcome, { status: 0, stderr: "", stdout: "exa\\u{202e}mple.com (Example)\n  qrs  alice\n1 credential, room for 24 more\n" });
  t.match(await run("credentials", "show", "-d", uri, "--pin-file", "pin", "aabb"), { status: 0, stdout: /public key: +-65535 [^]*\ncred-protect: +not said\n/ });
  t.ok(requests.every(({ command }) => command === 0x06 || command === 0x41));

  const before = requests.length;
  checkFailure(t, await run("credentials", "update-user", "-d", uri, "--pin-file", "pin", "--user-name", "bob", "aabb"), 3, /credMgmt, but only its preview$/);
  t.equal(requests.length, before, "nothing was sent for that but getInfo");
});

t.test("a card that cannot", async (t) => {
  const { uri, requests } = await recordingCard(t, getInfo({ clientPin: true }));
  const commands = [["list"], ["show", "aabb"], ["delete", "aabb"], ["update-user", "--user-name", "x", "aabb"]];
  const outcomes = await ctap(cwd, ...commands.map((words) => ["credentials", ...words, "-d", uri, "--pin-file", "pin"]));
  for (const outcome of outcomes) checkFailure(t, outcome, 3, /does not have the option credMgmt$/);
  t.same(requests, [], "nothing was sent but getInfo");

  const { uri: unset, requests: sent } = await recordingCard(t, getInfo({ credMgmt: true, clientPin: false }));
  checkFailure(t, await run("credentials", "list", "-d", unset), 1, /^error: card cannot verify its user: it has no PIN yet$/);
  t.same(sent, []);
});

t.test("wrong command lines, and nothing is sent", async (t) => {
  const { uri, messages } = await recordingCard(t, getInfo({ credMgmt: true, clientPin: true }));
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["show"], /needs ID/],
    [["show", "not an id"], /^error: "not an id" is neither/],
    [["show", "A"], /neither a credential id/],
    [["delete", ""], /credential id is 0 bytes/],
    [["delete", "aa", "bb"], /no further word/],
    [["update-user", "aabb"], /needs --user-name NAME or --user-display-name NAME/],
    [["update-user", "--user-name", "x", "a b"], /neither a credential id/],
    [["list", "--rp-id", ""], /--rp-id is empty/],
    [["list", "--pin-file", "missing"], /missing/],
    [["list", "--pin-protocol", "3"], /--pin-protocol/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([words]) => ["credentials", ...words, "-d", uri]));
  for (const [i, [words, error]] of cases.entries()) checkFailure(t, outcomes[i]!, 2, error, words.join(" "));
  t.same(messages, []);
});
