import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { makeClientData } from "../../../src/lib/ctap/client-data.ts";
import { unicode } from "../arbitraries.ts";
import { bytes, hex } from "./vectors.ts";

const text = (json: Uint8Array): string => Buffer.from(json).toString();

t.test("the bytes, as a browser writes them", (t) => {
  const { json, hash } = makeClientData("webauthn.create", bytes("fbff00"), "https://example.com");
  t.equal(text(json), '{"type":"webauthn.create","challenge":"-_8A","origin":"https://example.com","crossOrigin":false}');
  t.equal(hex(hash), createHash("sha256").update(json).digest("hex"));
  t.equal(text(makeClientData("webauthn.get", bytes("00"), "").json), '{"type":"webauthn.get","challenge":"AA","origin":"","crossOrigin":false}', "no padding");
  t.end();
});

t.test("what is escaped, and how: WebAuthn §5.8.1.1, CCDToString", (t) => {
  const origin = (origin: string): string => /"origin":(.*),"crossOrigin"/s.exec(text(makeClientData("webauthn.get", bytes("00"), origin).json))![1]!;
  t.equal(origin('a"b\\c/'), '"a\\"b\\\\c/"');
  t.equal(origin("\u0000\b\t\n\f\r\u001f"), '"\\u0000\\u0008\\u0009\\u000a\\u000c\\u000d\\u001f"', "no short forms, small letters");
  t.equal(origin("\u007f\u2028é\u{1f511}"), '"\u007f\u2028é\u{1f511}"', "all else as it is");
  t.equal(origin("\ud800"), '"\ufffd"', "what has no UTF-8 form");
  t.end();
});

t.test("it is JSON that says what was given", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), unicode, (challenge, origin) => {
      const { json } = makeClientData("webauthn.get", challenge, origin);
      assert.deepEqual(JSON.parse(text(json)), { type: "webauthn.get", challenge: Buffer.from(challenge).toString("base64url"), origin, crossOrigin: false });
    }),
  );
  t.end();
});
