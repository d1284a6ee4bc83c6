import assert from "node:assert/strict";
import { createHmac, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import t from "tap";
import fc from "fast-check";
import { noblePrimitives } from "../../../src/lib/glome/noble-primitives.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import type { Primitives } from "../../../src/lib/glome/primitives.ts";
import { protocol } from "../../support/glome-vectors.ts";
import { bytes32 } from "../arbitraries.ts";
import { EVERY_PRIMITIVES, fromHex, toHex } from "./parties.ts";

// Every other point below 2^255 that is not in its canonical form, and the
// ones that make the secret zero; each also with the top bit that X25519 ignores.
const nearP = Array.from({ length: 19 }, (_, i) => fromHex(`${(0xed + i).toString(16)}${"ff".repeat(30)}7f`));
const lowOrder = protocol.low_order_public_keys.map(({ public_key_hex: hex }) => fromHex(hex));
const withTopBit = (point: Uint8Array): Uint8Array => point.map((byte, i) => (i === 31 ? byte | 0x80 : byte));
const oddPoints = [...nearP, ...lowOrder].flatMap((point) => [point, withTopBit(point)]);

const point = fc.oneof({ weight: 3, arbitrary: bytes32 }, { weight: 1, arbitrary: fc.constantFrom(...oddPoints) });

const sharedSecret = (primitives: Primitives, key: Uint8Array, peer: Uint8Array): string | undefined => {
  const secret = primitives.importPrivateKey(key).sharedSecret(peer);
  return secret === undefined ? undefined : toHex(secret);
};

t.test("both find the same public key for any 32 bytes", (t) => {
  fc.assert(
    fc.property(bytes32, (key) => {
      assert.equal(toHex(nodePrimitives.importPrivateKey(key).publicKey()), toHex(noblePrimitives.importPrivateKey(key).publicKey()));
    }),
    { numRuns: 60 },
  );
  t.end();
});

t.test("both find the same secret with any 32 bytes, or that there is none", (t) => {
  fc.assert(
    fc.property(bytes32, point, (key, peer) => void assert.equal(sharedSecret(nodePrimitives, key, peer), sharedSecret(noblePrimitives, key, peer))),
    { numRuns: 100 },
  );
  const key = fromHex("77".repeat(32));
  for (const peer of oddPoints) assert.equal(sharedSecret(nodePrimitives, key, peer), sharedSecret(noblePrimitives, key, peer), toHex(peer));
  t.end();
});

for (const [name, primitives] of EVERY_PRIMITIVES) {
  t.test(`low-order points have no secret, on ${name}`, (t) => {
    const key = fromHex("77".repeat(32));
    for (const peer of lowOrder) {
      t.equal(sharedSecret(primitives, key, peer), undefined, toHex(peer));
      t.equal(sharedSecret(primitives, key, withTopBit(peer)), undefined, "with the top bit too");
    }
    t.end();
  });

  t.test(`both ends find the same secret, the one of node's own key objects, on ${name}`, (t) => {
    const der = (key: Uint8Array): Buffer => Buffer.concat([fromHex("302e020100300506032b656e04220420"), key]);
    const nodeKey = (key: Uint8Array): ReturnType<typeof createPrivateKey> => createPrivateKey({ key: der(key), format: "der", type: "pkcs8" });
    fc.assert(
      fc.property(bytes32, bytes32, (a, b) => {
        const [ours, theirs] = [primitives.importPrivateKey(a), primitives.importPrivateKey(b)];
        const expected = diffieHellman({ privateKey: nodeKey(a), publicKey: createPublicKey(nodeKey(b)) });
        assert.equal(toHex(ours.sharedSecret(theirs.publicKey())!), toHex(expected));
        assert.equal(toHex(theirs.sharedSecret(ours.publicKey())!), toHex(expected));
      }),
      { numRuns: 20 },
    );
    t.end();
  });

  t.test(`a key is copied when it is imported, on ${name}`, (t) => {
    const bytes = fromHex(protocol.spec_vectors[0]!.alice_private_key_hex);
    const key = primitives.importPrivateKey(bytes);
    bytes.fill(0);
    t.equal(toHex(key.publicKey()), protocol.spec_vectors[0]!.alice_public_key_hex);
    t.end();
  });

  t.test(`HMAC is the same however the message comes in, on ${name}`, (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 6 }), (key, chunks) => {
        const mac = primitives.hmacSha256(key);
        // Each in the same buffer, as it is when a file is read.
        const buffer = new Uint8Array(150);
        for (const chunk of chunks) {
          buffer.set(chunk);
          mac.update(buffer.subarray(0, chunk.length));
        }
        assert.equal(toHex(mac.digest()), createHmac("sha256", key).update(Buffer.concat(chunks)).digest("hex"));
      }),
    );
    t.end();
  });

  t.test(`an HMAC keeps no hold on the key it was given, on ${name}`, (t) => {
    const key = fromHex("0b".repeat(96));
    const mac = primitives.hmacSha256(key);
    key.fill(0);
    mac.update(fromHex("01"));
    t.equal(toHex(mac.digest()), createHmac("sha256", Buffer.alloc(96, 0x0b)).update(fromHex("01")).digest("hex"));
    t.end();
  });
}
