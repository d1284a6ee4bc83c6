import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { ctap, getInfo, recordingCard, sentCommands, u2fCard, virtualCard, type RecordingCard } from "../support/ctap.ts";
import { checkFailure, finish, listing, startKeyhole, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { together } from "../support/together.ts";

// Each test waits for processes most of the time.
t.jobs = 2 * availableParallelism();

interface Made {
  readonly id: string;
  readonly publicKey: string;
  readonly algorithm: string;
  readonly authData: string;
  readonly signature: string;
  readonly clientDataHash: string;
  readonly [name: string]: unknown;
}

const RP = ["--rp-id", "example.com", "--user-name", "alice"];
const MAKE = ["make-credential", "--device", "virtual:card", ...RP];
const HASH = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

function parse(stdout: string): Made {
  return JSON.parse(stdout) as Made;
}

const fromBase64url = (text: string): Buffer => Buffer.from(text, "base64url");
const sha256 = (data: string | Uint8Array): Buffer => createHash("sha256").update(data).digest();

/** Of the three algorithms, by where their canonical COSE keys have the coordinates. */
function publicKeyOf({ publicKey, algorithm }: Made): KeyObject {
  const cose = fromBase64url(publicKey);
  const at = (offset: number, length: number): string => cose.subarray(offset, offset + length).toString("base64url");
  const jwk = {
    es256: { kty: "EC", crv: "P-256", x: at(10, 32), y: at(45, 32) },
    es384: { kty: "EC", crv: "P-384", x: at(11, 48), y: at(62, 48) },
    eddsa: { kty: "OKP", crv: "Ed25519", x: at(10, 32) },
  }[algorithm];
  return createPublicKey({ key: jwk!, format: "jwk" });
}

function isSigned(made: Made): boolean {
  const digest = { es256: "sha256", es384: "sha384" }[made.algorithm] ?? null;
  return verify(digest, Buffer.concat([fromBase64url(made.authData), fromBase64url(made.clientDataHash)]), publicKeyOf(made), fromBase64url(made.signature));
}

t.test("a credential is made and verified", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const [text, json, quiet] = await ctap(cwd, MAKE, [...MAKE, "--json", "--user-id", "0aff", "--rp-name", "Example", "--user-display-name", "Alice A.", "--client-data-hash", HASH], [...MAKE, "-q"]);
  t.match(text, { status: 0, stderr: "verified: rp id hash; flags up, at; packed self attestation signature (es256)\n" });
  t.match(text!.stdout, /^credential: +[\w-]+\npublic key: +es256 [\w-]+\nrp: +example\.com\nuser: +alice \([0-9a-f]{64}\)\n/);
  t.equal(quiet!.stderr, "");

  const made = parse(json!.stdout);
  t.match(made, {
    rp: { id: "example.com", name: "Example" },
    user: { id: "Cv8", name: "alice", displayName: "Alice A." },
    fmt: "packed",
    flags: { up: true, uv: false, be: false, bs: false, at: true, ed: false },
    clientDataHash: Buffer.from(HASH, "hex").toString("base64url"),
    discoverable: false,
    u2f: false,
    verified: { rpIdHash: true, flags: ["up", "at"], signature: "self", algorithm: "es256" },
  });
  const authData = fromBase64url(made.authData);
  t.same(authData.subarray(0, 32), sha256("example.com"));
  t.equal(authData.readUInt32BE(33), made.counter);
  t.same(authData.subarray(55, 55 + authData.readUInt16BE(53)), fromBase64url(made.id));
  t.ok(isSigned(made), "by the key that it says");
  t.end();
});

t.test("every algorithm, the best that the card has", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const algorithms = ["es256", "eddsa", "es384", "eddsa,es256", "es384,eddsa,es256"];
  const outcomes = await ctap(cwd, ...algorithms.map((alg) => [...MAKE, "--json", "--alg", alg]));
  for (const [i, { status, stdout }] of outcomes.entries()) {
    const made = parse(stdout);
    t.same([status, made.algorithm, isSigned(made)], [0, algorithms[i]!.split(",")[0], true], algorithms[i]!);
  }
  t.end();
});

t.test("client data of a challenge", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const challenge = ["--challenge", "cmFuZG9t", "--origin", "https://example.com"];
  const [json, webauthn, padded] = await ctap(cwd, [...MAKE, "--json", ...challenge], [...MAKE, "--webauthn-json", "--discoverable", "--hmac-secret", ...challenge], [...MAKE, "--json", "--challenge", "cmE=", "--origin", "https://example.com:8443"]);
  const made = parse(json!.stdout);
  const clientData = fromBase64url(String(made.clientDataJSON));
  t.equal(clientData.toString(), '{"type":"webauthn.create","challenge":"cmFuZG9t","origin":"https://example.com","crossOrigin":false}');
  t.same(sha256(clientData), fromBase64url(made.clientDataHash));
  t.equal(fromBase64url(String(parse(padded!.stdout).clientDataJSON)).toString(), '{"type":"webauthn.create","challenge":"cmE","origin":"https://example.com:8443","crossOrigin":false}');

  const response = JSON.parse(webauthn!.stdout) as Made;
  t.same(Object.keys(response), ["id", "rawId", "response", "authenticatorAttachment", "clientExtensionResults", "type"], "that and nothing else");
  t.match(response, { type: "public-key", response: { publicKeyAlgorithm: -7, transports: ["usb"] }, clientExtensionResults: { credProps: { rk: true }, hmacCreateSecret: true } });
  t.end();
});

t.test("an origin that is not of the rp id is warned of", together(), async (t) => {
  const origins = ["https://example.org", "https://notexample.com", "https://login.example.com", "android:apk-key-hash:abc"];
  const outcomes = await ctap(temporaryDirectory(t), ...origins.map((origin) => [...MAKE, "--challenge", "cmE", "--origin", origin]));
  t.same(outcomes.map(({ status }) => status), [0, 0, 0, 0]);
  t.same(outcomes.map(({ stderr }) => stderr.includes("warning: the host of --origin")), [true, true, false, false]);
  t.end();
});

t.test("--out keeps the credential", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const large = [...MAKE, "--json", "--discoverable", "--large-blob-key", "--cred-protect", "2", "--hmac-secret"];
  const [kept, notKept] = await ctap(cwd, [...large, "--out", "alice.cred"], large);
  const made = parse(kept!.stdout);
  t.match(made, { discoverable: true, file: "alice.cred", extensions: { credProtect: 2, "hmac-secret": true } });
  t.equal(statSync(join(cwd, "alice.cred")).mode & 0o777, 0o600);
  const file = JSON.parse(readFileSync(join(cwd, "alice.cred"), "utf8")) as Made & { readonly largeBlobKey: string };
  t.match(file, { format: "keyhole-credential-1", id: made.id, publicKey: made.publicKey, rpId: "example.com", user: made.user, counter: made.counter, discoverable: true });
  t.equal(fromBase64url(file.largeBlobKey).length, 32);
  t.notOk(kept!.stdout.includes(file.largeBlobKey) || kept!.stderr.includes(file.largeBlobKey), "the key for the large blob is nowhere else");
  t.match(notKept, { status: 0, stderr: /^note: the key for the large blob is kept only with --out/m });
  t.end();
});

t.test("an excluded credential, by file and by id", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const [first] = await ctap(cwd, [...MAKE, "--json", "--out", "alice.cred"]);
  const { id } = parse(first!.stdout);
  const hex = fromBase64url(id).toString("hex");
  const stranger = Buffer.alloc(48, 7).toString("base64url");
  const outcomes = await ctap(cwd, ...["alice.cred", "./alice.cred", id, hex].map((one) => [...MAKE, "--exclude", stranger, "--exclude", one]), [...MAKE, "--exclude", stranger, "-q"], [...MAKE, "--exclude", "alice.cred", "--json"]);
  for (const outcome of outcomes.slice(0, 4)) checkFailure(t, outcome, 1, /excluded/);
  t.equal(outcomes[4]!.status, 0, "the credential of another card excludes nothing");
  t.match(outcomes[5], { status: 1, stdout: /"code":"CTAP2_ERR_CREDENTIAL_EXCLUDED"/ });
  t.end();
});

t.test("CTAP1", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const [made, discoverable] = await ctap(cwd, [...MAKE, "--u2f", "--json", "--out", "u2f.cred"], [...MAKE, "--u2f", "--discoverable"]);
  t.match(made, { status: 0, stderr: /^verified: .*fido-u2f attestation signature \(es256\) by the certificate of .+$/m });
  t.match(parse(made!.stdout), { u2f: true, fmt: "fido-u2f", counter: 0, verified: { signature: "certificate" }, aaguid: "00000000-0000-0000-0000-000000000000" });
  checkFailure(t, discoverable!, 2, /--discoverable/);
  const [excluded] = await ctap(cwd, [...MAKE, "--u2f", "--exclude", "u2f.cred"]);
  checkFailure(t, excluded!, 1, /excluded/);
  t.end();
});

t.test("CTAP1 where the card has nothing else", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const { registration } = JSON.parse(readFileSync("test/vectors/ctap/u2f.json", "utf8")) as { registration: Readonly<Record<string, string>> };
  const answers = ["6985", `${registration.response!}9000`];
  const card = await u2fCard(t, () => Buffer.from(answers.shift() ?? "9000", "hex"));
  const example = ["make-credential", "-d", card.uri, "--rp-id", "http://example.com", "--user-name", "alice"];
  const [made] = await ctap(cwd, [...example, "--client-data-hash", registration.challenge_parameter!, "--json"]);
  t.match(made, { status: 0, stderr: /^touch the card now \(waiting up to 30 s\)\nverified: .*fido-u2f attestation signature \(es256\) by the certificate of CN=PilotGnubby-0\.4\.1-/ });
  t.match(parse(made!.stdout), { u2f: true, fmt: "fido-u2f", clientDataHash: Buffer.from(registration.challenge_parameter!, "hex").toString("base64url") });
  const [discoverable, eddsa, empty] = await ctap(cwd, [...example, "--discoverable"], [...example, "--alg", "eddsa"], example);
  checkFailure(t, discoverable!, 3, /^error: --discoverable needs CTAP2, and the card has CTAP1 \(U2F\) alone$/);
  checkFailure(t, eddsa!, 3, /^error: --alg without es256 needs CTAP2, and the card/);
  checkFailure(t, empty!, 3, /registration/, "an empty registration");
  t.end();
});

t.test("what a card does not have is said before anything but getInfo is sent", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const card = await recordingCard(t, getInfo({ rk: false, ep: false }, [0x07, 1], [0x0a, [cborMap(["type", "public-key"], ["alg", -8])]]));
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["--alg", "eddsa", "--discoverable"], 3, /the option rk/],
    [["--alg", "eddsa", "--cred-protect", "1"], 3, /the extension credProtect/],
    [["--alg", "eddsa", "--hmac-secret"], 3, /the extension hmac-secret/],
    [["--alg", "eddsa", "--enterprise", "1"], 1, /not enabled/],
    [["--alg", "eddsa", "--exclude", "00", "--exclude", "01"], 3, /2 credentials in one list/],
    [[], 3, /algorithms/],
    [["--alg", "eddsa", "--uv", "required"], 1, /cannot verify its user/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([words]) => ["make-credential", "-d", card.uri, ...RP, ...words]));
  for (const [i, [words, status, error]] of cases.entries()) checkFailure(t, outcomes[i]!, status, error, words.join(" "));
  t.same(card.requests, []);
  t.end();
});

/** What the one makeCredential that a card got has under a key. */
function sent(card: RecordingCard, key: number): unknown {
  const [request] = card.requests.filter(({ command }) => command === 0x01);
  return request?.params.get(key);
}

t.test("cards with an awkward PIN/UV situation", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const run = async (options: Readonly<Record<string, boolean>>, ...words: readonly string[]): Promise<RecordingCard & { readonly stderr: string }> => {
    const card = await recordingCard(t, getInfo(options, [0x06, [7]]), () => 0x27);
    const [outcome] = await ctap(cwd, ["make-credential", "-d", card.uri, ...RP, ...words]);
    t.equal(outcome!.status, 1);
    return { ...card, stderr: outcome!.stderr };
  };
  const builtIn = await run({ uv: true });
  t.same(sent(builtIn, 0x07), new Map([["uv", true]]), "user verification in the request");
  t.match(builtIn.stderr, /^note: .*no PIN\/UV protocol/m);
  const withPin = await run({ clientPin: true });
  t.same([sent(withPin, 0x07), sent(withPin, 0x08)], [undefined, undefined], "without a token");
  t.match(withPin.stderr, /^note: .*no PIN\/UV protocol/m);
  const plain = await run({ rk: true });
  t.notMatch(plain.stderr, /note:/);
  const unset = await run({ clientPin: false });
  t.notMatch(unset.stderr, /note:/);
  const discouraged = await run({ uv: true, makeCredUvNotRqd: true }, "--uv", "discouraged");
  t.same(sent(discouraged, 0x07), undefined);
  t.end();
});

t.test("an answer that is wrong is no result", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const vectors = JSON.parse(readFileSync("test/vectors/ctap/ctap2-messages.json", "utf8")) as Readonly<Record<string, string>>;
  const authData = Buffer.from(vectors.authData_makeCredential!, "hex");
  const answers = [
    { rpId: "example.org", fmt: "none", attStmt: cborMap(), error: /another rp/ },
    { rpId: undefined, fmt: "packed", attStmt: cborMap(["alg", -7], ["sig", Buffer.alloc(70)]), error: /attestation signature/ },
    { rpId: undefined, fmt: "packed", attStmt: cborMap(["alg", -7]), error: /sig/, status: 3 },
    { rpId: undefined, fmt: "none", attStmt: cborMap(["x", 1]), error: /not empty/ },
  ];
  for (const { rpId, fmt, attStmt, error, status = 1 } of answers) {
    // Whoever the vector is for, here it is for example.com, or for the other.
    const forRp = Buffer.concat([sha256(rpId ?? "example.com"), authData.subarray(32)]);
    const card = await recordingCard(t, getInfo({}), () => cborMap([1, fmt], [2, forRp], [3, attStmt]));
    const [outcome] = await ctap(cwd, ["make-credential", "-d", card.uri, ...RP, "--out", "wrong.cred"]);
    checkFailure(t, outcome!, status, error);
  }
  t.same(listing(cwd), [], "and nothing is kept");
  const card = await recordingCard(t, getInfo({}), () => cborMap([1, "tpm\u001b"], [2, Buffer.concat([sha256("example.com"), authData.subarray(32)])], [3, cborMap()]));
  const [unknown] = await ctap(cwd, ["make-credential", "-d", card.uri, ...RP]);
  t.match(unknown, { status: 0, stderr: /^warning: not verified: .*tpm\\x1b is not known/m }, "of a format that is not known, that is said");
  t.end();
});

t.test("when to touch, and for how long", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const [later, never] = await Promise.all([virtualCard(t, "--approve", "after:300"), virtualCard(t, "--approve", "never")]);
  const [touched, quiet, late] = await ctap(
    cwd,
    ["make-credential", "-d", later, ...RP, "-v"],
    ["make-credential", "-d", later, ...RP, "-q"],
    ["make-credential", "-d", never, ...RP, "--timeout", "1", "--trace", "trace", "--json"],
  );
  t.match(touched, { status: 0, stderr: /^keepalive: up-needed\ntouch the card now \(waiting up to 30 s\)\n/ });
  t.equal(touched!.stderr.match(/touch the card/g)?.length, 1, "said once");
  t.match(quiet, { status: 0, stderr: "" });
  t.match(late, { status: 1, stdout: /"code":"CTAP_USER_TIMEOUT"/, stderr: /waiting up to 1 s/ });
  t.equal(sentCommands(cwd, "trace").at(-1), "cancel", "and the card is told");
  t.end();
});

t.test("Ctrl-C cancels on the card", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const uri = await virtualCard(t, "--approve", "never");
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const child = startKeyhole(["ctap", "make-credential", "-d", uri, ...RP, "--trace", signal], { cwd });
    const ended = finish(child);
    await new Promise<void>((resolve) => child.stderr.on("data", (chunk: Buffer) => chunk.includes("touch the card") && resolve()));
    child.kill(signal);
    t.match(await ended, { status: 130, stdout: "" }, signal);
    t.equal(sentCommands(cwd, signal).at(-1), "cancel");
  }
  const child = startKeyhole(["ctap", "make-credential", "-d", uri, ...RP, "--json"], { cwd });
  const ended = finish(child);
  await new Promise<void>((resolve) => child.stderr.on("data", (chunk: Buffer) => chunk.includes("touch the card") && resolve()));
  child.kill("SIGINT");
  const { status, stdout } = await ended;
  t.match([status, JSON.parse(stdout)], [130, { error: { code: "INTERRUPTED" } }], "in JSON");
  t.end();
});

t.test("bad input sends nothing", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const card = await recordingCard(t, getInfo({}));
  writeFiles(cwd, { "alice.cred": "{}", short: "123\n" });
  const good = ["make-credential", "-d", card.uri, ...RP];
  const lines: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["--client-data-hash", HASH.slice(1)], 2, /--client-data-hash/],
    [["--exclude", "alice.cred"], 2, /alice\.cred: credential file is not one/],
    [["--pin-file", "short"], 2, /short: PIN has 3 characters/],
    [["--out", "alice.cred"], 3, /alice\.cred exists/],
    [["--out", "nosuch/alice.cred"], 3, /nosuch/],
    [["--trace", "alice.cred"], 3, /alice\.cred exists/],
  ];
  const outcomes = await ctap(cwd, ...lines.map(([words]) => [...good, ...words]));
  for (const [i, [words, status, error]] of lines.entries()) checkFailure(t, outcomes[i]!, status, error, words.join(" "));
  t.same(card.messages, []);
  t.end();
});

t.test("a PIN", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { pin: "7392\n", wrong: "0000\n", crlf: "7392\r\nnothing of this\r\n" });
  await ctap(cwd, ["pin", "set", "--device", "virtual:card", "--new-pin-file", "pin"]);
  const withPin = async (...words: readonly string[]): Promise<Made> => {
    const [outcome] = await ctap(cwd, [...MAKE, "--json", ...words]);
    t.equal(outcome!.status, 0, words.join(" "));
    return parse(outcome!.stdout);
  };
  t.match(await withPin("--pin-file", "pin"), { flags: { uv: true }, verified: { flags: ["up", "uv", "at"] } });
  t.match(await withPin("--pin-file", "crlf", "--pin-protocol", "1"), { flags: { uv: true } });
  t.match(await withPin("--pin-file", "pin", "--pin-protocol", "2", "--discoverable"), { flags: { uv: true } });
  t.match(await withPin("--uv", "discouraged"), { flags: { uv: false } });
  const [missing, needed, wrong] = await ctap(cwd, MAKE, [...MAKE, "--uv", "discouraged", "--discoverable"], [...MAKE, "--pin-file", "wrong"]);
  checkFailure(t, missing!, 2, /PIN is wanted/);
  t.match(missing!.stderr, /--pin-file FILE, or --uv discouraged/);
  checkFailure(t, needed!, 2, /PIN is needed/);
  checkFailure(t, wrong!, 1, /PIN is wrong \(0x31\); 7 tries left/);
  t.end();
});
