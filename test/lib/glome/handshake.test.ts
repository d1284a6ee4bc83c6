import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { encodeBase64url } from "../../../src/lib/base64url.ts";
import { encodeHandshake, parseHandshake, publicKeyPrefix, type KeyHint, type Version } from "../../../src/lib/glome/handshake.ts";
import { PublicKey } from "../../../src/lib/glome/public-key.ts";
import { bytes32 } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";

const seven = fc.integer({ min: 0, max: 127 });
const v2Hint = fc.oneof(
  seven.map((index): KeyHint => ({ kind: "index", index })),
  seven.map((byte): KeyHint => ({ kind: "prefix", byte })),
);
const v1Hint = seven.map((value): KeyHint => ({ kind: "index-or-prefix", value }));
const versionAndHint = fc.oneof(fc.tuple(fc.constant<Version>("v1"), v1Hint), fc.tuple(fc.constant<Version>("v2"), v2Hint));

t.test("a handshake is read as it was written", (t) => {
  fc.assert(
    fc.property(versionAndHint, bytes32, fc.uint8Array({ maxLength: 32 }), ([version, keyHint], key, messageTagPrefix) => {
      const handshake = { keyHint, clientKey: new PublicKey(key), messageTagPrefix };
      const text = encodeHandshake(handshake);
      assert.deepEqual(parseHandshake(text, version), handshake);
      const bytes = Buffer.from(text, "base64url");
      assert.equal(bytes.length, 33 + messageTagPrefix.length);
      assert.ok(bytes.subarray(1, 33).equals(key) && bytes.subarray(33).equals(messageTagPrefix));
    }),
  );
  t.end();
});

t.test("the first byte: v2 marks an index by its top bit, v1 knows no difference", (t) => {
  for (let byte = 0; byte < 256; byte++) {
    const text = encodeBase64url(Uint8Array.of(byte, ...new Uint8Array(32)));
    assert.deepEqual(parseHandshake(text, "v2").keyHint, byte < 128 ? { kind: "prefix", byte } : { kind: "index", index: byte - 128 });
    if (byte < 128) assert.deepEqual(parseHandshake(text, "v1").keyHint, { kind: "index-or-prefix", value: byte });
    else assert.equal(errorCode(() => parseHandshake(text, "v1")), "CHALLENGE_HANDSHAKE");
  }
  t.end();
});

t.test("the byte of a public key that names it: in v2 the last, in v1 the first, seven bits of each", (t) => {
  fc.assert(
    fc.property(bytes32, (bytes) => {
      assert.equal(publicKeyPrefix(new PublicKey(bytes), "v2"), bytes[31]! % 128);
      assert.equal(publicKeyPrefix(new PublicKey(bytes), "v1"), bytes[0]! % 128);
    }),
  );
  t.end();
});

t.test("only 33 to 65 bytes are a handshake", (t) => {
  for (let length = 0; length <= 70; length++) {
    const code = errorCode(() => parseHandshake(encodeBase64url(new Uint8Array(length)), "v2"));
    assert.equal(code, length >= 33 && length <= 65 ? undefined : "CHALLENGE_HANDSHAKE", `${length} bytes`);
  }
  t.end();
});

t.test("a handshake cut short, or with a character changed, is another or none", (t) => {
  const text = encodeHandshake({ keyHint: { kind: "index", index: 3 }, clientKey: new PublicKey(new Uint8Array(32).fill(0xa5)), messageTagPrefix: Uint8Array.of(1, 2) });
  for (let length = 0; length < text.length; length++) {
    // 44 characters are 33 bytes: the same without its message tag.
    if (length !== 44) assert.equal(errorCode(() => parseHandshake(text.slice(0, length), "v2")), "CHALLENGE_HANDSHAKE", `${length} characters`);
  }
  const seen = new Set([text]);
  for (let at = 0; at < text.length; at++) {
    for (const character of "ABgw059-_=+/* \n.é") {
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      if (changed === text) continue;
      let read: string | undefined;
      const code = errorCode(() => (read = encodeHandshake(parseHandshake(changed, "v2"))));
      assert.ok(code === "CHALLENGE_HANDSHAKE" || !seen.has(read!), changed);
    }
  }
  t.end();
});
