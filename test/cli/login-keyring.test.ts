import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { authcodeFor, challengeFor, findParty, partyOf } from "../support/glome-peer.ts";
import { BOB, BOB_1, type Party } from "../support/glome-vectors.ts";
import { checkFailure, keyhole, listing, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const INDEX = 0x80;
const prefixOf = ({ publicKey }: Party): number => publicKey[31]!;
const prefixOfV1 = ({ publicKey }: Party): number => publicKey[0]! & 0x7f;

/** Two keys that v2 calls by the same prefix byte. */
const ONE = partyOf("one");
const TWIN = findParty((party) => prefixOf(party) === prefixOf(ONE));

/** A directory of key files. */
function keyRing(t: Test, files: Readonly<Record<string, Party>>): string {
  const cwd = temporaryDirectory(t);
  mkdirSync(join(cwd, "keys"));
  writeFiles(join(cwd, "keys"), Object.fromEntries(Object.entries(files).map(([name, { key }]) => [name, key])));
  return cwd;
}

function checkAnswer(t: Test, outcome: Outcome, service: Party, name: string, message?: string): void {
  t.same([outcome.status, outcome.stdout], [0, `${authcodeFor(service, message)}\n`], name, { stderr: outcome.stderr });
}

t.test("a key is chosen by its index", (t) => {
  const cwd = keyRing(t, { "0-lab.key": ONE, "1-datacenter.key": BOB, "127-attic.key": BOB_1, "unnumbered.key": TWIN });
  const run = (challenge: string): Outcome => keyhole(["login", "--keyring", "keys", challenge], { cwd });
  for (const [index, service, name] of [[0, ONE, "0-lab"], [1, BOB, "1-datacenter"], [127, BOB_1, "127-attic"]] as const) {
    const outcome = run(challengeFor(service, { prefix: INDEX | index }));
    checkAnswer(t, outcome, service, name);
    t.ok(outcome.stderr.includes(name), "is shown");
    checkAnswer(t, run(challengeFor(service, { version: "v1", prefix: index })), service, `${name}, v1`);
  }
  checkFailure(t, run(challengeFor(BOB, { prefix: INDEX | 2 })), 1, /index 2/, "none has it");
  checkFailure(t, run(challengeFor(ONE, { prefix: INDEX | 1, tagLength: 3 })), 1, /message tag/, "it has, and the message tag is another's");
  checkAnswer(t, run(challengeFor(BOB, { prefix: INDEX | 1, tagLength: 3 })), BOB, "it has, and the message tag agrees");
  t.end();
});

t.test("a key is chosen by its prefix byte: the last of the public key, in v1 seven bits of the first", (t) => {
  const cwd = keyRing(t, { "7-one.key": ONE, "bob.key": BOB });
  const run = (challenge: string): Outcome => keyhole(["login", "--keyring", "keys", challenge], { cwd });
  for (const service of [ONE, BOB]) {
    checkAnswer(t, run(challengeFor(service, { prefix: prefixOf(service) })), service, "v2");
    checkAnswer(t, run(challengeFor(service, { version: "v1", prefix: prefixOfV1(service) })), service, "v1");
    checkAnswer(t, run(challengeFor(service, { prefix: prefixOf(service), tagLength: 32 })), service, "the message tag agrees");
    checkFailure(t, run(challengeFor(BOB_1, { prefix: prefixOf(service), tagLength: 1 })), 1, /message tag/, "the message tag is of neither");
  }
  checkFailure(t, run(challengeFor(BOB_1, { prefix: prefixOf(BOB_1) })), 1, /prefix 0x/, "none has it");
  checkFailure(t, run(challengeFor(BOB, { prefix: 0x68 })), 1, /prefix 0x68/, "the top seven bits of the first byte are no prefix");
  checkFailure(t, run(challengeFor(BOB, { version: "v1", prefix: prefixOf(BOB) })), 1, /prefix 0x/, "v1 does not take the last byte");
  t.end();
});

t.test("keys that a challenge cannot tell apart", (t) => {
  const cwd = keyRing(t, { "one.key": ONE, "twin.key": TWIN });
  const run = (challenge: string): Outcome => keyhole(["login", "--keyring", "keys", challenge], { cwd });
  const ambiguous = run(challengeFor(ONE, { prefix: prefixOf(ONE) }));
  checkFailure(t, ambiguous, 1, /2 keys.*one.*twin/, "say so");
  checkAnswer(t, run(challengeFor(ONE, { prefix: prefixOf(ONE), tagLength: 2 })), ONE, "unless the message tag tells");
  checkAnswer(t, run(challengeFor(TWIN, { prefix: prefixOf(ONE), tagLength: 2 })), TWIN, "the other one too");

  const sameIndex = keyRing(t, { "3-old.key": ONE, "3-new.key": BOB });
  checkFailure(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { prefix: INDEX | 3 })], { cwd: sameIndex }), 1, /2 keys/, "two of one index");
  checkAnswer(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { prefix: INDEX | 3, tagLength: 4 })], { cwd: sameIndex }), BOB, "two of one index, and a message tag");

  // v1 does not say whether its number is an index or a prefix.
  const v1 = keyRing(t, { [`${prefixOfV1(ONE)}-bob.key`]: BOB, "one.key": ONE });
  const number = { version: "v1", prefix: prefixOfV1(ONE) } as const;
  checkFailure(t, keyhole(["login", "--keyring", "keys", challengeFor(ONE, number)], { cwd: v1 }), 1, /2 keys/, "index of one, prefix of the other");
  checkAnswer(t, keyhole(["login", "--keyring", "keys", challengeFor(ONE, { ...number, tagLength: 2 })], { cwd: v1 }), ONE, "the message tag tells that it is the prefix");
  checkAnswer(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { ...number, tagLength: 2 })], { cwd: v1 }), BOB, "the message tag tells that it is the index");
  t.end();
});

t.test("the same key under two names is one key", (t) => {
  const cwd = keyRing(t, { "1-a.key": BOB, "1-b.key": BOB });
  checkAnswer(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { prefix: INDEX | 1 })], { cwd }), BOB, "is answered");
  t.end();
});

t.test("a key is chosen by the message tag alone", (t) => {
  const cwd = keyRing(t, { "one.key": ONE, "bob.key": BOB });
  const run = (challenge: string): Outcome => keyhole(["login", "--keyring", "keys", challenge], { cwd });
  checkAnswer(t, run(challengeFor(BOB, { prefix: INDEX | 9, tagLength: 3 })), BOB, "among keys without an index");
  checkFailure(t, run(challengeFor(BOB, { prefix: INDEX | 9 })), 1, /index 9/, "not without one");
  checkFailure(t, run(challengeFor(BOB_1, { prefix: INDEX | 9, tagLength: 3 })), 1, /message tag/, "not by another's");
  t.end();
});

t.test("one single --key without an index in its name answers any index", (t) => {
  const cwd = keyRing(t, { "bob.key": BOB, "4-bob": BOB, "3-bob.key": BOB });
  const run = (challenge: string, ...keys: readonly string[]): Outcome => keyhole(["login", ...keys.flatMap((key) => ["--key", `keys/${key}`]), challenge], { cwd });
  for (const key of ["bob.key", "4-bob"]) {
    for (const index of [0, 127]) checkAnswer(t, run(challengeFor(BOB, { prefix: INDEX | index }), key), BOB, `${key}, index ${index}`);
    checkAnswer(t, run(challengeFor(BOB, { version: "v1", prefix: 99 }), key), BOB, `${key}, v1`);
    checkFailure(t, run(challengeFor(BOB, { prefix: prefixOf(BOB) ^ 1 }), key), 1, /prefix 0x/, "never a prefix byte that does not match");
    checkFailure(t, run(challengeFor(ONE, { prefix: INDEX | 5, tagLength: 1 }), key), 1, /message tag/, "never a message tag that does not match");
  }
  checkAnswer(t, run(challengeFor(BOB, { prefix: INDEX | 3 }), "3-bob.key"), BOB, "with an index, that one");
  checkFailure(t, run(challengeFor(BOB, { prefix: INDEX | 4 }), "3-bob.key"), 1, /index 4/, "with an index, no other");
  checkFailure(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { prefix: INDEX | 9 })], { cwd: keyRing(t, { "bob.key": BOB }) }), 1, /index 9/, "not the sole one of a key ring");
  t.end();
});

t.test("several --key are a key ring", (t) => {
  const cwd = keyRing(t, { "1-one.key": ONE, "2-bob.key": BOB, "plain": BOB_1 });
  const run = (challenge: string, ...keys: readonly string[]): Outcome => keyhole([...keys.slice(1).flatMap((key) => ["--key", `keys/${key}`]), "login", `-kkeys/${keys[0]!}`, challenge], { cwd });
  checkAnswer(t, run(challengeFor(ONE, { prefix: INDEX | 1 }), "1-one.key", "2-bob.key"), ONE, "by index");
  checkAnswer(t, run(challengeFor(BOB, { prefix: prefixOf(BOB) }), "1-one.key", "2-bob.key", "plain"), BOB, "by prefix");
  checkFailure(t, run(challengeFor(BOB_1, { prefix: INDEX | 5 }), "1-one.key", "plain"), 1, /index 5/, "one without an index no longer answers for any");
  t.end();
});

t.test("names that are no names for a key", (t) => {
  for (const name of ["03-x.key", "128-x.key", "999999999999999999999-x.key"]) {
    const cwd = keyRing(t, { [name]: BOB, "1-good.key": BOB });
    checkFailure(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { prefix: INDEX | 1 })], { cwd }), 2, /expected an index from 0 to 127/, name);
    checkFailure(t, keyhole(["login", "--key", `keys/${name}`, challengeFor(BOB, { prefix: INDEX | 3 })], { cwd }), 2, /expected an index from 0 to 127/, `--key ${name}`);
  }
  t.end();
});

t.test("what is no key file in a key ring is left alone", (t) => {
  const cwd = keyRing(t, { "1-bob.key": BOB, "1-bob.pub": ONE, "README": ONE, "1-bob.key~": ONE });
  checkAnswer(t, keyhole(["login", "--keyring", "keys", challengeFor(BOB, { prefix: INDEX | 1 })], { cwd }), BOB, "is answered");
  t.end();
});

t.test("where the key ring is", (t) => {
  const challenge = challengeFor(BOB, { prefix: INDEX | 1 });
  const none = temporaryDirectory(t);
  checkFailure(t, keyhole(["login", challenge], { cwd: none }), 2, /no private key/, "nowhere");
  t.same(listing(none), [], "and looking for it makes no directory");

  const cwd = keyRing(t, { "1-bob.key": BOB });
  checkAnswer(t, keyhole(["login", challenge], { cwd, env: { KEYHOLE_KEYRING: "keys" } }), BOB, "KEYHOLE_KEYRING");
  mkdirSync(join(cwd, "config/keyhole/keys"), { recursive: true });
  writeFiles(join(cwd, "config/keyhole/keys"), { "1-one.key": ONE.key });
  checkAnswer(t, keyhole(["login", challengeFor(ONE, { prefix: INDEX | 1 })], { cwd }), ONE, "keys/ in the configuration directory");
  checkAnswer(t, keyhole(["login", "--keyring", "keys", challenge], { cwd }), BOB, "--keyring instead");
  checkAnswer(t, keyhole(["login", "--key", "keys/1-bob.key", challenge], { cwd }), BOB, "--key instead");
  checkAnswer(t, keyhole(["login", "--key", "keys/1-bob.key", challenge], { cwd, env: { KEYHOLE_KEYRING: "absent" } }), BOB, "--key instead of the environment's");

  const elsewhere = keyRing(t, { "1-bob.key": BOB });
  mkdirSync(join(elsewhere, ".config/keyhole/keys"), { recursive: true });
  writeFiles(join(elsewhere, ".config/keyhole/keys"), { "1-one.key": ONE.key });
  checkAnswer(t, keyhole(["login", challengeFor(ONE, { prefix: INDEX | 1 })], { cwd: elsewhere, env: { XDG_CONFIG_HOME: "" } }), ONE, "~/.config where XDG_CONFIG_HOME is empty");
  t.end();
});

t.test("key rings that cannot be used", (t) => {
  const challenge = challengeFor(BOB, { prefix: INDEX | 1 });
  const cwd = keyRing(t, { "1-bob.key": BOB });
  mkdirSync(join(cwd, "empty"));
  mkdirSync(join(cwd, "odd/1-directory.key"), { recursive: true });
  mkdirSync(join(cwd, "wrong"));
  writeFiles(join(cwd, "wrong"), { "1-public.key": BOB.pub });
  const run = (...words: readonly string[]): Outcome => keyhole(["login", ...words, challenge], { cwd });
  checkFailure(t, run("--keyring", "absent"), 2, /absent cannot be read: no such file or directory/, "missing");
  checkFailure(t, run("--keyring", "keys/1-bob.key"), 2, /cannot be read/, "a file");
  checkFailure(t, run("--keyring", "empty"), 2, /no private key/, "empty");
  checkFailure(t, run("--keyring", "odd"), 2, /it is a directory/, "a directory named like a key");
  checkFailure(t, run("--keyring", "wrong"), 2, /found a public key/, "a public key named like a private one");
  checkFailure(t, run("--keyring", "keys", "--key", "keys/1-bob.key"), 2, /--key and --keyring/, "both");
  t.end();
});
