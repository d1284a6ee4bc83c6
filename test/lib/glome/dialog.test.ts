import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import t from "tap";
import fc from "fast-check";
import { PrivateKey } from "../../../src/lib/glome/private-key.ts";
import { bytes32 } from "../arbitraries.ts";
import { EVERY_PRIMITIVES, toHex } from "./parties.ts";

for (const [name, primitives] of EVERY_PRIMITIVES) {
  t.test(`a tag is the HMAC that the protocol says, and the peer expects it, on ${name}`, (t) => {
    fc.assert(
      fc.property(bytes32, bytes32, fc.integer({ min: 0, max: 255 }), fc.uint8Array(), (a, b, counter, message) => {
        const [ours, theirs] = [new PrivateKey(a, primitives), new PrivateKey(b, primitives)];
        const secret = primitives.importPrivateKey(a).sharedSecret(theirs.publicKey.bytes)!;
        // shared secret | receiver | sender, over counter | message
        const key = Buffer.concat([secret, theirs.publicKey.bytes, ours.publicKey.bytes]);
        const expected = createHmac("sha256", key).update(Uint8Array.of(counter)).update(message).digest("hex");

        const dialog = ours.exchange(theirs.publicKey);
        assert.equal(toHex(dialog.tag(message, counter)), expected);
        assert.equal(toHex(theirs.exchange(ours.publicKey).expectedTag(message, counter)), expected);
        const mac = dialog.startSending(counter);
        for (const byte of message) mac.update(Uint8Array.of(byte));
        assert.equal(toHex(mac.digest()), expected, "byte by byte");
        assert.notEqual(toHex(dialog.expectedTag(message, counter)), expected, "and nothing can be sent back to where it came from");
      }),
      { numRuns: 15 },
    );
    t.end();
  });

  t.test(`one dialog makes many tags, and each counter another, on ${name}`, (t) => {
    const [a, b] = [new PrivateKey(new Uint8Array(32).fill(1), primitives), new PrivateKey(new Uint8Array(32).fill(2), primitives)];
    const dialog = a.exchange(b.publicKey);
    const message = new Uint8Array(3);
    const tags = Array.from({ length: 256 }, (_, counter) => toHex(dialog.tag(message, counter)));
    t.equal(new Set(tags).size, 256);
    t.equal(toHex(dialog.tag(message)), tags[0], "the counter is 0 where none is given, and no tag changes the next");
    for (const counter of [-1, 256, 1.5, NaN, Infinity]) t.throws(() => dialog.tag(message, counter), RangeError, `counter ${counter}`);
    t.end();
  });
}
