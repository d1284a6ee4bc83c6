import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import t from "tap";
import fc from "fast-check";
import { encodeEncryptedPem } from "../../../src/lib/glome/encrypted-pem.ts";
import { encodePublicKey, encodePublicKeyPem } from "../../../src/lib/glome/key-text.ts";
import { encodePrivatePem } from "../../../src/lib/glome/pem.ts";
import { isEncryptedKeyFile, parsePrivateKeyFile } from "../../../src/lib/glome/private-key-file.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { bytes32 } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";
import { service } from "./parties.ts";

function unasked(): Uint8Array {
  throw new RangeError("nothing to ask a passphrase for");
}

t.test("a private key is read in each form that it is written in", (t) => {
  fc.assert(
    fc.property(bytes32, (bytes) => {
      for (const contents of [Uint8Array.from(bytes), encodeUtf8(encodePrivatePem(bytes))]) {
        assert.deepEqual(parsePrivateKeyFile(contents, unasked), bytes);
        assert.equal(isEncryptedKeyFile(contents), false);
      }
    }),
  );
  const bytes = Uint8Array.from(randomBytes(32));
  const passphrase = encodeUtf8("a passphrase");
  const encrypted = encodeUtf8(encodeEncryptedPem(bytes, passphrase, randomBytes));
  t.equal(isEncryptedKeyFile(encrypted), true);
  t.same(parsePrivateKeyFile(encrypted, () => passphrase), bytes);
  t.end();
});

t.test("any 32 bytes are a raw key, also those that look like text", (t) => {
  for (const text of ["-----BEGIN PRIVATE KEY-----\n1234", "glome-v1 0123456789abcdef0123456", "0123456789abcdef0123456789abcdef"]) {
    const contents = encodeUtf8(text);
    t.equal(contents.length, 32);
    t.same(parsePrivateKeyFile(contents, unasked), contents);
  }
  const contents = new Uint8Array(32).fill(5);
  parsePrivateKeyFile(contents, unasked).fill(0);
  t.same(contents, new Uint8Array(32).fill(5), "and the result is a copy");
  t.end();
});

t.test("any other number of raw bytes is none", (t) => {
  for (let length = 0; length <= 70; length++) {
    if (length !== 32) assert.equal(errorCode(() => parsePrivateKeyFile(new Uint8Array(length).fill(0xee), unasked)), "GLOME_PRIVATE_KEY_LENGTH", `${length} bytes`);
  }
  t.end();
});

t.test("what is given in place of a private key is named", (t) => {
  const pem = (type: "ed25519" | "x25519"): string => generateKeyPairSync(type as "x25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const cases = [
    ["a public key line", encodePublicKey(service.publicKey), "GLOME_PUBLIC_AS_PRIVATE", /found a public key/],
    ["one with a comment", `${encodePublicKey(service.publicKey)} root@host\n`, "GLOME_PUBLIC_AS_PRIVATE", /found a public key/],
    ["a public key in PEM", encodePublicKeyPem(service.publicKey), "GLOME_PUBLIC_AS_PRIVATE", /found a public key/],
    ["a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "GLOME_PEM", /"CERTIFICATE"/],
    ["an SSH key", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "GLOME_PEM", /"OPENSSH PRIVATE KEY"/],
    ["another curve", pem("ed25519"), "GLOME_PEM", /not an X25519 key/],
    ["PEM cut short", pem("x25519").slice(0, 60), "GLOME_PEM", /not whole/],
    ["nothing", "", "GLOME_PRIVATE_KEY_LENGTH", /0 bytes/],
    ["an older public key", "ab".repeat(32), "GLOME_PRIVATE_KEY_LENGTH", /64 bytes/],
  ] as const;
  for (const [name, text, code, message] of cases) t.throws(() => parsePrivateKeyFile(encodeUtf8(text), unasked), { code, message }, name);
  t.throws(() => parsePrivateKeyFile(encodeUtf8("ab".repeat(32)), unasked), { code: "GLOME_PRIVATE_KEY_LENGTH", hint: /public key/ });
  t.end();
});

t.test("no error shows what was read", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 33, maxLength: 64, min: 0x41, max: 0x5a }), (contents) => {
      try {
        parsePrivateKeyFile(contents, unasked);
        assert.fail("it was read");
      } catch (error) {
        const text = Buffer.from(contents).toString();
        assert.ok(error instanceof Error && !error.message.includes(text.slice(0, 8)) && !JSON.stringify(error).includes(text.slice(0, 8)));
      }
    }),
  );
  t.end();
});
