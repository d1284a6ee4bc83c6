import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import t from "tap";
import fc from "fast-check";
import { encodePrivatePem, encodePublicPem, parsePrivatePem, parsePublicPem, pemLabel } from "../../../src/lib/glome/pem.ts";
import { PrivateKey } from "../../../src/lib/glome/private-key.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import { bytes32 } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";

t.test("PEM is what node:crypto writes and reads", (t) => {
  fc.assert(
    fc.property(bytes32, (bytes) => {
      const nodeKey = createPrivateKey({ key: encodePrivatePem(bytes), format: "pem" });
      assert.equal(nodeKey.asymmetricKeyType, "x25519");
      assert.equal(nodeKey.export({ format: "jwk" }).d, Buffer.from(bytes).toString("base64url"));
      assert.equal(nodeKey.export({ format: "pem", type: "pkcs8" }), encodePrivatePem(bytes));
      assert.deepEqual(parsePrivatePem(encodePrivatePem(bytes)), bytes);

      const publicKey = new PrivateKey(bytes, nodePrimitives).publicKey.bytes;
      const publicPem = createPublicKey(nodeKey).export({ format: "pem", type: "spki" });
      assert.equal(encodePublicPem(publicKey), publicPem);
      assert.deepEqual(Buffer.from(parsePublicPem(encodePublicPem(publicKey))), Buffer.from(publicKey));
    }),
    { numRuns: 30 },
  );
  t.end();
});

const privatePem = encodePrivatePem(new Uint8Array(32).fill(7));
const publicPem = encodePublicPem(new Uint8Array(32).fill(9));

t.test("lines may end as they do on Windows, and blank ones stand around", (t) => {
  for (const pem of [privatePem.replaceAll("\n", "\r\n"), `\n\n${privatePem}\n\n`, privatePem.trimEnd()]) {
    t.equal(pemLabel(pem), "PRIVATE KEY");
    t.same(parsePrivatePem(pem), new Uint8Array(32).fill(7));
  }
  t.end();
});

t.test("PEM cut short anywhere is no key", (t) => {
  for (const [pem, parse] of [[privatePem, parsePrivatePem], [publicPem, parsePublicPem]] as const) {
    // The last newline is not missed.
    for (let length = 0; length < pem.length - 1; length++) assert.equal(errorCode(() => parse(pem.slice(0, length))), "GLOME_PEM", `${length} characters`);
    for (let start = 1; start < pem.length; start++) assert.notEqual(pemLabel(pem.slice(start)), pemLabel(pem), `from ${start} on`);
  }
  t.end();
});

t.test("the label is the one of the first line", (t) => {
  t.equal(pemLabel(publicPem), "PUBLIC KEY");
  t.equal(pemLabel("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA"), "ENCRYPTED PRIVATE KEY");
  for (const text of ["", "-----BEGIN -----\n", "x-----BEGIN PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY----- x\n", "----BEGIN PRIVATE KEY----\n", `a key:\n${privatePem}`]) {
    t.equal(pemLabel(text), undefined, JSON.stringify(text));
  }
  t.end();
});

t.test("what is no X25519 key in this form is refused", (t) => {
  const [, body = ""] = privatePem.split("\n");
  const around = (text: string): string => `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`;
  const der = (hex: string): string => around(Buffer.from(hex, "hex").toString("base64"));
  const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const head = "302e020100300506032b656e04220420";
  const cases = {
    "an Ed25519 key": ed25519,
    "a P-256 key": p256,
    "31 bytes": der(head + "07".repeat(31)),
    "33 bytes": der(head + "07".repeat(33)),
    "another version": der(`302e020101${head.slice(10)}${"07".repeat(32)}`),
    "no bytes": around(""),
    "a character that is not base64": around(`${body.slice(0, 10)}!${body.slice(11)}`),
    "base64url": around(body.replace(/.$/, "_")),
    "a blank inside": around(`${body.slice(0, 32)} ${body.slice(32)}`),
    "another end": privatePem.replace("END PRIVATE", "END PUBLIC"),
    "two blocks": privatePem + privatePem,
    "text after the end": `${privatePem}x`,
    "headers": privatePem.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n"),
  };
  for (const [name, pem] of Object.entries(cases)) t.throws(() => parsePrivatePem(pem), { code: "GLOME_PEM" }, name);
  t.throws(() => parsePublicPem(privatePem), { code: "GLOME_PEM" });
  t.throws(() => parsePublicPem(generateKeyPairSync("ed25519").publicKey.export({ format: "pem", type: "spki" }).toString()), { code: "GLOME_PEM" });
  t.end();
});
