import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import t from "tap";
import { encodeScalar, ORDER, parseScalar } from "../../../src/lib/wormhole/ed25519.ts";
import { finishPake, isScalar, passwordScalar, randomScalar, startPake, type Pake } from "../../../src/lib/wormhole/spake2.ts";
import { fromHex, spake2, toHex } from "../../support/wormhole-vectors.ts";
import { bytes32, unicode } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";
import { SMALL_ORDER, torsion } from "./points.ts";

const { password_to_scalar, symmetric, reject_for_side1_of_symmetric_0: rejected } = spake2;

t.test("scalars of passwords", (t) => {
  for (const { pw_hex, scalar_le_hex } of password_to_scalar) t.equal(toHex(encodeScalar(passwordScalar(fromHex(pw_hex)))), scalar_le_hex, pw_hex);
  for (const { password_hex, pw_scalar_dec } of symmetric) t.equal(passwordScalar(fromHex(password_hex)), BigInt(pw_scalar_dec), password_hex);
  t.end();
});

for (const { note, password_utf8: code, idSymmetric_utf8: appid, side1, side2, key_hex } of symmetric) {
  t.test(`exchange: ${note}`, (t) => {
    const [one, two] = [side1, side2].map(({ xy_scalar_le_hex }) => startPake(code, fromHex(xy_scalar_le_hex))) as [Pake, Pake];
    t.equal(toHex(one.message), side1.msg_hex);
    t.equal(toHex(two.message), side2.msg_hex);
    t.equal(toHex(one.scalar), side1.xy_scalar_le_hex);
    t.equal(toHex(finishPake(code, appid, one, two.message)), key_hex);
    t.equal(toHex(finishPake(code, appid, two, one.message)), key_hex);
    t.end();
  });
}

t.test("messages that must be rejected", (t) => {
  const { password_utf8: code, idSymmetric_utf8: appid, side1 } = symmetric[0]!;
  const pake = startPake(code, fromHex(side1.xy_scalar_le_hex));
  t.equal(rejected.length, 7);
  for (const { name, msg_hex } of rejected) t.equal(errorCode(() => finishPake(code, appid, pake, fromHex(msg_hex))), "WORMHOLE_PAKE", name);
  t.end();
});

const scalar = bytes32.map((bytes) => encodeScalar(parseScalar(bytes) % ORDER));

t.test("both sides get the same key, for all codes and appids", (t) => {
  fc.assert(
    fc.property(unicode, unicode, scalar, scalar, (code, appid, x, y) => {
      fc.pre(toHex(x) !== toHex(y));
      const one = startPake(code, x);
      const two = startPake(code, y);
      const key = finishPake(code, appid, one, two.message);
      return key.length === 32 && toHex(key) === toHex(finishPake(code, appid, two, one.message));
    }),
    { numRuns: 50 },
  );
  t.end();
});

t.test("however code and appid are composed", (t) => {
  const accented = fc.oneof(unicode, fc.string({ unit: fc.constantFrom("é", "ü", "Å", "ǖ", "각", "ṩ", "क़", "a", "-") }));
  fc.assert(
    fc.property(accented, accented, scalar, scalar, (code, appid, x, y) => {
      fc.pre(toHex(x) !== toHex(y));
      const composed = [code.normalize("NFC"), appid.normalize("NFC")] as const;
      const decomposed = [code.normalize("NFD"), appid.normalize("NFD")] as const;
      const one = startPake(composed[0], x);
      const two = startPake(decomposed[0], y);
      return toHex(finishPake(...composed, one, two.message)) === toHex(finishPake(...decomposed, two, one.message));
    }),
    { numRuns: 50, examples: [["7-café-über", "", fromHex("01".padEnd(64, "0")), fromHex("02".padEnd(64, "0"))]] },
  );
  t.end();
});

t.test("and another key for another code, appid, scalar or message", (t) => {
  fc.assert(
    fc.property(unicode, unicode, unicode, fc.uniqueArray(scalar, { minLength: 3, maxLength: 3, selector: toHex }), (code, other, appid, [x, y, z]) => {
      fc.pre(code.normalize("NFC") !== other.normalize("NFC"));
      const one = startPake(code, x!);
      const two = startPake(code, y!);
      const keys = [
        finishPake(code, appid, one, two.message),
        finishPake(code, `${appid}.`, one, two.message),
        finishPake(other, appid, one, two.message),
        finishPake(other, appid, startPake(other, x!), two.message),
        finishPake(code, appid, startPake(code, z!), two.message),
        finishPake(code, appid, one, startPake(code, z!).message),
      ];
      return new Set(keys.map(toHex)).size === keys.length;
    }),
    { numRuns: 20 },
  );
  t.end();
});

t.test("the whole code counts, its nameplate too", (t) => {
  const one = startPake("7-guitarist-revenge", randomScalar());
  const two = startPake("8-guitarist-revenge", randomScalar());
  t.not(toHex(finishPake("7-guitarist-revenge", "", one, two.message)), toHex(finishPake("8-guitarist-revenge", "", two, one.message)));
  t.end();
});

const CODE = "7-guitarist-revenge";
const APPID = "lothar.com/wormhole/text-or-file-xfer";
const own = startPake(CODE, randomScalar());

function isRefused(message: Uint8Array): boolean {
  return errorCode(() => finishPake(CODE, APPID, own, message)) === "WORMHOLE_PAKE";
}

function messageOf(point: Uint8Array): Uint8Array {
  return Uint8Array.of(0x53, ...point);
}

t.test("no point outside the prime-order group is accepted", (t) => {
  for (const bytes of SMALL_ORDER) t.ok(isRefused(messageOf(bytes)), toHex(bytes));
  fc.assert(
    fc.property(scalar, fc.integer({ min: 1, max: 7 }), (x, i) => {
      const { message } = startPake(CODE, x);
      return !isRefused(message) && isRefused(messageOf(ed25519.Point.fromBytes(message.subarray(1)).add(torsion(i)).toBytes()));
    }),
    { numRuns: 25 },
  );
  t.end();
});

t.test("of any message, only one whose point is in the prime-order group is accepted", (t) => {
  const message = fc.oneof(
    bytes32.map(messageOf),
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(scalar, fc.integer({ min: 0, max: 33 * 8 - 1 })).map(([x, bit]) => {
      const { message } = startPake(CODE, x);
      message[bit >> 3]! ^= 1 << (bit & 7);
      return message;
    }),
  );
  fc.assert(
    fc.property(message, (bytes) => {
      if (isRefused(bytes)) return true;
      const point = ed25519.Point.fromBytes(bytes.subarray(1), false);
      return bytes.length === 33 && bytes[0] === 0x53 && !point.is0() && point.isTorsionFree();
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test("our own message, sent back", (t) => {
  t.throws(() => finishPake(CODE, APPID, own, own.message), { code: "WORMHOLE_PAKE", kind: "no", message: "key agreement message of the other side is our own, sent back" });
  t.end();
});

t.test("a message cut short, or too long, at every length", (t) => {
  const { message } = startPake(CODE, randomScalar());
  for (let length = 0; length < message.length; length++) t.ok(isRefused(message.subarray(0, length)), `${length} bytes`);
  t.ok(isRefused(Uint8Array.of(...message, 0)));
  t.end();
});

t.test("any other first byte", (t) => {
  const { message } = startPake(CODE, randomScalar());
  for (let byte = 0; byte < 256; byte++) {
    message[0] = byte;
    if (isRefused(message) !== (byte !== 0x53)) t.fail(`byte ${byte}`);
  }
  t.end();
});

t.test("random scalars", (t) => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (bytes) => isScalar(randomScalar((length) => bytes.subarray(0, length)))));
  const drawn = new Set(Array.from({ length: 20 }, () => toHex(randomScalar())));
  t.equal(drawn.size, 20);
  t.equal(toHex(randomScalar((length) => new Uint8Array(length))), "00".repeat(32));
  t.end();
});

t.test("what can be a scalar", (t) => {
  t.ok(isScalar(encodeScalar(0n)));
  t.ok(isScalar(encodeScalar(ORDER - 1n)));
  t.notOk(isScalar(encodeScalar(ORDER)));
  t.notOk(isScalar(new Uint8Array(32).fill(255)));
  t.notOk(isScalar(new Uint8Array(31)));
  t.notOk(isScalar(new Uint8Array(33)));
  t.end();
});

t.test("a half shares nothing with the scalar that was given", (t) => {
  const bytes = randomScalar();
  const before = toHex(bytes);
  const pake = startPake(CODE, bytes);
  bytes.fill(0);
  t.equal(toHex(pake.scalar), before);
  t.end();
});
