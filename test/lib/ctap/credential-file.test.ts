import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { linkSync, lstatSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import t from "tap";
import { encodeCbor } from "../../../src/lib/ctap/cbor.ts";
import { COSE_ALGORITHM, encodeCosePublicKey } from "../../../src/lib/ctap/cose.ts";
import { encodeCredentialFile, parseCredentialFile, parseCredentialId, readCredentialFile, updateCredentialFile, writeCredentialFile, type Credential } from "../../../src/lib/ctap/credential-file.ts";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { listing, temporaryDirectory } from "../../support/keyhole.ts";
import { unicode } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";
import { startAtOnce } from "../processes.ts";
import { bytes, hex } from "./vectors.ts";

const KEYS = [
  { algorithm: COSE_ALGORITHM.es256, key: generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey },
  { algorithm: COSE_ALGORITHM.es384, key: generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey },
  { algorithm: COSE_ALGORITHM.eddsa, key: generateKeyPairSync("ed25519").publicKey },
  { algorithm: COSE_ALGORITHM.rs256, key: generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey },
].map(({ algorithm, key }) => ({ algorithm, publicKey: encodeCosePublicKey(key, algorithm) }));

const largeBlobKey = createHash("sha256").update("large-blob key").digest();

const credential: Credential = {
  id: bytes("00112233445566778899aabbccddeeff"),
  rpId: "example.com",
  user: { id: bytes("01020304"), name: "alice", displayName: "Alice Example" },
  ...KEYS[0]!,
  counter: 7,
  discoverable: true,
  u2f: false,
  largeBlobKey: new Uint8Array(largeBlobKey),
};

const text = (credential: Credential): string => Buffer.from(encodeCredentialFile(credential)).toString();
const parse = (text: string): Credential => parseCredentialFile(Buffer.from(text));

t.test("the file", (t) => {
  t.match(text(credential), /^\{[^\n]+\}\n$/, "one line of JSON");
  t.same(JSON.parse(text(credential)), {
    format: "keyhole-credential-1",
    id: "ABEiM0RVZneImaq7zN3u_w",
    rpId: "example.com",
    user: { id: "AQIDBA", name: "alice", displayName: "Alice Example" },
    algorithm: -7,
    publicKey: Buffer.from(encodeCbor(credential.publicKey)).toString("base64url"),
    counter: 7,
    discoverable: true,
    u2f: false,
    largeBlobKey: largeBlobKey.toString("base64url"),
  });
  t.same(parse(text(credential)), credential);
  t.end();
});

const optionalText = fc.option(unicode, { nil: undefined });
const credentials = fc.record<Credential>({
  id: fc.uint8Array({ minLength: 1, maxLength: 1023 }),
  rpId: unicode.filter((id) => id !== ""),
  user: fc.record({ id: fc.uint8Array({ minLength: 1, maxLength: 64 }), name: optionalText, displayName: optionalText }),
  algorithm: fc.constant(0),
  publicKey: fc.constant(new Map()),
  counter: fc.nat(2 ** 31 - 1).map((counter) => 2 * counter + 1),
  discoverable: fc.boolean(),
  u2f: fc.boolean(),
  largeBlobKey: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }),
});

t.test("what is written can be read, and is written the same again", (t) => {
  fc.assert(
    fc.property(credentials, fc.constantFrom(...KEYS), (fields, key) => {
      const written = text({ ...fields, ...key });
      const read = parse(written);
      assert.deepEqual({ ...read, user: { name: undefined, displayName: undefined, ...read.user } }, { ...fields, ...key, user: { ...fields.user } });
      assert.equal(text(read), written);
      assert.match(written, /^[^\p{C}]+\n$/u);
    }),
    { numRuns: 200 },
  );
  t.end();
});

t.test("files that cannot be used, and no error tells the secret in them", (t) => {
  const whole = text(credential);
  const changed = (change: Record<string, unknown>): string => JSON.stringify({ ...(JSON.parse(whole) as object), ...change });
  const userWith = (change: Record<string, unknown>): string => changed({ user: { id: "AQIDBA", ...change } });
  const key = (map: Credential["publicKey"]): string => Buffer.from(encodeCbor(map)).toString("base64url");
  const secret = largeBlobKey.toString("base64url");
  const offCurve = new Map(credential.publicKey).set(-3, new Uint8Array(32));
  const cases: readonly (string | Uint8Array)[] = [
    ...Array.from({ length: whole.length - 1 }, (_, length) => whole.slice(0, length)),
    whole + whole,
    `\ufeff${whole}`,
    Buffer.from(whole, "utf16le"),
    Buffer.concat([Buffer.from(whole), Buffer.of(0xff)]),
    "null",
    "[]",
    "{}",
    changed({ format: "keyhole-credential-2" }),
    changed({ more: 1 }),
    changed({ id: "" }),
    changed({ id: "A" }),
    changed({ id: "AB" }),
    changed({ id: "AA=" }),
    changed({ id: "+/8=" }),
    changed({ id: Buffer.alloc(1024).toString("base64url") }),
    changed({ rpId: "" }),
    changed({ rpId: null }),
    changed({ user: undefined }),
    userWith({ id: "" }),
    userWith({ id: Buffer.alloc(65).toString("base64url") }),
    userWith({ name: null }),
    userWith({ icon: "x" }),
    changed({ algorithm: -8 }),
    changed({ algorithm: "ES256" }),
    changed({ publicKey: "" }),
    changed({ publicKey: key(new Map()) }),
    changed({ publicKey: key(offCurve) }),
    changed({ publicKey: `${key(credential.publicKey)}AA` }),
    changed({ publicKey: "gA" }),
    changed({ counter: -1 }),
    changed({ counter: 2 ** 32 }),
    changed({ counter: 1.5 }),
    changed({ counter: "7" }),
    changed({ discoverable: 1 }),
    changed({ u2f: "no" }),
    changed({ largeBlobKey: null }),
    changed({ largeBlobKey: secret.slice(0, -4) }),
    changed({ largeBlobKey: [secret] }),
    // What other tools write: fido2-cred, ssh-keygen, a WebAuthn client, a browser.
    "Vy3yCGZ5CKTEjQoUrO4ekdi9e6VkGCI0YlRqqTTGz2U=\nexample.com\nes256\n",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    '{"id":"AQ","rawId":"AQ","type":"public-key","response":{},"clientExtensionResults":{}}',
    '{"format":"keyhole-challenge-1","challenge":"v2/"}',
  ];
  for (const wrong of cases) {
    let found: unknown;
    try {
      parseCredentialFile(Buffer.from(wrong));
    } catch (error) {
      found = error;
    }
    if (!(found instanceof KeyholeError)) throw new assert.AssertionError({ message: `taken, or a bug: ${Buffer.from(wrong).toString()}`, actual: found });
    assert.deepEqual([found.code, found.kind], ["CTAP_CREDENTIAL_FILE", "input"]);
    assert.match(found.message, /^credential file is not one that keyhole ctap make-credential wrote: [^\n]+$/);
    assert.doesNotMatch(`${found.message}${String(found.cause)}`, new RegExp(secret.slice(0, 8)));
  }
  t.end();
});

t.test("a file that only its owner can read, and that is never written over", (t) => {
  const path = join(temporaryDirectory(t), "alice.cred");
  writeCredentialFile(path, credential);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.same(readCredentialFile(path), credential);
  t.equal(errorCode(() => void writeCredentialFile(path, credential)), "FILE_EXISTS");
  t.equal(errorCode(() => readCredentialFile(`${path}.missing`)), "FILE_READ");
  writeFileSync(path, Buffer.alloc(64 * 1024 + 1));
  t.equal(errorCode(() => readCredentialFile(path)), "FILE_TOO_LONG");
  writeFileSync(path, "{}");
  t.throws(() => readCredentialFile(path), { code: "CTAP_CREDENTIAL_FILE", message: /^[^:]*alice\.cred: / }, "the error names the file");
  t.end();
});

t.test("the counter", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "alice.cred");
  writeCredentialFile(path, credential);
  updateCredentialFile(path, credential.id, { counter: 9 });
  t.same(readCredentialFile(path), { ...credential, counter: 9 }, "is raised, and nothing else changes");
  t.equal(statSync(path).mode & 0o777, 0o600);
  const { ino } = statSync(path);
  updateCredentialFile(path, credential.id, { counter: 8 });
  t.equal(readCredentialFile(path).counter, 9, "is never lowered");
  t.equal(statSync(path).ino, ino, "nor is the file written for that");
  t.same(listing(directory), ["alice.cred"], "nothing is left beside it");

  const other = new Uint8Array(32).fill(1);
  updateCredentialFile(path, credential.id, { counter: 9, largeBlobKey: other });
  t.same(readCredentialFile(path), { ...credential, counter: 9, largeBlobKey: other }, "a large-blob key that an assertion brought");
  t.end();
});

t.test("a file that cannot take the counter stays as it is", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "alice.cred");
  writeCredentialFile(path, credential);
  const before = readFileSync(path);
  t.equal(errorCode(() => void updateCredentialFile(path, bytes("00"), { counter: 9 })), "CTAP_CREDENTIAL_FILE", "another credential");
  linkSync(path, join(directory, "second"));
  t.equal(errorCode(() => void updateCredentialFile(path, credential.id, { counter: 9 })), "FILE_WRITE", "two names");
  t.same(readFileSync(path), before);
  t.equal(errorCode(() => void updateCredentialFile(join(directory, "missing"), credential.id, { counter: 9 })), "FILE_WRITE");
  t.same(listing(directory), ["alice.cred", "second"]);
  t.end();
});

t.test("by a symbolic link, the file that it points to is updated", (t) => {
  const directory = temporaryDirectory(t);
  mkdirSync(join(directory, "real"));
  const path = join(directory, "real", "alice.cred");
  writeCredentialFile(path, credential);
  const link = join(directory, "link");
  symlinkSync(path, link);
  updateCredentialFile(link, credential.id, { counter: 9 });
  t.equal(readCredentialFile(path).counter, 9);
  t.ok(lstatSync(link).isSymbolicLink());
  t.end();
});

t.test("processes at the same time leave a whole file with the highest counter", async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "alice.cred");
  writeCredentialFile(path, credential);
  const raise = (first: number): string =>
    `for (let counter = ${first}; counter < 70; counter += 3) lib.updateCredentialFile("alice.cred", Buffer.from("${hex(credential.id)}", "hex"), { counter });`;
  const ended = await startAtOnce("ctap/credential-file.js", [raise(10), raise(11), raise(12)], directory);
  t.same(ended.map(({ status }) => status), [0, 0, 0]);
  t.same(readCredentialFile(path), { ...credential, counter: 69 });
  t.same(listing(directory), ["alice.cred"]);
});

t.test("credential ids", (t) => {
  const cases: readonly (readonly [text: string, id: string])[] = [
    ["00ff", "00ff"],
    ["00FF", "00ff"],
    ["8f3a5c", "8f3a5c"],
    ["abc", "69b7"],
    ["abcd", "abcd"],
    ["AQ==", "01"],
    ["AQ", "01"],
    ["-_8", "fbff"],
    ["-_8=", "fbff"],
    ["ABEiM0RVZneImaq7zN3u_w", "00112233445566778899aabbccddeeff"],
  ];
  for (const [text, id] of cases) t.equal(hex(parseCredentialId(text)), id, text);
  for (const wrong of ["", "A", "AR", "AQ=", "AQ===", "A Q", "a+/b", "x".repeat(1369), "ff".repeat(1024), "é"]) {
    t.equal(errorCode(() => parseCredentialId(wrong)), "CTAP_CREDENTIAL_ID", wrong.slice(0, 20));
  }
  const ids = fc.uint8Array({ minLength: 1, maxLength: 1023 });
  fc.assert(
    fc.property(ids, (id) => {
      assert.deepEqual(parseCredentialId(hex(id)), id);
      assert.deepEqual(parseCredentialId(hex(id).toUpperCase()), id);
      for (const text of [Buffer.from(id).toString("base64url"), Buffer.from(id).toString("base64").replaceAll("+", "-").replaceAll("/", "_")]) {
        if (!/^([0-9a-f]{2})+$/i.test(text)) assert.deepEqual(parseCredentialId(text), id);
      }
    }),
  );
  t.end();
});
