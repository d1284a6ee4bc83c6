import { hkdfSync } from "node:crypto";
import fc from "fast-check";
import t from "tap";
import { deriveKey, derivePhaseKey, deriveVerifier } from "../../../src/lib/wormhole/keys.ts";
import { fromHex, keyDerivation, toHex } from "../../support/wormhole-vectors.ts";
import { bytes32 } from "../arbitraries.ts";

const { main_key_hex, derive_key, phase_keys, verifier, extra_phase_key_short_ikm, transit_key, hkdf_kat } = keyDerivation;
const KEY = fromHex(main_key_hex);

t.test("keys for a purpose", (t) => {
  for (const { purpose_utf8, length, out_hex } of derive_key) t.equal(toHex(deriveKey(KEY, purpose_utf8, length)), out_hex, purpose_utf8);
  t.equal(toHex(deriveKey(KEY, transit_key.purpose_utf8)), transit_key.out_hex, "transit key");
  t.equal(toHex(deriveKey(KEY, verifier.purpose_utf8)), verifier.out_hex, "32 bytes unless told otherwise");
  t.end();
});

t.test("keys of phases", (t) => {
  for (const { side, phase, info_hex, key_hex } of phase_keys) {
    t.equal(toHex(derivePhaseKey(KEY, side, phase)), key_hex, `${side} ${phase}`);
    t.equal(toHex(deriveKey(KEY, fromHex(info_hex))), key_hex);
  }
  const { ikm_utf8, side, phase, key_hex } = extra_phase_key_short_ikm;
  t.equal(toHex(derivePhaseKey(Buffer.from(ikm_utf8), side, phase)), key_hex, "of a short key");
  t.end();
});

t.test("verifier", (t) => {
  t.equal(toHex(deriveVerifier(KEY)), verifier.out_hex);
  t.end();
});

t.test("known answers of HKDF", (t) => {
  for (const { ikm_utf8, salt_utf8, info_utf8, length, okm_hex } of hkdf_kat) {
    const name = `salt ${JSON.stringify(salt_utf8)}, info ${JSON.stringify(info_utf8)}`;
    t.equal(toHex(new Uint8Array(hkdfSync("sha256", ikm_utf8, salt_utf8, info_utf8, length))), okm_hex, name);
    if (salt_utf8 === "") t.equal(toHex(deriveKey(Buffer.from(ikm_utf8), info_utf8, length)), okm_hex, name);
  }
  t.end();
});

t.test("side and phase both count, and where one ends", (t) => {
  const name = fc.string({ maxLength: 12 });
  fc.assert(
    fc.property(bytes32, name, name, name, name, (key, side, phase, otherSide, otherPhase) => {
      const isSame = side === otherSide && phase === otherPhase;
      return (toHex(derivePhaseKey(key, side, phase)) === toHex(derivePhaseKey(key, otherSide, otherPhase))) === isSame;
    }),
    { examples: [[new Uint8Array(32), "ab", "c", "a", "bc"], [new Uint8Array(32), "ab", "", "", "ab"]] },
  );
  t.end();
});
