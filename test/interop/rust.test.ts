import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { protocol } from "../support/glome-vectors.ts";
import { keyhole, keyholeRaw, temporaryDirectory } from "../support/keyhole.ts";
import { installed } from "./support/installed.ts";
import { check, dissect, login, loginAll, newChallenge, refusal, WISHES, WISHES_V1 } from "./support/login.ts";
import { makeParty, nudge, padded, spoil } from "./support/party.ts";

const GLOME = installed("cargo/bin/glome");

/** The `glome` of the Rust crate. */
function glome(words: readonly string[], input: string | Uint8Array = ""): { status: number | null; stdout: Uint8Array; stderr: string } {
  const { status, stdout, stderr, error } = spawnSync(GLOME, words, { input, timeout: 10_000 });
  if (error !== undefined) throw error;
  return { status, stdout, stderr: stderr.toString() };
}

function text(outcome: { stdout: Uint8Array }): string {
  return Buffer.from(outcome.stdout).toString();
}

const directory = temporaryDirectory(t);
const alice = makeParty(directory, "alice");
const bob = makeParty(directory, "bob");
const ALICE_TO_BOB = ["--key", alice.keyFile, "--peer", bob.publicFile];
const BOB_TO_ALICE = ["--key", bob.keyFile, "--peer", alice.publicFile];

await t.test("genkey | pubkey: each takes the other's keys and prints the same", (t) => {
  for (const key of [glome(["genkey"]).stdout, keyholeRaw(["genkey"]).stdout]) {
    t.equal(key.length, 32);
    const line = text(keyholeRaw(["pubkey"], { input: key }));
    t.match(line, /^glome-v1 [A-Za-z0-9_-]{43}=\n$/);
    t.equal(text(glome(["pubkey"], key)), line);
  }
  const out = join(directory, "made-by-keyhole");
  t.equal(keyhole(["genkey", "--out", out]).status, 0);
  t.equal(text(glome(["pubkey"], readFileSync(out))), keyhole(["pubkey", "--key", out]).stdout, "--out writes a raw file");
  t.equal(glome(["tag", "--key", out, "--peer", bob.publicFile], "x").status, 0, "which the other reads as --key");
  t.end();
});

/** Messages with counters. */
const MESSAGES = [
  ["", "0"],
  ["The quick brown fox\n", "1"],
  ["héllo 日本", "100"],
  [Buffer.from([0, 1, 0xfe, 0xff]), "254"],
  [Buffer.alloc(100_000), "255"],
] as const;

await t.test("tag: the same words and the same characters", (t) => {
  for (const [message, counter] of MESSAGES) {
    const words = ["tag", "-k", alice.keyFile, "-p", bob.publicFile, "-c", counter];
    // Keyhole ends the line, as google/glome's C program does; the Rust one does not.
    t.equal(keyhole(words, { input: message }).stdout, `${text(glome(words, message))}\n`);
  }
  t.end();
});

await t.test("verify: each accepts the other's tags, and only those", (t) => {
  for (const [message, counter] of MESSAGES) {
    const theirs = text(glome(["tag", ...BOB_TO_ALICE, "--counter", counter], message));
    const ours = keyhole(["tag", ...BOB_TO_ALICE, "--counter", counter], { input: message }).stdout.trimEnd();
    const keyholeSays = (tag: string, number: string = counter) => keyhole(["verify", ...ALICE_TO_BOB, "--counter", number, "--tag", tag], { input: message }).status;
    const glomeSays = (tag: string, number: string = counter) => glome(["verify", ...ALICE_TO_BOB, "--counter", number, "--", tag], message).status;
    t.equal(keyholeSays(theirs), 0);
    t.equal(glomeSays(ours), 0);
    t.equal(keyholeSays(theirs, "8"), 1, "another counter");
    t.equal(glomeSays(ours, "8"), 1, "another counter");
    t.equal(keyholeSays(spoil(theirs)), 1, "another tag");
    t.equal(glomeSays(spoil(ours)), 1, "another tag");
  }
  t.end();
});

await t.test("verify: tags cut after any character, down to --min-tag-length", (t) => {
  const whole = text(glome(["tag", ...BOB_TO_ALICE], "cut"));
  const keyholeSays = (tag: string, least: number) => keyhole(["verify", ...ALICE_TO_BOB, "--quiet", "--min-tag-length", String(least), "--tag", tag], { input: "cut" }).status;
  const glomeSays = (tag: string, least: number) => glome(["verify", ...ALICE_TO_BOB, "--min-tag-length", String(least), "--", tag], "cut").status;
  for (const length of [2, 3, 4, 10, 11, 15, 42, 43, 44]) {
    const tag = whole.slice(0, length);
    t.equal(keyholeSays(tag, 2), 0, `${length} characters`);
    t.equal(glomeSays(tag, 2), 0, `${length} characters`);
  }
  for (const bytes of [7, 8, 16]) {
    const tag = padded(Buffer.from(whole, "base64url").subarray(0, bytes));
    t.equal(keyholeSays(tag, 2), 0, `${bytes} bytes with padding`);
    t.equal(glomeSays(tag, 2), 0, `${bytes} bytes with padding`);
  }
  t.not(keyholeSays(whole.slice(0, 15), 16), 0, "shorter than wanted");
  t.not(glomeSays(whole.slice(0, 15), 16), 0, "shorter than wanted");

  // The Rust program drops the bits of a cut tag beyond its last whole byte, and the 5th, 9th… character
  // altogether. Keyhole compares every bit that it was given.
  for (const length of [10, 11, 13]) {
    const tag = nudge(whole.slice(0, length));
    t.equal(keyholeSays(tag, 2), 1, `${length} characters, the last bit changed`);
    t.equal(glomeSays(tag, 2), 0, `${length} characters, the last bit changed`);
  }
  // Padding says that the tag was cut after a whole byte, and so for both nothing beyond that counts.
  for (const tag of [nudge(whole), nudge(padded(Buffer.from(whole, "base64url").subarray(0, 16)))]) {
    t.equal(keyholeSays(tag, 2), 0, tag);
    t.equal(glomeSays(tag, 2), 0, tag);
  }
  // And so it cannot be told to want 13 characters and take them.
  t.equal(keyholeSays(whole.slice(0, 13), 13), 0);
  t.equal(glomeSays(whole.slice(0, 13), 13), 1);
  t.end();
});

await t.test("low-order public keys: keyhole refuses what the Rust program tags with a secret that everybody knows", (t) => {
  const publicFile = join(directory, "low-order.pub");
  for (const { public_key_line } of protocol.low_order_public_keys) {
    writeFileSync(publicFile, `${public_key_line}\n`);
    const words = ["tag", "--key", alice.keyFile, "--peer", publicFile];
    const { status, stdout, stderr } = keyhole(words, { input: "x" });
    t.match({ status, stdout, stderr }, { status: 2, stdout: "", stderr: /low-order/ }, public_key_line);
    t.equal(glome(words, "x").status, 0, "the crate does not check");
  }
  t.end();
});

await t.test("login: the same authcode for keyhole's challenges, which keyhole then accepts", (t) => {
  const challenges = WISHES.map((wish, number) => {
    const keyWords = number % 2 === 0 ? ["--index", String(127 - number)] : ["--prefix"];
    return newChallenge(directory, bob, wish, [...keyWords, "--tag-prefix", String(3 * number)]);
  });
  const codes = loginAll(["--key", bob.keyFile], challenges.map(({ text }) => text));
  for (const [number, challenge] of challenges.entries()) {
    const code = text(glome(["login", "--key", bob.keyFile, challenge.text]));
    t.equal(codes[number], code, challenge.text);
    t.equal(check(challenge, code), 0);
  }
  t.end();
});

await t.test("login: the same authcode for challenges with any length of message tag, in URLs, and with odd bytes", (t) => {
  const { text: challenge } = newChallenge(directory, bob, WISHES[0]!, ["--index", "1", "--tag-prefix", "32"]);
  const { clientKey, messageTagPrefix } = dissect(challenge);
  const withTag = (length: number) => `v2/${padded(Buffer.concat([Buffer.of(0x81), clientKey, messageTagPrefix.subarray(0, length)]))}/myhost/shell=root/`;
  const untagged = (message: string) => `v2/${padded(Buffer.concat([Buffer.of(0x81), clientKey]))}/${message}/`;
  const all = [
    ...Array.from({ length: 33 }, (_, length) => withTag(length)),
    `https://glome.example.com/${withTag(4)}`,
    `/${withTag(0)}`,
    ...["my%2fhost/%72oot", "[v6]/[x]", "h%FF%FFst/x", "a%40b/a%3Ab", "my%3Atype/x", "a+b/c d", "hést/é", "myhost/", "v2/v2"].map(untagged),
  ];
  const codes = loginAll(["--key", bob.keyFile], all);
  t.equal(codes.length, all.length);
  for (const [i, each] of all.entries()) t.equal(codes[i], text(glome(["login", "--key", bob.keyFile, each])), each);
  t.end();
});

await t.test("login: both refuse", (t) => {
  const { text: challenge } = newChallenge(directory, bob, WISHES[0]!, ["--prefix", "--tag-prefix", "4"]);
  const { clientKey, messageTagPrefix } = dissect(challenge);
  const handshake = (keyByte: number, ...rest: Uint8Array[]) => padded(Buffer.concat([Buffer.of(keyByte), ...rest]));
  const bad: Record<string, readonly [code: string, challenge: string]> = {
    "another request": ["MESSAGE_TAG", challenge.replace("root", "boot")],
    "another prefix byte": ["KEY_NOT_FOUND", `v2/${handshake(alice.publicKey[31]!, clientKey)}/myhost/shell=root/`],
    "no last slash": ["CHALLENGE_END", challenge.slice(0, -1)],
    "an extra part": ["CHALLENGE_SEGMENTS", `${challenge}more/`],
    "no action": ["CHALLENGE_SEGMENTS", `v2/${handshake(0x81, clientKey)}/myhost/`],
    "a short handshake": ["CHALLENGE_HANDSHAKE", `v2/${handshake(0x81, clientKey.subarray(1))}/myhost/shell=root/`],
    "a long handshake": ["CHALLENGE_HANDSHAKE", `v2/${handshake(0x81, clientKey, Buffer.alloc(33))}/myhost/shell=root/`],
    "a handshake without padding": ["CHALLENGE_HANDSHAKE", `v2/${handshake(0x81, clientKey, messageTagPrefix).replace("=", "")}/myhost/shell=root/`],
    "no challenge": ["CHALLENGE_NOT_FOUND", "myhost"],
  };
  for (const [name, [code, each]] of Object.entries(bad)) {
    t.equal(refusal(bob, each), code, name);
    t.match(glome(["login", "--key", bob.keyFile, each]), { status: 1, stdout: Buffer.alloc(0) }, name);
  }
  t.end();
});

await t.test("login: where they differ", (t) => {
  const { text: challenge } = newChallenge(directory, bob, WISHES[0]!, ["--index", "1"]);
  const start = challenge.slice(0, challenge.indexOf("/", 3) + 1);
  const lowOrder = padded(Buffer.concat([Buffer.of(0x81), Buffer.alloc(32)]));
  const answeredByRust: Record<string, readonly [code: string, challenge: string]> = {
    // With two colons it cannot be told where the host type ends; the Rust program does not read the message at all.
    "two colons": ["CHALLENGE_COLON", `${start}my:type:host/root/`],
    "an empty host": ["CHALLENGE_HOST", `${start}/root/`],
    "an escape that is none": ["CHALLENGE_ESCAPE", `${start}100%/root/`],
    // Whoever answers this gives away nothing, but the one who asked could have made the code without asking.
    "a low-order client key": ["GLOME_LOW_ORDER_KEY", `v2/${lowOrder}/myhost/shell=root/`],
  };
  for (const [name, [code, each]] of Object.entries(answeredByRust)) {
    t.equal(refusal(bob, each), code, name);
    t.equal(glome(["login", "--key", bob.keyFile, each]).status, 0, name);
  }

  const v1 = newChallenge(directory, bob, WISHES_V1[0]!, ["--protocol", "v1"]);
  t.match(glome(["login", "--key", bob.keyFile, v1.text]), { status: 1, stderr: /v2/ }, "the Rust program knows v2 alone");
  t.equal(check(v1, login(bob, v1.text)), 0);
  t.end();
});
