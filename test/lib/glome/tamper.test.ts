import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import t from "tap";
import fc from "fast-check";
import { parseChallengeText, type Challenge } from "../../../src/lib/glome/challenge.ts";
import { makeChallenge } from "../../../src/lib/glome/challenger.ts";
import { encodeHandshake, type Version } from "../../../src/lib/glome/handshake.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import { grant, type Grant } from "../../../src/lib/glome/responder.ts";
import { byteString, bytesOf, type ByteString } from "../../../src/lib/text.ts";
import { BOB } from "../../support/glome-vectors.ts";
import { errorCodeOf } from "../errors.ts";
import { client, ringOf, service } from "./parties.ts";

// What a change of a challenge on its way can bring about.

/** The key ring of an operator whose one key has an index. */
const ring = ringOf(service, 3);

/** What is granted for a text; nothing where it is refused. */
async function granted(text: ByteString): Promise<Grant | undefined> {
  let result: Grant | undefined;
  await errorCodeOf((async () => (result = await grant(parseChallengeText(text), ring, undefined)))());
  return result;
}

/** Characters of a handshake without a message tag. */
const HANDSHAKE_LENGTH = 44;

interface Sample {
  readonly text: ByteString;
  readonly challenge: Challenge;
}

function sample(version: Version, index: number | undefined, messageTagLength: number, hostType: string, host: string, action: string): Sample {
  const { challenge: text } = makeChallenge({ version, serviceKey: service.publicKey, request: { hostType, host, action }, index, messageTagLength, minAuthcodeLength: 10 }, client);
  return { text, challenge: parseChallengeText(text) };
}

const SAMPLES = [
  sample("v2", 3, 32, "serial", "A/1", "exec=/bin/sh"),
  sample("v2", undefined, 6, "", "myhost", "shell=root"),
  sample("v1", 3, 6, "serial", "A/1#", "shell/root"),
  sample("v1", undefined, 32, "", "myhost", "shell/root"),
];

/**
 * Whether a challenge says the same as a sample, spelled in another way. Two
 * things are free: the case of the digits in v1's escapes, as v1 tags the host
 * without them, and the byte that names the key, where it names the same key.
 */
function isSame({ challenge }: Grant, { challenge: original }: Sample): boolean {
  const spelled = ({ version, text, ...rest }: Challenge): string => {
    const others = text.replace(encodeHandshake(rest), "");
    return version === "v1" ? others.replaceAll(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase()) : others;
  };
  return spelled(challenge) === spelled(original) && encodeHandshake({ ...challenge, keyHint: original.keyHint }) === encodeHandshake(original);
}

/**
 * A cut inside the handshake may take the message tag, or the end of it, and
 * leave all else. What remains is a challenge for the same request.
 */
function isSameWithLessTag({ challenge, ...rest }: Grant, one: Sample): boolean {
  const tag = one.challenge.messageTagPrefix;
  const { length } = challenge.messageTagPrefix;
  const restored = { ...challenge, messageTagPrefix: tag };
  return length < tag.length && tag.subarray(0, length).every((byte, i) => byte === challenge.messageTagPrefix[i]) && isSame({ ...rest, challenge: { ...restored, text: challenge.text.replace(encodeHandshake(challenge), encodeHandshake(restored)) } }, one);
}

/**
 * A slash in place of the first character of v1's message tag, or before it,
 * ends the handshake there, and the tag becomes the host of another request,
 * which no reader can tell from a real one. It is shown as such, and its code
 * is of no use to the client. In v2 there are then too many segments.
 */
function isOtherWithoutTag({ challenge }: Grant, { text: original }: Sample): boolean {
  const untagged = original.slice(0, "v1/".length + HANDSHAKE_LENGTH);
  if (challenge.version !== "v1" || challenge.messageTagPrefix.length > 0 || !challenge.text.startsWith(`${untagged}/`)) return false;
  checkShown(challenge);
  return original.slice(untagged.length).includes(`${challenge.request.host}/`);
}

/** Bytes that mean something in a challenge or around it, and some that do not. */
const BYTES = Array.from("Aaz09-_=+/%:.~ 2vV\n\r\0\x1b\x80\xff");

/** Each byte replaced, and each bit turned. */
function* substitutions(text: ByteString): Generator<ByteString> {
  for (let at = 0; at < text.length; at++) {
    const turned = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => String.fromCharCode(text.charCodeAt(at) ^ bit));
    for (const byte of [...BYTES, ...turned]) if (byte !== text.charAt(at)) yield text.slice(0, at) + byte + text.slice(at + 1);
  }
}

function* cuts(text: ByteString): Generator<ByteString> {
  for (let length = 1; length < text.length; length++) {
    for (let at = 0; at + length <= text.length; at++) {
      yield text.slice(at, at + length); // at both ends
      if (length <= 4 && at > 0 && at + length < text.length) yield text.slice(0, at) + text.slice(at + length); // inside
    }
  }
}

function* insertions(text: ByteString): Generator<ByteString> {
  for (let at = 1; at < text.length; at++) {
    for (const byte of BYTES) yield text.slice(0, at) + byte + text.slice(at);
  }
}

function* swaps(text: ByteString): Generator<ByteString> {
  for (let at = 1; at < text.length; at++) {
    if (text[at] !== text[at - 1]) yield text.slice(0, at - 1) + text.charAt(at) + text.charAt(at - 1) + text.slice(at + 1);
  }
}

for (const changes of [substitutions, insertions, cuts, swaps]) {
  t.test(`a message tag: no code after ${changes.name}`, async (t) => {
    for (const one of SAMPLES) {
      assert.ok(await granted(one.text));
      for (const text of changes(one.text)) {
        const answer = await granted(text);
        // Bytes before and after the challenge are not part of it, and "vv2/" may have either v before it.
        const isOutside = text.includes(one.text);
        if (answer === undefined || isOutside || isSame(answer, one)) continue;
        assert.ok(changes === cuts ? isSameWithLessTag(answer, one) : isOtherWithoutTag(answer, one), JSON.stringify(text));
      }
    }
    t.end();
  });
}

t.test("what is outside the challenge is not part of it", async (t) => {
  for (const { text, challenge } of SAMPLES) {
    for (const around of [`GLOME: ${text}`, `https://h/${text}`, `\x1b[1m${text}`, `\0${text}\r\n\xff`, `line\n${text}\n\nline`]) {
      const answer = await granted(around);
      t.same(answer?.challenge.text, challenge.text, JSON.stringify(around));
    }
  }
});

/** A change of some bytes at a place. */
const edit = fc.record({
  at: fc.nat({ max: 200 }),
  drop: fc.nat({ max: 6 }),
  insert: fc.oneof(fc.constantFrom("", "%2F", "%2f", "/", ":", "%3A", "v1", "v2", "A", "\n"), fc.uint8Array({ maxLength: 4 }).map(byteString)),
});

const edited = (text: ByteString, edits: readonly { at: number; drop: number; insert: string }[]): ByteString =>
  edits.reduce((changed, { at, drop, insert }) => {
    const place = at % (changed.length + 1);
    return changed.slice(0, place) + insert + changed.slice(place + drop);
  }, text);

t.test("a message tag: after any changes, a code is for the same request from the same client, or the tag has gone", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...SAMPLES), fc.array(edit, { minLength: 1, maxLength: 3 }), async ({ text, challenge }, edits) => {
      const answer = await granted(edited(text, edits));
      if (answer === undefined || answer.challenge.messageTagPrefix.length === 0) return;
      assert.deepEqual(answer.challenge.tagged, challenge.tagged);
      assert.ok(answer.challenge.clientKey.equals(challenge.clientKey));
    }),
    { numRuns: 2000 },
  );
  t.end();
});

/** Undoes percent escapes, byte by byte. */
function decoded(segment: ByteString): ByteString {
  return segment
    .split("%")
    .map((part, i) => (i === 0 ? part : String.fromCharCode(Number(`0x${part.slice(0, 2)}`)) + part.slice(2)))
    .join("");
}

/** The bytes of a text that is shown; a lone surrogate stands for a byte that is not UTF-8. */
function shownBytes(text: string): ByteString {
  return Array.from(text, (character) => (/^[\udc80-\udcff]$/.test(character) ? String.fromCharCode(character.charCodeAt(0) - 0xdc00) : byteString(Buffer.from(character)))).join("");
}

/** What must have been tagged if all that is shown is true. */
function checkShown({ version, request, tagged, oddities }: Challenge): void {
  const isEmptyType = oddities.some(({ code }) => code === "empty-host-type");
  assert.ok(!(isEmptyType && request.hostType !== ""));
  const host = `${request.hostType === "" && !isEmptyType ? "" : `${shownBytes(request.hostType)}:`}${shownBytes(request.host)}`;
  const action = shownBytes(request.action);
  if (version === "v1") assert.equal(byteString(tagged), `${host}/${action}`);
  else assert.deepEqual(byteString(tagged).split("/").map(decoded), [host, action]);
}

/** The tag that google/glome's documents describe, by node:crypto alone. */
function authcode(clientKey: Uint8Array, tagged: Uint8Array): string {
  const secret = nodePrimitives.importPrivateKey(BOB.key).sharedSecret(clientKey)!;
  const mac = createHmac("sha256", Buffer.concat([secret, clientKey, BOB.publicKey])).update(Uint8Array.of(0)).update(tagged);
  return mac.digest("base64").replaceAll("+", "-").replaceAll("/", "_");
}

const hintByte = new Map<string, readonly number[]>([
  ["v1", [3, BOB.publicKey[0]! & 0x7f]],
  ["v2", [0x83, BOB.publicKey[31]!]],
]);

const segmentPiece = fc.oneof(
  fc.constantFrom("a", "host", "%2F", "%2f", "%3A", "%25", "%41", "%FF", "%C3%A9", "%E2%80%AE", "%0A", ":", "+", " ", "\xff", "\xc3\xa9", "[", "~", "v2", "%00"),
  fc.stringMatching(/^[ -~]{1,3}$/),
);
const segment = fc.array(segmentPiece, { maxLength: 4 }).map((pieces) => pieces.join(""));

t.test("no message tag: what is answered shows exactly the request that is tagged", async (t) => {
  let answers = 0;
  await fc.assert(
    fc.asyncProperty(fc.constantFrom<Version>("v1", "v2"), fc.boolean(), fc.array(segment, { minLength: 2, maxLength: 3 }), fc.array(edit, { maxLength: 1 }), async (version, byIndex, segments, edits) => {
      const handshake = byteString(Buffer.from([hintByte.get(version)![byIndex ? 0 : 1]!, ...client.publicKey.bytes]));
      const text = edited(`${version}/${Buffer.from(bytesOf(handshake)).toString("base64url")}/${segments.join("/")}/`, edits);
      const answer = await granted(text);
      if (answer === undefined) return;
      answers++;
      const { challenge } = answer;
      checkShown(challenge);
      assert.equal(answer.authcode(), authcode(challenge.clientKey.bytes, challenge.tagged));

      // v2 tags its message as it was received.
      if (challenge.version === "v2") assert.ok(text.includes(`/${byteString(challenge.tagged)}/`));
    }),
    { numRuns: 3000 },
  );
  t.ok(answers > 200, `${answers} were answered`);
});
