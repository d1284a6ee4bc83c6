import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import t from "tap";
import { decryptPem, encodeEncryptedPem } from "../../../src/lib/glome/encrypted-pem.ts";
import { encodePrivatePem, pemLabel } from "../../../src/lib/glome/pem.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => 8 * i);
const PASSPHRASE = encodeUtf8("correct horse — batterie ☃");

// Each look at such a key takes as long as a guess of the passphrase should.
const pem = encodeEncryptedPem(KEY, PASSPHRASE, randomBytes);

t.test("a key under a passphrase is one that OpenSSL reads", (t) => {
  t.equal(pemLabel(pem), "ENCRYPTED PRIVATE KEY");
  const nodeKey = createPrivateKey({ key: pem, format: "pem", passphrase: Buffer.from(PASSPHRASE) });
  t.equal(nodeKey.asymmetricKeyType, "x25519");
  t.equal(nodeKey.export({ format: "pem", type: "pkcs8" }), encodePrivatePem(KEY));
  t.end();
});

t.test("another passphrase does not open it", (t) => {
  t.throws(() => decryptPem(pem, encodeUtf8("correct horse — batterie")), { code: "GLOME_PASSPHRASE" });
  t.end();
});

t.test("salt and vector come from the source of randomness", (t) => {
  const lengths: number[] = [];
  const other = encodeEncryptedPem(KEY, PASSPHRASE, (length) => new Uint8Array(length).fill(lengths.push(length)));
  t.ok(lengths.length === 2 && lengths.every((length) => length >= 16));
  const der = Buffer.from(other.split("\n").slice(1, -2).join(""), "base64");
  for (const [i, length] of lengths.entries()) t.ok(der.includes(Buffer.alloc(length, i + 1)), `${length} bytes are in it`);
  t.end();
});

t.test("keys that OpenSSL's other ways encrypt are read too, if they are X25519", (t) => {
  const encrypt = (key: KeyObject, cipher: string): string => key.export({ format: "pem", type: "pkcs8", cipher, passphrase: Buffer.from(PASSPHRASE) }).toString();
  const { privateKey } = generateKeyPairSync("x25519");
  const bytes = Buffer.from(privateKey.export({ format: "jwk" }).d!, "base64url");
  for (const cipher of ["aes-128-cbc", "aes-256-cbc"]) t.ok(bytes.equals(decryptPem(encrypt(privateKey, cipher), PASSPHRASE)), cipher);

  const ed25519 = encrypt(generateKeyPairSync("ed25519").privateKey, "aes-256-cbc");
  t.throws(() => decryptPem(ed25519, PASSPHRASE), { code: "GLOME_PEM", message: /ed25519, expected x25519/ });
  t.throws(() => decryptPem(encrypt(privateKey, "aes-256-cbc").replace(/\n.{20}/, "\n"), PASSPHRASE), { code: "GLOME_PASSPHRASE" }, "damaged");
  t.end();
});
