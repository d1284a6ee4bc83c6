import assert from "node:assert/strict";
import { inspect } from "node:util";
import t from "tap";
import fc from "fast-check";
import { PrivateKey } from "../../../src/lib/glome/private-key.ts";
import { PublicKey } from "../../../src/lib/glome/public-key.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import { protocol } from "../../support/glome-vectors.ts";
import { bytes32 } from "../arbitraries.ts";
import { EVERY_PRIMITIVES, fromHex, toHex } from "./parties.ts";

const [vector] = protocol.spec_vectors as [(typeof protocol.spec_vectors)[number]];

t.test("a key has 32 bytes", (t) => {
  for (const length of [0, 1, 31, 33, 64]) {
    t.throws(() => new PublicKey(new Uint8Array(length)), { code: "GLOME_PUBLIC_KEY_LENGTH", message: `public key is ${length} bytes, expected 32` });
    t.throws(() => new PrivateKey(new Uint8Array(length), nodePrimitives), { code: "GLOME_PRIVATE_KEY_LENGTH" });
  }
  t.end();
});

t.test("a key keeps its own copy of its bytes, also where they come in a Buffer", (t) => {
  for (const [name, primitives] of EVERY_PRIMITIVES) {
    for (const bytes of [fromHex(vector.alice_private_key_hex), Buffer.from(vector.alice_private_key_hex, "hex")]) {
      const key = new PrivateKey(bytes, primitives);
      bytes.fill(0);
      t.equal(toHex(key.exportBytes()), vector.alice_private_key_hex, `${name}, ${bytes.constructor.name}`);
      key.exportBytes().fill(0);
      t.equal(toHex(key.exportBytes()), vector.alice_private_key_hex, "and gives copies away");
      t.equal(toHex(key.publicKey.bytes), vector.alice_public_key_hex);
    }
  }
  for (const bytes of [fromHex(vector.alice_public_key_hex), Buffer.from(vector.alice_public_key_hex, "hex")]) {
    const key = new PublicKey(bytes);
    bytes.fill(0);
    t.equal(toHex(key.bytes), vector.alice_public_key_hex);
  }
  t.end();
});

t.test("a private key does not show its bytes", (t) => {
  const key = new PrivateKey(fromHex(vector.alice_private_key_hex), nodePrimitives);
  const bytes = Buffer.from(vector.alice_private_key_hex, "hex");
  const secrets = [vector.alice_private_key_hex, bytes.toString("base64").slice(0, 20), bytes.toString("base64url").slice(0, 20), bytes.join(","), bytes.join(", ")];
  const shown = [inspect(key), inspect({ key }, { showHidden: true, depth: 9 }), JSON.stringify(key), JSON.stringify({ a: [key] }), Object.keys(key).join()];
  for (const text of shown) t.notOk(secrets.some((secret) => text.includes(secret)), text);
  t.equal(inspect(key), "[private key]");
  t.equal(JSON.stringify({ key }), '{"key":"[private key]"}');
  t.end();
});

t.test("a destroyed key has no bytes", (t) => {
  const key = new PrivateKey(fromHex(vector.alice_private_key_hex), nodePrimitives);
  key.destroy();
  t.equal(toHex(key.exportBytes()), "00".repeat(32));
  t.end();
});

t.test("public keys are equal in all their bytes", (t) => {
  fc.assert(
    fc.property(bytes32, fc.nat({ max: 255 }), (bytes, bit) => {
      const other = bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      assert.ok(new PublicKey(bytes).equals(new PublicKey(Uint8Array.from(bytes))));
      assert.ok(!new PublicKey(bytes).equals(new PublicKey(other)));
    }),
  );
  t.end();
});

t.test("the canonical form is the number below 2^255 - 19", (t) => {
  const number = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes.toReversed())}`);
  const nearEdge = fc.tuple(fc.integer({ min: 0xe8, max: 0xff }), fc.constantFrom(0xff, 0xfe), fc.constantFrom(0x7e, 0x7f, 0x80, 0xff)).map(([first, middle, last]) => {
    const bytes = new Uint8Array(32).fill(0xff);
    bytes[0] = first;
    bytes[17] = middle;
    bytes[31] = last;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(bytes32, nearEdge), (bytes) => void assert.equal(new PublicKey(bytes).isCanonical, number(bytes) < 2n ** 255n - 19n)),
    { numRuns: 500 },
  );
  t.end();
});
