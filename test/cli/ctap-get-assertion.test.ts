import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { ctap, getInfo, recordingCard, sentCommands, u2fCard, virtualCard } from "../support/ctap.ts";
import { checkFailure, listing, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { together } from "../support/together.ts";

// Each test waits for processes most of the time.
t.jobs = 2 * availableParallelism();

interface Assertion {
  readonly id: string;
  readonly authData: string;
  readonly signature: string;
  readonly counter: number;
  readonly [name: string]: unknown;
}

interface Answer {
  readonly assertions: readonly Assertion[];
  readonly clientDataHash: string;
  readonly [name: string]: unknown;
}

interface CredentialFile {
  readonly id: string;
  readonly publicKey: string;
  counter: number;
  readonly largeBlobKey?: string;
}

const CARD = ["--device", "virtual:card", "--rp-id", "example.com"];
const MAKE = ["make-credential", ...CARD, "--user-name", "alice"];
const SIGN = ["get-assertion", ...CARD];
const HASH = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const parse = (stdout: string): Answer => JSON.parse(stdout) as Answer;
const fromBase64url = (text: string): Buffer => Buffer.from(text, "base64url");

function readCredential(cwd: string, name = "alice.cred"): CredentialFile {
  return JSON.parse(readFileSync(join(cwd, name), "utf8")) as CredentialFile;
}

/** By a canonical ES256 key, whose coordinates are at fixed places. */
function isSigned({ authData, signature }: Assertion, { clientDataHash }: Answer, { publicKey }: CredentialFile): boolean {
  const cose = fromBase64url(publicKey);
  const jwk = { kty: "EC", crv: "P-256", x: cose.subarray(10, 42).toString("base64url"), y: cose.subarray(45, 77).toString("base64url") };
  return verify("sha256", Buffer.concat([fromBase64url(authData), fromBase64url(clientDataHash)]), createPublicKey({ key: jwk, format: "jwk" }), fromBase64url(signature));
}

t.test("a credential signs, named by its file or by its id", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, [...MAKE, "--out", "alice.cred"]);
  const { id } = readCredential(cwd);
  const stranger = Buffer.alloc(48, 7).toString("base64url");
  const [text] = await ctap(cwd, [...SIGN, "--credential", "alice.cred"]);
  t.match(text, { status: 0, stderr: "verified: rp id hash; flags up; signature by the public key in alice.cred; counter 2, which was 1\n" });
  t.match(text!.stdout, /^credential: [\w-]+\ncounter: +2\nflags: +up\nauth data: +[\w-]+\nsignature: +[\w-]+\nfile: +alice\.cred\n$/);

  const [byFile] = await ctap(cwd, [...SIGN, "--json", "--credential", stranger, "--credential", "alice.cred", "--client-data-hash", HASH]);
  const answer = parse(byFile!.stdout);
  t.equal(answer.assertions.length, 1);
  t.match(answer, { rpId: "example.com", clientDataHash: Buffer.from(HASH, "hex").toString("base64url"), assertions: [{ id, counter: 3, file: "alice.cred", verified: { rpIdHash: true, flags: ["up"], signature: true, counter: true } }] });
  t.ok(isSigned(answer.assertions[0]!, answer, readCredential(cwd)));
  t.equal(readCredential(cwd).counter, 3, "the file has the new counter");
  t.equal(statSync(join(cwd, "alice.cred")).mode & 0o777, 0o600);

  for (const name of [id, `${id}${"=".repeat((4 - (id.length % 4)) % 4)}`, fromBase64url(id).toString("hex"), fromBase64url(id).toString("hex").toUpperCase()]) {
    const [byId] = await ctap(cwd, [...SIGN, "--json", "--credential", name]);
    t.match(byId, { status: 0, stderr: /not the signature/ }, name);
    t.match(parse(byId!.stdout), { assertions: [{ id, verified: { signature: false, counter: false } }] });
  }
  t.equal(readCredential(cwd).counter, 3);
  const [none, otherRp] = await ctap(cwd, [...SIGN, "--json", "--credential", stranger], ["get-assertion", "-dvirtual:card", "--rp-id", "example.org", "--credential", id]);
  t.match(none, { status: 1, stdout: /"code":"CTAP2_ERR_NO_CREDENTIALS"/ });
  checkFailure(t, otherRp!, 1, /no credential/);
  t.end();
});

t.test("every discoverable credential signs where none is named", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { pin: "7392\n" });
  for (const name of ["alice", "bob", "carol"]) await ctap(cwd, ["make-credential", ...CARD, "--user-name", name, "--user-id", `0${name.length}`, "--discoverable", "--out", `${name}.cred`]);
  await ctap(cwd, ["pin", "set", "-dvirtual:card", "--new-pin-file", "pin"]);
  const [json] = await ctap(cwd, [...SIGN, "--json", "--pin-file", "pin"]);
  const answer = parse(json!.stdout);
  // Two have the same user handle, 05, and the later one has taken the place of the earlier.
  t.same(answer.assertions.map(({ id }) => id), [readCredential(cwd, "carol.cred").id, readCredential(cwd, "bob.cred").id], "the last made first");
  t.match(answer.assertions, [{ user: { id: "BQ", name: "carol" }, flags: { up: true, uv: true } }, { user: { id: "Aw", name: "bob" } }]);
  const [text] = await ctap(cwd, [...SIGN, "--pin-file", "pin"]);
  t.equal(text!.stdout.match(/^credential: /gm)?.length, 2);
  t.match(text!.stdout, /^user: +carol \(05\)$/m);
  const [webauthn] = await ctap(cwd, [...SIGN, "--webauthn-json", "--challenge", "cmFuZG9t", "--origin", "https://example.com", "--pin-file", "pin"]);
  t.match(JSON.parse(webauthn!.stdout), { id: readCredential(cwd, "carol.cred").id, type: "public-key", response: { userHandle: "BQ", clientDataJSON: String, signature: String } });
  t.match(webauthn!.stderr, /^note: 2 credentials answered; this is the first$/m);
  t.end();
});

t.test("the counter", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, [...MAKE, "--out", "alice.cred"]);
  const made = readFileSync(join(cwd, "alice.cred"));
  const set = (counter: number): void => writeFileSync(join(cwd, "alice.cred"), JSON.stringify({ ...(JSON.parse(made.toString()) as CredentialFile), counter }));
  set(1000);
  const [cloned] = await ctap(cwd, [...SIGN, "--json", "--credential", "alice.cred"]);
  t.match(cloned, { status: 1, stdout: /"code":"CTAP_COUNTER"/, stderr: /^error: counter is 2, expected more than 1000/m });
  t.equal(readCredential(cwd).counter, 1000, "it is not put back");
  set(3);
  const [same] = await ctap(cwd, [...SIGN, "--credential", "alice.cred"]);
  checkFailure(t, same!, 1, /counter is 3, expected more than 3/);
  set(3);
  t.match(await ctap(cwd, [...SIGN, "--credential", "alice.cred"]), [{ status: 0 }]);
  t.end();
});

t.test("an answer that is wrong is no result", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, [...MAKE, "--out", "alice.cred"]);
  const id = fromBase64url(readCredential(cwd).id);
  const hash = (rpId: string): Buffer => createHash("sha256").update(rpId).digest();
  const authData = (rpId: string, flags: number): Buffer => Buffer.concat([hash(rpId), Uint8Array.of(flags, 0, 0, 0, 9)]);
  const descriptor = (id: Uint8Array): ReturnType<typeof cborMap> => cborMap(["id", id], ["type", "public-key"]);
  const cases = [
    { answer: cborMap([1, descriptor(id)], [2, authData("example.org", 1)], [3, Buffer.alloc(70)]), error: /another rp/ },
    { answer: cborMap([1, descriptor(id)], [2, authData("example.com", 0)], [3, Buffer.alloc(70)]), error: /present/ },
    { answer: cborMap([1, descriptor(id)], [2, authData("example.com", 1)], [3, Buffer.alloc(70)]), error: /signature/ },
    { answer: cborMap([1, descriptor(Buffer.alloc(16))], [2, authData("example.com", 1)], [3, Buffer.alloc(70)]), error: /not asked for/ },
    { answer: cborMap([1, descriptor(id)], [2, authData("example.com", 1)]), error: /0x03/, status: 3 },
    { answer: cborMap([1, descriptor(id)], [2, authData("example.com", 1).subarray(1)], [3, Buffer.alloc(70)]), error: /36 bytes/, status: 3 },
  ];
  for (const { answer, error, status = 1 } of cases) {
    const card = await recordingCard(t, getInfo({}), () => answer);
    const [outcome] = await ctap(cwd, ["get-assertion", "-d", card.uri, "--rp-id", "example.com", "--credential", "alice.cred"]);
    checkFailure(t, outcome!, status, error);
  }
  t.equal(readCredential(cwd).counter, 1);
  t.end();
});

t.test("--no-touch", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const uri = await virtualCard(t, "--approve", "never");
  const state = await virtualCard(t);
  await ctap(cwd, ["make-credential", "-d", state, "--rp-id", "example.com", "--user-name", "a", "--out", "a.cred"]);
  const [silent, u2f, none] = await ctap(
    cwd,
    ["get-assertion", "-d", state, "--rp-id", "example.com", "--credential", "a.cred", "--no-touch", "--json"],
    ["get-assertion", "-d", state, "--rp-id", "example.com", "--credential", readCredential(cwd, "a.cred").id, "--no-touch", "--u2f", "--json"],
    ["get-assertion", "-d", uri, "--rp-id", "example.com", "--no-touch"],
  );
  t.match(silent, { status: 0, stderr: /^verified: rp id hash; flags none; / });
  t.match(parse(silent!.stdout), { assertions: [{ flags: { up: false, uv: false } }] });
  t.match([u2f!.status, parse(u2f!.stdout)], [0, { assertions: [{ flags: { up: false } }] }]);
  checkFailure(t, none!, 1, /no credential/, "nobody is waited for");
  t.end();
});

t.test("a card that has CTAP1 alone", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { salt: Buffer.alloc(32, 1) });
  const card = await u2fCard(t, () => Buffer.from("6a80", "hex"));
  const sign = ["get-assertion", "-d", card.uri, "--rp-id", "example.com"];
  const id = ["--credential", Buffer.alloc(64, 1).toString("hex")];
  const cases: readonly (readonly [words: readonly string[], status: number, error: RegExp])[] = [
    [[], 3, /^error: get-assertion without --credential needs CTAP2, and the card has CTAP1 \(U2F\) alone$/],
    [["--u2f"], 2, /^error: get-assertion without --credential needs CTAP2, and does not go with --u2f$/],
    [[...id, "--uv", "required"], 3, /^error: --uv required needs CTAP2/],
    [[...id, "--uv", "required", "--u2f"], 2, /^error: --uv required needs CTAP2, and does not go with --u2f$/],
    [[...id, "--hmac-secret", "salt", "--hmac-secret-out", "out"], 3, /^error: --hmac-secret needs CTAP2/],
    [id, 1, /^error: card has no credential/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([words]) => [...sign, ...words]));
  for (const [i, [words, status, error]] of cases.entries()) checkFailure(t, outcomes[i]!, status, error, words.join(" "));
  t.match(outcomes[0]!.stderr, /^hint: name the credential with --credential$/m);
  t.equal(card.messages.filter(({ command }) => command === HID_COMMAND.msg).length, 1, "only the last was asked for");
  t.end();
});

t.test("a user whose name the card keeps to itself", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, [...MAKE, "--discoverable", "--user-id", "0102"]);
  const [text, json] = await ctap(cwd, SIGN, [...SIGN, "--json"]);
  t.match(text, { status: 0, stdout: /^user: +without a name \(0102\)$/m }, "without user verification");
  t.match(parse(json!.stdout), { assertions: [{ user: { id: "AQI", name: undefined } }] });
  t.end();
});

t.test("a mistyped file name", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const [none] = await ctap(cwd, [...SIGN, "--credential", "alicecred"]);
  checkFailure(t, none!, 2, /^error: "alicecred" is neither a credential id in base64url nor one in hexadecimal$/);
  t.match(none!.stderr, /^hint: there is no such file either; /m);
  t.end();
});

t.test("secrets of hmac-secret", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { salt: Buffer.alloc(32, 1), salts: Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32, 2)]), pin: "7392\n" });
  const derive = (...words: readonly string[]): readonly string[] => [...SIGN, "--json", ...words];
  await ctap(cwd, [...MAKE, "--hmac-secret", "--out", "alice.cred"], );
  await ctap(cwd, [...MAKE, "--out", "without.cred"]);
  for (const [protocol, salt, out] of [["1", "salt", "one"], ["2", "salt", "again"], ["1", "salts", "two"], ["2", "salts", "two-again"]] as const) {
    const [outcome] = await ctap(cwd, derive("--credential", "alice.cred", "--hmac-secret", salt, "--hmac-secret-out", out, "--pin-protocol", protocol));
    t.match(outcome, { status: 0, stdout: new RegExp(`"hmacSecretFile":"${out}"`) }, `${salt} by protocol ${protocol}`);
    t.equal(statSync(join(cwd, out)).mode & 0o777, 0o600);
    const secret = readFileSync(join(cwd, out));
    for (const text of [secret.toString("base64url"), secret.subarray(0, 32).toString("base64url"), secret.toString("hex")]) t.notOk((outcome!.stdout + outcome!.stderr).includes(text), "it is not shown");
  }
  const [one, again, two, twoAgain] = ["one", "again", "two", "two-again"].map((name) => readFileSync(join(cwd, name)));
  t.same([one!.length, two!.length], [32, 64]);
  t.same([again, twoAgain], [one, two], "the same by either protocol");
  t.same(two!.subarray(0, 32), one, "the same for the same salt");
  t.notSame(two!.subarray(32), one);

  const [exists, without, incomplete] = await ctap(
    cwd,
    derive("-q", "--credential", "alice.cred", "--hmac-secret", "salt", "--hmac-secret-out", "one"),
    derive("-q", "--credential", "without.cred", "--hmac-secret", "salt", "--hmac-secret-out", "none"),
    derive("-q", "--hmac-secret", "salt"),
  );
  t.match(exists, { status: 3, stdout: /"code":"FILE_EXISTS"/ });
  t.match(incomplete, { status: 2 });
  t.match(without, { status: 3, stdout: /"code":"CTAP_HMAC_SECRET"/ }, "of a credential that has none");
  t.notOk(listing(cwd).includes("none"));
  t.end();
});

t.test("secrets are derived from one credential", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { salt: Buffer.alloc(32, 1) });
  const make = (id: string): readonly string[] => [...MAKE, "--user-id", id, "--discoverable", "--hmac-secret"];
  await ctap(cwd, make("01"));
  const secrets = [...SIGN, "--hmac-secret", "salt", "--hmac-secret-out"];
  t.match(await ctap(cwd, [...secrets, "one"]), [{ status: 0 }]);
  await ctap(cwd, make("02"));
  const [several] = await ctap(cwd, [...secrets, "several"]);
  checkFailure(t, several!, 1, /2 credentials answered/);
  t.same(listing(cwd).filter((name) => !name.startsWith("card")), ["one", "salt"]);
  t.end();
});

t.test("the key for a large blob goes to the credential file", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, [...MAKE, "--discoverable", "--large-blob-key", "--out", "alice.cred"]);
  const made = readCredential(cwd);
  const { largeBlobKey, ...without } = made;
  writeFiles(cwd, { "fetched.cred": JSON.stringify(without) });
  const [fetched] = await ctap(cwd, [...SIGN, "--json", "--large-blob-key", "--credential", "fetched.cred"]);
  t.match(fetched, { status: 0 });
  t.equal(readCredential(cwd, "fetched.cred").largeBlobKey, largeBlobKey);
  t.notOk((fetched!.stdout + fetched!.stderr).includes(largeBlobKey!), "and nowhere else");

  await ctap(cwd, [...MAKE, "--user-id", "0a", "--discoverable", "--out", "none.cred"]);
  const [none] = await ctap(cwd, [...SIGN, "--large-blob-key", "--credential", "none.cred"]);
  t.match(none, { status: 0, stderr: /^warning: the credential has no key for a large blob$/m });
  t.end();
});

t.test("CTAP1", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, [...MAKE, "--u2f", "--out", "u2f.cred"]);
  const [byU2f] = await ctap(cwd, [...SIGN, "--u2f", "--json", "--credential", "u2f.cred"]);
  const answer = parse(byU2f!.stdout);
  t.match(byU2f, { status: 0, stderr: /signature by the public key in u2f\.cred/ });
  t.ok(isSigned(answer.assertions[0]!, answer, readCredential(cwd, "u2f.cred")));
  const [byCtap2] = await ctap(cwd, [...SIGN, "--json", "--credential", "u2f.cred"]);
  t.match(byCtap2, { status: 0 }, "CTAP2 takes credentials of CTAP1 too");
  const [stranger] = await ctap(cwd, [...SIGN, "--u2f", "--credential", Buffer.alloc(64, 1).toString("hex")]);
  checkFailure(t, stranger!, 1, /no credential/);
  t.end();
});

t.test("CTAP1 waits for the touch", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const [later, never] = await Promise.all([virtualCard(t, "--approve", "after:600"), virtualCard(t, "--approve", "never")]);
  const make = (uri: string, name: string, timeout: string): readonly string[] => ["make-credential", "-d", uri, "--u2f", "--rp-id", "example.com", "--user-name", "a", "--timeout", timeout, "--trace", `${name}.trace`];
  const [touched, late] = await ctap(cwd, make(later, "later", "20"), make(never, "never", "1"));
  t.match(touched, { status: 0, stderr: /^touch the card now \(waiting up to 20 s\)\nverified: / });
  t.match(late, { status: 1, stderr: /^error: card was not touched within 1 s$/m });
  t.ok(sentCommands(cwd, "never.trace").filter((command) => command === "msg").length > 2, "it is asked again and again");
  t.end();
});
