import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { COSE_ALGORITHM, encodeCosePublicKey, encodeP256Key, parseCosePublicKey, parseP256Key, verifySignature } from "../../../src/lib/ctap/cose.ts";
import { errorCode } from "../errors.ts";
import { bytes, hex, readVectors } from "./vectors.ts";

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const p256 = (): Pair => generateKeyPairSync("ec", { namedCurve: "P-256" });

const PAIRS: readonly { readonly name: string; readonly algorithm: number; readonly hash: string | null; readonly make: () => Pair }[] = [
  { name: "ES256", algorithm: COSE_ALGORITHM.es256, hash: "sha256", make: p256 },
  { name: "ES384", algorithm: COSE_ALGORITHM.es384, hash: "sha384", make: () => generateKeyPairSync("ec", { namedCurve: "P-384" }) },
  { name: "EdDSA", algorithm: COSE_ALGORITHM.eddsa, hash: null, make: () => generateKeyPairSync("ed25519") },
  { name: "RS256", algorithm: COSE_ALGORITHM.rs256, hash: "sha256", make: () => generateKeyPairSync("rsa", { modulusLength: 2048 }) },
];

function reread(map: CborMap): CborMap {
  const { value, oddities } = parseCbor(encodeCbor(map));
  assert.deepEqual(oddities, []);
  assert(isCborMap(value));
  return value;
}

function changed(map: CborMap, key: number, value: CborValue): CborMap {
  return new Map([...map, [key, value]]);
}

for (const { name, algorithm, hash, make } of PAIRS) {
  t.test(`${name}: a key is read as it was written, and tells right signatures from wrong ones`, (t) => {
    for (let i = 0; i < (name === "RS256" ? 1 : 20); i++) {
      const { publicKey, privateKey } = make();
      const cose = reread(encodeCosePublicKey(publicKey, algorithm));
      t.equal(cose.get(3), algorithm);
      const key = parseCosePublicKey(cose);
      assert.deepEqual(key.export({ format: "jwk" }), publicKey.export({ format: "jwk" }));
      const message = Buffer.from(`message ${i}`);
      const signature = sign(hash, message, privateKey);
      assert(verifySignature(algorithm, key, message, signature));
      assert(!verifySignature(algorithm, key, Buffer.from("another"), signature));
      for (let at = 0; at < signature.length; at += 7) {
        const wrong = Buffer.from(signature);
        wrong[at] = (wrong[at] ?? 0) ^ 1;
        assert(!verifySignature(algorithm, key, message, wrong), `byte ${at}`);
        assert(!verifySignature(algorithm, key, message, signature.subarray(0, at)), `cut after ${at} bytes`);
      }
    }
    t.end();
  });
}

t.test("a point keeps the zeros at its beginning", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uint8Array({ minLength: 32, maxLength: 32 }), (x, y) => {
      const point = parseP256Key(reread(encodeP256Key(COSE_ALGORITHM.ecdhEs, { x, y })), COSE_ALGORITHM.ecdhEs);
      assert.deepEqual(point, { x: new Uint8Array(x), y: new Uint8Array(y) });
    }),
  );
  t.end();
});

t.test("what is not a key is refused", (t) => {
  const es256 = encodeCosePublicKey(p256().publicKey, COSE_ALGORITHM.es256);
  const eddsa = encodeCosePublicKey(generateKeyPairSync("ed25519").publicKey, COSE_ALGORITHM.eddsa);
  const rs256 = encodeCosePublicKey(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey, COSE_ALGORITHM.rs256);
  const bad: readonly (readonly [string, CborMap])[] = [
    ["nothing", new Map()],
    ["no algorithm", changed(es256, 3, undefined)],
    ["an algorithm that is text", changed(es256, 3, "ES256")],
    ["an unknown algorithm", changed(es256, 3, -36)],
    ["another type of key", changed(es256, 1, 1)],
    ["another curve", changed(es256, -1, 2)],
    ["a curve that does not go with the algorithm", changed(es256, 3, COSE_ALGORITHM.es384)],
    ["no x", changed(es256, -2, undefined)],
    ["x as text", changed(es256, -2, "x")],
    ["a short x", changed(es256, -2, new Uint8Array(31))],
    ["a long x", changed(es256, -2, new Uint8Array(33))],
    ["the sign of y alone", changed(es256, -3, true)],
    ["a point that is not on the curve", changed(changed(es256, -2, new Uint8Array(32).fill(1)), -3, new Uint8Array(32).fill(1))],
    ["the point at infinity", changed(changed(es256, -2, new Uint8Array(32)), -3, new Uint8Array(32))],
    ["x of Ed25519 cut short", changed(eddsa, -2, new Uint8Array(31))],
    ["Ed448", changed(eddsa, -1, 7)],
    ["RSA without a modulus", changed(rs256, -1, undefined)],
    ["RSA with an endless modulus", changed(rs256, -1, new Uint8Array(5000).fill(255))],
    ["RSA with an endless exponent", changed(rs256, -2, new Uint8Array(9).fill(255))],
  ];
  for (const [name, map] of bad) t.equal(errorCode(() => parseCosePublicKey(map)), "CTAP_COSE_KEY", name);
  t.equal(errorCode(() => encodeCosePublicKey(p256().publicKey, COSE_ALGORITHM.eddsa)), "CTAP_COSE_KEY", "an algorithm for another key");
  t.equal(errorCode(() => encodeCosePublicKey(p256().publicKey, COSE_ALGORITHM.rs256)), "CTAP_COSE_KEY");
  t.end();
});

t.test("a signature is never checked by an algorithm that does not go with the key", (t) => {
  const { publicKey } = p256();
  for (const algorithm of [COSE_ALGORITHM.eddsa, COSE_ALGORITHM.es384, COSE_ALGORITHM.rs256, COSE_ALGORITHM.ecdhEs, 0, -65535]) {
    t.equal(errorCode(() => verifySignature(algorithm, publicKey, new Uint8Array(), new Uint8Array())), "CTAP_COSE_KEY", String(algorithm));
  }
  t.equal(errorCode(() => verifySignature(COSE_ALGORITHM.es256, generateKeyPairSync("ed25519").publicKey, new Uint8Array(), new Uint8Array())), "CTAP_COSE_KEY");
  t.end();
});

t.test("the keys of the vectors", (t) => {
  const { computed } = readVectors("pin-protocols") as { readonly computed: readonly { readonly platform_cose_hex: string; readonly authenticator_cose_hex: string }[] };
  t.equal(computed.length, 2);
  for (const { platform_cose_hex, authenticator_cose_hex } of computed) {
    for (const encoded of [platform_cose_hex, authenticator_cose_hex]) {
      const { value } = parseCbor(bytes(encoded));
      assert(isCborMap(value));
      t.equal(hex(encodeCbor(encodeCosePublicKey(parseCosePublicKey(value), COSE_ALGORITHM.ecdhEs))), encoded);
    }
  }
  t.end();
});

t.test("an Ed25519 key of small order is refused, whatever its sign", (t) => {
  const eddsa = encodeCosePublicKey(generateKeyPairSync("ed25519").publicKey, COSE_ALGORITHM.eddsa);
  const p = 2n ** 255n - 19n;
  const eighth = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
  const ys = [0n, 1n, eighth, p - eighth, p - 1n, p, p + 1n];
  for (const y of ys) {
    for (const sign of [0n, 1n]) {
      const x = Buffer.from((y + (sign << 255n)).toString(16).padStart(64, "0"), "hex").reverse();
      t.equal(errorCode(() => parseCosePublicKey(changed(eddsa, -2, new Uint8Array(x)))), "CTAP_COSE_KEY", x.toString("hex"));
    }
  }
  t.end();
});
