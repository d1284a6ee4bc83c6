import fc from "fast-check";
import t from "tap";
import { derivePhaseKey } from "../../../src/lib/wormhole/keys.ts";
import { BOX_OVERHEAD, decryptBox, encryptBox } from "../../../src/lib/wormhole/secretbox.ts";
import { fromHex, secretbox, toHex } from "../../support/wormhole-vectors.ts";
import { bytes32 } from "../arbitraries.ts";

t.test("valid boxes", (t) => {
  for (const { key_hex, nonce_hex, plaintext_hex, boxed_hex } of secretbox.valid) {
    const key = fromHex(key_hex);
    t.equal(toHex(encryptBox(key, fromHex(plaintext_hex), fromHex(nonce_hex))), boxed_hex);
    t.same(decryptBox(key, fromHex(boxed_hex)), fromHex(plaintext_hex));
  }
  t.end();
});

t.test("invalid boxes", (t) => {
  for (const { why, key_hex, boxed_hex } of secretbox.invalid) t.equal(decryptBox(fromHex(key_hex), fromHex(boxed_hex)), undefined, why);
  t.end();
});

t.test("the key of a box whose nonce is zero is that of a phase", (t) => {
  const box = secretbox.valid.find(({ nonce_hex }) => /^0+$/.test(nonce_hex))!;
  t.equal(toHex(derivePhaseKey(new Uint8Array(32), "side", "phase1")), box.key_hex);
  t.end();
});

const nonce = fc.uint8Array({ minLength: 24, maxLength: 24 });
const plaintext = fc.uint8Array({ maxLength: 300 });

t.test("what was put in comes out", (t) => {
  fc.assert(
    fc.property(bytes32, nonce, plaintext, (key, n, bytes) => {
      const before = [toHex(key), toHex(n), toHex(bytes)];
      const box = encryptBox(key, bytes, n);
      t.same([toHex(key), toHex(n), toHex(bytes)], before);
      return box.length === bytes.length + BOX_OVERHEAD && toHex(box.subarray(0, 24)) === toHex(n) && toHex(decryptBox(key, box)!) === toHex(bytes);
    }),
  );
  t.end();
});

t.test("any changed byte is refused", (t) => {
  fc.assert(
    fc.property(bytes32, nonce, plaintext, fc.nat(), fc.integer({ min: 1, max: 255 }), (key, n, bytes, at, difference) => {
      const box = encryptBox(key, bytes, n);
      box[at % box.length]! ^= difference;
      return decryptBox(key, box) === undefined;
    }),
    { numRuns: 300 },
  );
  const [{ key_hex, boxed_hex }] = secretbox.valid as [(typeof secretbox.valid)[number]];
  const boxed = fromHex(boxed_hex);
  for (let bit = 0; bit < boxed.length * 8; bit++) {
    const changed = boxed.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    if (decryptBox(fromHex(key_hex), changed) !== undefined) t.fail(`bit ${bit}`);
  }
  t.end();
});

t.test("and so is any length but its own", (t) => {
  const key = new Uint8Array(32);
  const box = encryptBox(key, Buffer.from("what travels"), new Uint8Array(24));
  for (let length = 0; length < box.length; length++) t.equal(decryptBox(key, box.subarray(0, length)), undefined, `${length} bytes`);
  t.equal(decryptBox(key, Uint8Array.of(...box, 0)), undefined);
  t.end();
});

t.test("and any other key", (t) => {
  fc.assert(
    fc.property(bytes32, bytes32, nonce, plaintext, (key, other, n, bytes) => {
      fc.pre(toHex(key) !== toHex(other));
      return decryptBox(other, encryptBox(key, bytes, n)) === undefined;
    }),
  );
  t.end();
});

t.test("a box that is part of other bytes", (t) => {
  const key = new Uint8Array(32).fill(7);
  const box = encryptBox(key, Buffer.from("what travels"), new Uint8Array(24));
  // As a Buffer of Node does, it shares memory and begins at an odd place.
  const around = Buffer.concat([Buffer.from("x"), box, Buffer.from("x")]).subarray(1, 1 + box.length);
  t.equal(Buffer.from(decryptBox(key, around)!).toString(), "what travels");
  t.end();
});

t.test("a key or nonce that is none", (t) => {
  t.throws(() => encryptBox(new Uint8Array(33), new Uint8Array(0), new Uint8Array(24)), RangeError);
  t.throws(() => encryptBox(new Uint8Array(32), new Uint8Array(0), new Uint8Array(12)), RangeError);
  t.end();
});
