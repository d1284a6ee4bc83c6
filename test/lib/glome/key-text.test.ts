import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { encodePublicKey, encodePublicKeyHex, encodePublicKeyPem, parsePublicKeyFile, parsePublicKeyHex, parsePublicKeyLine } from "../../../src/lib/glome/key-text.ts";
import { PublicKey } from "../../../src/lib/glome/public-key.ts";
import { encodePrivatePem } from "../../../src/lib/glome/pem.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { bytes32 } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";
import { service } from "./parties.ts";

const LINE = encodePublicKey(service.publicKey);
const parse = (text: string): PublicKey => parsePublicKeyFile(encodeUtf8(text));

t.test("a public key is read in each form that it is printed in", (t) => {
  fc.assert(
    fc.property(bytes32, fc.constantFrom("", "\n", "\r\n", "\n\n"), (bytes, end) => {
      const key = new PublicKey(bytes);
      assert.match(encodePublicKey(key), /^glome-v1 [A-Za-z0-9_-]{43}=$/);
      assert.match(encodePublicKeyHex(key), /^[0-9a-f]{64}$/);
      for (const text of [encodePublicKey(key), encodePublicKeyHex(key), encodePublicKeyHex(key).toUpperCase(), encodePublicKeyPem(key)]) {
        assert.ok(parse(text + end).equals(key), text);
      }
    }),
  );
  t.end();
});

t.test("a line cut short anywhere is none", (t) => {
  for (let length = 0; length < LINE.length; length++) {
    assert.ok(["GLOME_PUBLIC_KEY", "GLOME_PRIVATE_AS_PUBLIC"].includes(errorCode(() => parse(LINE.slice(0, length))) ?? "read"), LINE.slice(0, length));
  }
  t.end();
});

t.test("a line changed in any character is another key or none", (t) => {
  fc.assert(
    fc.property(fc.nat({ max: LINE.length - 1 }), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      const changed = LINE.slice(0, at) + character + LINE.slice(at + 1);
      let key: PublicKey | undefined;
      errorCode(() => (key = parse(changed)));
      assert.ok(changed === LINE || key?.equals(service.publicKey) !== true, changed);
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test("spellings", (t) => {
  const key = LINE.slice("glome-v1 ".length);
  for (const text of [`glome-v1\t${key}`, `glome-v1  \t ${key}`, `${LINE} `, `${LINE} root@localhost`, `${LINE}\tThe key of É`]) {
    t.ok(parse(`${text}\n`).equals(service.publicKey), JSON.stringify(text));
    t.ok(parsePublicKeyLine(text).equals(service.publicKey));
  }
  t.ok(parsePublicKeyHex(`0x${encodePublicKeyHex(service.publicKey)}`).equals(service.publicKey), "as older configurations may have it");
  for (const text of [`${LINE}x`, `${LINE}=`, `glome-v2 ${key}`, `GLOME-V1 ${key}`, ` ${LINE}`, key, `glome-v1 ${key.slice(0, -1)}`, `glome-v1 ${"A".repeat(44)}`, "glome-v1", "glome-v1 ", `glome-v1\n${key}`]) {
    t.throws(() => parse(`${text}\n`), { code: "GLOME_PUBLIC_KEY" }, JSON.stringify(text));
  }
  t.throws(() => parse(`${LINE}\n${LINE}\n`), { code: "GLOME_PUBLIC_KEY", message: /2 lines/ });
  t.end();
});

t.test("a private key in place of a public one is refused by name", (t) => {
  t.throws(() => parsePublicKeyFile(new Uint8Array(32).fill(0x80)), { code: "GLOME_PRIVATE_AS_PUBLIC" }, "32 raw bytes");
  t.throws(() => parse("0123456789abcdef0123456789abcdef"), { code: "GLOME_PRIVATE_AS_PUBLIC" }, "also where they look like text");
  t.throws(() => parse(encodePrivatePem(new Uint8Array(32))), { code: "GLOME_PRIVATE_AS_PUBLIC", message: "expected a public key, found a private key" });
  t.throws(() => parse("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), { code: "GLOME_PRIVATE_AS_PUBLIC" });
  t.end();
});
