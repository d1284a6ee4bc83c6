import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { checkAuthcode, encodeState, makeChallenge, parseState, type ChallengeOptions, type PendingChallenge } from "../../../src/lib/glome/challenger.ts";
import { publicKeyPrefix, type Version } from "../../../src/lib/glome/handshake.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import { challengeText } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";
import { answer, client, EVERY_PRIMITIVES, publicKeyOf, readChallenge, ringOf, service, toHex } from "./parties.ts";

const name = challengeText.map((text) => text.replaceAll(":", ""));
const host = name.filter((text) => text !== "");
const actions = {
  v1: fc.stringMatching(/^[A-Za-z0-9\-._~!$&'()*+,;=:@%]{1,6}(\/[A-Za-z0-9\-._~!$&'()*+,;=:@%]{1,6}){0,2}$/),
  v2: challengeText.filter((text) => text !== ""),
};

const options = fc.constantFrom<Version>("v1", "v2").chain((version) =>
  fc.record({
    version: fc.constant(version),
    serviceKey: fc.constant(service.publicKey),
    request: fc.record({ hostType: name, host, action: actions[version] }, { noNullPrototype: true }),
    index: fc.option(fc.integer({ min: 0, max: 127 }), { nil: undefined }),
    messageTagLength: fc.integer({ min: 0, max: 32 }),
    minAuthcodeLength: fc.constant(10),
  }),
);

t.test("a challenge is read as it was made, wherever it stands, and its answer is right", async (t) => {
  await fc.assert(
    fc.asyncProperty(options, fc.constantFrom("", "GLOME: ", "https://glome.example.com/api-v2/"), async (options, prompt) => {
      const pending = makeChallenge(options, client);
      const { version, request, index, messageTagLength } = options;
      assert.match(pending.challenge, /^v[12]\/[A-Za-z0-9_-]+={0,2}\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]+\/$/, "it is a path of a URL");

      const challenge = readChallenge(prompt + pending.challenge);
      assert.deepEqual(challenge.request, request);
      assert.deepEqual(challenge.tagged, pending.tagged);
      assert.equal(challenge.text, pending.challenge);
      assert.equal(challenge.messageTagPrefix.length, messageTagLength);
      assert.ok(challenge.clientKey.equals(client.publicKey));
      const prefix = publicKeyPrefix(service.publicKey, version);
      const hint = version === "v1" ? { kind: "index-or-prefix", value: index ?? prefix } : index === undefined ? { kind: "prefix", byte: prefix } : { kind: "index", index };
      assert.deepEqual(challenge.keyHint, hint);

      const authcode = await answer(prompt + pending.challenge, ringOf(service, index ?? 100));
      assert.ok(checkAuthcode(pending, authcode));
    }),
    { numRuns: 300 },
  );
  t.end();
});

const plain: ChallengeOptions = {
  version: "v2",
  serviceKey: service.publicKey,
  request: { hostType: "", host: "myhost", action: "shell=root" },
  index: 3,
  messageTagLength: 0,
  minAuthcodeLength: 10,
};
const pending = makeChallenge(plain, client);
const AUTHCODE = await answer(pending.challenge, ringOf(service, 3));

t.test("what cannot be said in a challenge makes none", (t) => {
  const isMade = (change: Partial<ChallengeOptions>): boolean => {
    try {
      makeChallenge({ ...plain, ...change }, client);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  };
  const wrong = [-1, 1.5, NaN, 128, 255, 256];
  t.same(wrong.filter((index) => isMade({ index })), [], "no index that a byte cannot hold");
  t.same(wrong.filter((index) => isMade({ index, version: "v1" })), [], "nor in v1");
  t.same(wrong.filter((messageTagLength) => isMade({ messageTagLength })), [], "nor more or less of a tag than there is");
  t.throws(() => makeChallenge({ ...plain, serviceKey: publicKeyOf("00".repeat(32)) }, client), { code: "GLOME_LOW_ORDER_KEY" });
  t.throws(() => makeChallenge({ ...plain, request: { hostType: "", host: "", action: "a" } }, client), { code: "CHALLENGE_HOST" });
  t.throws(() => makeChallenge({ ...plain, request: { hostType: "", host: "h", action: "a".repeat(64 * 1024) } }, client), { code: "CHALLENGE_TOO_LONG" }, "what nobody would read");
  t.end();
});

t.test("an authcode may be cut short, and be no other", (t) => {
  for (let length = 0; length <= 44; length++) {
    const code = AUTHCODE.slice(0, length);
    t.equal(checkAuthcode(pending, code), length >= 10, `${length} characters`);
    t.equal(checkAuthcode(pending, code, 20), length >= 20);
    t.equal(checkAuthcode(pending, code, 1), length >= 10, "the challenge's own minimum counts");
  }
  fc.assert(
    fc.property(fc.nat({ max: 43 }), fc.string({ minLength: 0, maxLength: 2 }), (at, characters) => {
      const changed = AUTHCODE.slice(0, at) + characters + AUTHCODE.slice(at + 1);
      assert.equal(checkAuthcode(pending, changed), changed.length >= 10 && AUTHCODE.startsWith(changed));
    }),
    { numRuns: 500 },
  );
  for (const code of [`${AUTHCODE}A`, ` ${AUTHCODE}`, `${AUTHCODE}\n`, "", "é".repeat(12), AUTHCODE.toUpperCase()]) t.notOk(checkAuthcode(pending, code), JSON.stringify(code));
  t.notOk(checkAuthcode(makeChallenge({ ...plain, request: { ...plain.request, action: "reboot" } }, client), AUTHCODE), "the code of another challenge");
  t.end();
});

t.test("what is kept until the answer comes", (t) => {
  const text = encodeState(pending);
  t.match(text, /^\{[^\n]+\}\n$/, "one line of JSON");
  for (const [name, primitives] of EVERY_PRIMITIVES) {
    const read = parseState(text, primitives);
    t.equal(toHex(read.clientKey.exportBytes()), toHex(client.exportBytes()), name);
    t.ok(read.serviceKey.equals(service.publicKey));
    t.same([read.challenge, read.tagged, read.minAuthcodeLength], [pending.challenge, pending.tagged, 10]);
    t.ok(checkAuthcode(read, AUTHCODE));
    t.equal(encodeState(read), text);
  }
  fc.assert(
    fc.property(options, (options) => {
      const state = encodeState(makeChallenge(options, client));
      assert.equal(encodeState(parseState(state, nodePrimitives)), state);
    }),
    { numRuns: 50 },
  );
  t.end();
});

t.test("what is no state, and no error tells the secret in it", (t) => {
  const text = encodeState(pending);
  const secret = (JSON.parse(text) as { clientPrivateKey: string }).clientPrivateKey;
  const changed = (change: Record<string, unknown>): string => JSON.stringify({ ...(JSON.parse(text) as object), ...change });
  const cases = [
    ...Array.from({ length: text.length - 1 }, (_, length) => text.slice(0, length)),
    text + text,
    "null",
    "[]",
    changed({ format: "keyhole-challenge-2" }),
    changed({ more: 1 }),
    changed({ clientPrivateKey: secret.slice(0, -1) }),
    changed({ clientPrivateKey: `${secret.slice(0, -1)}A` }),
    changed({ clientPrivateKey: "AAAA" }),
    changed({ servicePublicKey: secret.slice(4) }),
    changed({ tagged: "A" }),
    changed({ tagged: null }),
    changed({ minAuthcodeLength: 0 }),
    changed({ minAuthcodeLength: 45 }),
    changed({ minAuthcodeLength: 10.5 }),
    changed({ minAuthcodeLength: "10" }),
    changed({ clientPrivateKey: undefined }),
  ];
  for (const wrong of cases) {
    if (wrong.trimEnd() === text.trimEnd()) continue;
    let read: PendingChallenge | undefined;
    try {
      read = parseState(wrong, nodePrimitives);
    } catch (error) {
      assert.equal(errorCode(() => { throw error; }), "CHALLENGE_STATE");
      const { message, hint, cause } = error as Error & { hint: string };
      assert.ok(!`${message}${hint}${String(cause)}`.includes(secret.slice(0, 8)));
    }
    assert.equal(read, undefined, wrong);
  }
  t.end();
});
