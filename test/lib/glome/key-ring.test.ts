import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { encodeChallenge, parseChallengeText, type Challenge } from "../../../src/lib/glome/challenge.ts";
import { publicKeyPrefix, type KeyHint, type Version } from "../../../src/lib/glome/handshake.ts";
import { describeKeyHint, KeyRing, parseKeyName, type KeyRingEntry } from "../../../src/lib/glome/key-ring.ts";
import { PrivateKey } from "../../../src/lib/glome/private-key.ts";
import { PublicKey } from "../../../src/lib/glome/public-key.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { errorCodeOf } from "../errors.ts";
import { client } from "./parties.ts";

t.test("file names", (t) => {
  const cases = [
    ["3-datacenter.key", "3-datacenter", 3],
    ["0-a.key", "0-a", 0],
    ["127-a.key", "127-a", 127],
    ["7-.key", "7-", 7],
    ["3-a-b.key", "3-a-b", 3],
    ["datacenter.key", "datacenter", undefined],
    ["3.key", "3", undefined],
    ["3datacenter.key", "3datacenter", undefined],
    ["-3-a.key", "-3-a", undefined],
    ["a-3-b.key", "a-3-b", undefined],
    ["3-datacenter", "3-datacenter", undefined],
    ["3-datacenter.pem", "3-datacenter.pem", undefined],
    ["k", "k", undefined],
    [".key", "", undefined],
  ] as const;
  for (const [fileName, name, index] of cases) t.same(parseKeyName(fileName), { name, index }, fileName);
  for (const fileName of ["128-a.key", "1000-a.key", "03-a.key", "00-a.key", "0128-a.key", "99999999999999999999-a.key"]) {
    t.throws(() => parseKeyName(fileName), { code: "KEY_NAME" }, fileName);
  }
  t.end();
});

/** Keys by what their public keys begin and end with, so that some share a byte that names them. */
const pool = Array.from({ length: 40 }, (_, i) => new PrivateKey(new Uint8Array(32).fill(i + 1), nodePrimitives));

function twins(version: Version): readonly [PrivateKey, PrivateKey] {
  for (const key of pool) {
    const other = pool.find((other) => other !== key && publicKeyPrefix(other.publicKey, version) === publicKeyPrefix(key.publicKey, version));
    if (other !== undefined) return [key, other];
  }
  throw new Error(`no two keys of the pool share their ${version} prefix`);
}

const [A, B] = twins("v2");
const [C, D] = twins("v1");
const prefix = (key: PrivateKey, version: Version = "v2"): number => publicKeyPrefix(key.publicKey, version);

interface Asked {
  readonly version?: Version;
  readonly hint: KeyHint;
  /** The key that the client tags for, and how much of the tag it sends. */
  readonly taggedFor?: PrivateKey;
  readonly tagLength?: number;
  readonly clientKey?: PublicKey;
}

function challenge({ version = "v2", hint, taggedFor, tagLength = 6, clientKey = client.publicKey }: Asked): Challenge {
  const message = "myhost/reboot";
  const messageTagPrefix = taggedFor === undefined ? new Uint8Array() : client.exchange(taggedFor.publicKey).tag(encodeUtf8(message)).subarray(0, tagLength);
  return parseChallengeText(encodeChallenge(version, { keyHint: hint, clientKey, messageTagPrefix }, message));
}

const index = (index: number): KeyHint => ({ kind: "index", index });
const byPrefix = (byte: number): KeyHint => ({ kind: "prefix", byte });
const v1 = (value: number): KeyHint => ({ kind: "index-or-prefix", value });

/** A key by the name of its file. */
function ring(files: Readonly<Record<string, PrivateKey>>, anyIndex = false): KeyRing {
  return new KeyRing(
    Object.entries(files).map(([fileName, key]) => ({ ...parseKeyName(fileName), load: () => key })),
    anyIndex,
  );
}

type Files = Readonly<Record<string, PrivateKey>>;
type Case = readonly [name: string, files: Files, asked: Asked, expected: string];

// Expected is the name of the key that is chosen, or the code of the refusal.
const CASES: readonly Case[] = [
  ["an index", { "3-a.key": A, "4-c.key": C }, { hint: index(3) }, "3-a"],
  ["an index that no key has", { "3-a.key": A }, { hint: index(5) }, "KEY_NOT_FOUND"],
  ["an index, and keys without one", { "a.key": A, "c.key": C }, { hint: index(3) }, "KEY_NOT_FOUND"],
  ["an index, and one key without one in a directory", { "a.key": A }, { hint: index(3) }, "KEY_NOT_FOUND"],
  ["an index that two keys have", { "3-a.key": A, "3-c.key": C }, { hint: index(3) }, "KEY_AMBIGUOUS"],
  ["an index that one key has twice", { "3-a.key": A, "3-b.key": A }, { hint: index(3) }, "3-a"],
  ["an index that two keys have, and a message tag", { "3-a.key": A, "3-c.key": C }, { hint: index(3), taggedFor: C }, "3-c"],
  ["an index whose key is not the one tagged for", { "3-a.key": A, "4-c.key": C }, { hint: index(3), taggedFor: C }, "MESSAGE_TAG"],
  ["an index, and a message tag for a key without one", { "a.key": A, "c.key": C }, { hint: index(3), taggedFor: C }, "c"],
  ["an index that a wrong key has, and a message tag for one without", { "3-a.key": A, "c.key": C }, { hint: index(3), taggedFor: C }, "MESSAGE_TAG"],
  ["an index, and a message tag for a key that is not there", { "a.key": A, "b.key": B }, { hint: index(3), taggedFor: C }, "MESSAGE_TAG"],
  ["a prefix", { "a.key": A, "c.key": C }, { hint: byPrefix(prefix(A)) }, "a"],
  ["a prefix, whatever the index", { "9-a.key": A, "c.key": C }, { hint: byPrefix(prefix(A)) }, "9-a"],
  ["a prefix that is the index of another key", { [`${prefix(A)}-c.key`]: C, "a.key": A }, { hint: byPrefix(prefix(A)) }, "a"],
  ["a prefix that no key has", { "a.key": A }, { hint: byPrefix(prefix(C)) }, "KEY_NOT_FOUND"],
  ["a prefix that no key has, with a message tag for one", { "a.key": A }, { hint: byPrefix(prefix(C)), taggedFor: A }, "KEY_NOT_FOUND"],
  ["a prefix that two keys have", { "a.key": A, "b.key": B }, { hint: byPrefix(prefix(A)) }, "KEY_AMBIGUOUS"],
  ["a prefix that two keys have, and a message tag", { "a.key": A, "b.key": B }, { hint: byPrefix(prefix(A)), taggedFor: B }, "b"],
  ["a prefix that two keys have, and one byte of a message tag", { "a.key": A, "b.key": B }, { hint: byPrefix(prefix(A)), taggedFor: B, tagLength: 1 }, "b"],
  ["a prefix that two keys have, and a message tag for neither", { "a.key": A, "b.key": B }, { hint: byPrefix(prefix(A)), taggedFor: C }, "MESSAGE_TAG"],
  ["a prefix and a wrong message tag", { "a.key": A }, { hint: byPrefix(prefix(A)), taggedFor: B }, "MESSAGE_TAG"],
  ["v1: a value that is an index", { "3-a.key": A, "4-c.key": C }, { version: "v1", hint: v1(3) }, "3-a"],
  ["v1: a value that is a prefix", { "3-a.key": A, "4-c.key": C }, { version: "v1", hint: v1(prefix(C, "v1")) }, "4-c"],
  ["v1: a value that is only v2's prefix", { "a.key": A, "c.key": C }, { version: "v1", hint: v1(prefix(A)) }, "KEY_NOT_FOUND"],
  ["v1: a value that is the index of one and the prefix of another", { [`${prefix(C, "v1")}-a.key`]: A, "c.key": C }, { version: "v1", hint: v1(prefix(C, "v1")) }, "KEY_AMBIGUOUS"],
  ["v1: the same, and a message tag", { [`${prefix(C, "v1")}-a.key`]: A, "c.key": C }, { version: "v1", hint: v1(prefix(C, "v1")), taggedFor: A }, `${prefix(C, "v1")}-a`],
  ["v1: a value that is the index and the prefix of one key", { [`${prefix(C, "v1")}-c.key`]: C }, { version: "v1", hint: v1(prefix(C, "v1")) }, `${prefix(C, "v1")}-c`],
  ["v1: a prefix that two keys have", { "c.key": C, "d.key": D }, { version: "v1", hint: v1(prefix(C, "v1")) }, "KEY_AMBIGUOUS"],
  ["v1: a value that fits none, and a message tag for a key without an index", { "a.key": A, "c.key": C }, { version: "v1", hint: v1(3), taggedFor: A }, "a"],
  ["v1: a value that fits none", { "a.key": A, "c.key": C }, { version: "v1", hint: v1(3) }, "KEY_NOT_FOUND"],
  ["no keys", {}, { hint: index(0) }, "KEY_NOT_FOUND"],
];

const SOLE_CASES: readonly Case[] = [
  ["any index", { k: A }, { hint: index(77) }, "k"],
  ["any index, also for a key ring's file without one", { "a.key": A }, { hint: index(77) }, "a"],
  ["any index, with its message tag", { k: A }, { hint: index(77), taggedFor: A }, "k"],
  ["any index, but no other message tag", { k: A }, { hint: index(77), taggedFor: B }, "MESSAGE_TAG"],
  ["its prefix", { k: A }, { hint: byPrefix(prefix(A)) }, "k"],
  ["no other prefix", { k: A }, { hint: byPrefix(prefix(C)) }, "KEY_NOT_FOUND"],
  ["no other prefix, whatever the message tag", { k: A }, { hint: byPrefix(prefix(C)), taggedFor: A }, "KEY_NOT_FOUND"],
  ["any value of v1", { k: A }, { version: "v1", hint: v1(77) }, "k"],
  ["any value of v1, but no other message tag", { k: A }, { version: "v1", hint: v1(77), taggedFor: B }, "MESSAGE_TAG"],
  ["the index in its name", { "3-a.key": A }, { hint: index(3) }, "3-a"],
  ["no other index than the one in its name", { "3-a.key": A }, { hint: index(4) }, "KEY_NOT_FOUND"],
  ["not one of two", { k: A, l: C }, { hint: index(3) }, "KEY_NOT_FOUND"],
];

const outcome = async (keyRing: KeyRing, asked: Challenge): Promise<string> => {
  let name: string | undefined;
  const code = await errorCodeOf((async () => (name = (await keyRing.choose(asked)).name))());
  return name ?? code ?? "nothing";
};

t.test("which key of a ring answers", async (t) => {
  for (const [name, files, asked, expected] of CASES) t.equal(await outcome(ring(files), challenge(asked)), expected, name);
});

t.test("what a sole key given by --key answers", async (t) => {
  for (const [name, files, asked, expected] of SOLE_CASES) t.equal(await outcome(ring(files, true), challenge(asked)), expected, name);
});

t.test("a refusal is a no, and says what there is", async (t) => {
  await t.rejects(ring({ "3-a.key": A, "c.key": C }).choose(challenge({ hint: index(5) })), { kind: "no", message: "no key with index 5; keys at hand: 3-a, c" });
  await t.rejects(ring({}).choose(challenge({ hint: index(5) })), { kind: "no", message: /keys at hand: none/ });
  await t.rejects(ring({ "a.key": A, "b.key": B }).choose(challenge({ hint: byPrefix(prefix(A)) })), { kind: "no", message: /fits 2 keys .*: a, b/ });
  await t.rejects(ring({ "a.key": A }).choose(challenge({ hint: byPrefix(prefix(A)), taggedFor: C })), { kind: "no", code: "MESSAGE_TAG" });
  t.equal(describeKeyHint(byPrefix(5)), "with prefix 0x05");
  t.equal(describeKeyHint(v1(0x51)), "with index 81 or prefix 0x51");
});

t.test("a client key of low order is refused", async (t) => {
  await t.rejects(ring({ "3-a.key": A }).choose(challenge({ hint: index(3), clientKey: new PublicKey(new Uint8Array(32)) })), { code: "GLOME_LOW_ORDER_KEY" });
});

t.test("no key is read that need not be, as it may ask for a passphrase", async (t) => {
  const loaded: string[] = [];
  const entry = (fileName: string, key: PrivateKey): KeyRingEntry => ({ ...parseKeyName(fileName), load: () => (loaded.push(fileName), Promise.resolve(key)) });
  const keyRing = new KeyRing([entry("3-a.key", A), entry("4-c.key", C), entry("d.key", D)], false);
  await keyRing.choose(challenge({ hint: index(4) }));
  t.same(loaded, ["4-c.key"]);
});

const file = fc.tuple(fc.option(fc.integer({ min: 0, max: 3 })), fc.constantFrom(A, B, C, D));
const hint = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom(A, B, C, D));

t.test("whatever the ring: the key that is chosen is what the challenge says, and no other is", async (t) => {
  let choices = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(file, { maxLength: 4 }),
      fc.boolean(),
      fc.constantFrom<Version>("v1", "v2"),
      hint,
      fc.option(fc.constantFrom(A, B, C, D), { nil: undefined }),
      async (files, anyIndex, version, named, taggedFor) => {
        const entries = files.map(([index, key], i) => ({ name: String(i), index: index ?? undefined, key, load: () => key }));
        const value = typeof named === "number" ? named : prefix(named, version);
        const keyHint = version === "v1" ? v1(value) : typeof named === "number" ? index(value) : byPrefix(value);
        const keyRing = new KeyRing(entries, anyIndex);
        const asked = challenge({ version, hint: keyHint, ...(taggedFor === undefined ? {} : { taggedFor }) });
        let name: string | undefined;
        await errorCodeOf((async () => (name = (await keyRing.choose(asked)).name))());
        if (name === undefined) return;
        choices++;

        const chosen = entries[Number(name)]!;
        const isNamed = ({ index, key }: typeof chosen): boolean => (keyHint.kind !== "prefix" && index === value) || (keyHint.kind !== "index" && prefix(key, version) === value);
        const isSole = anyIndex && entries.length === 1;
        assert.ok(isNamed(chosen) || (chosen.index === undefined && keyHint.kind !== "prefix" && (isSole || taggedFor !== undefined)), "by its index or prefix, or by nothing that speaks against it");
        assert.ok(taggedFor === undefined || chosen.key === taggedFor, "by the message tag");
        const rivals = entries.filter((entry) => entry.key !== chosen.key && (taggedFor === undefined || entry.key === taggedFor) && (isNamed(entry) || !isNamed(chosen)));
        assert.ok(taggedFor !== undefined || rivals.length === 0, "and there is no second one");
      },
    ),
    { numRuns: 1000 },
  );
  t.ok(choices > 50, `${choices} were chosen`);
});
