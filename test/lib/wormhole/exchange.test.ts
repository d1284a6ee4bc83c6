import t from "tap";
import { derivePhaseKey, deriveVerifier } from "../../../src/lib/wormhole/keys.ts";
import { decryptBox, encryptBox } from "../../../src/lib/wormhole/secretbox.ts";
import { finishPake, startPake } from "../../../src/lib/wormhole/spake2.ts";
import { EXCHANGES, fromHex, toHex } from "../../support/wormhole-vectors.ts";

// Whole exchanges of magic-wormhole and tahoe, message by message.

for (const { name, appid, code, scalars, shared_key_hex, verifier_hex, messages } of EXCHANGES) {
  const pakes = messages.filter(({ phase }) => phase === "pake");
  const boxes = messages.filter(({ phase }) => phase !== "pake");
  const sides = pakes.map(({ side }) => side);

  t.test(`${name}: key and verifier`, (t) => {
    const halves = scalars.map((scalar) => startPake(code, fromHex(scalar)));
    const sent = pakes.map(({ body_hex }) => (JSON.parse(Buffer.from(body_hex, "hex").toString()) as { pake_v1: string }).pake_v1);
    t.same(halves.map(({ message }) => toHex(message)), sent);
    const [one, two] = halves as [(typeof halves)[number], (typeof halves)[number]];
    for (const key of [finishPake(code, appid, one, two.message), finishPake(code, appid, two, one.message)]) {
      t.equal(toHex(key), shared_key_hex);
      t.equal(toHex(deriveVerifier(key)), verifier_hex);
    }
    t.end();
  });

  t.test(`${name}: boxes`, (t) => {
    const key = fromHex(shared_key_hex);
    t.ok(boxes.length >= 4);
    for (const { side, phase, plaintext_utf8 = "", phase_key_hex, nonce_hex = "", body_hex } of boxes) {
      const phaseKey = derivePhaseKey(key, side, phase);
      t.equal(toHex(phaseKey), phase_key_hex, `key of ${side} ${phase}`);
      t.equal(Buffer.from(decryptBox(phaseKey, fromHex(body_hex))!).toString(), plaintext_utf8);
      t.equal(toHex(encryptBox(phaseKey, Buffer.from(plaintext_utf8), fromHex(nonce_hex))), body_hex);
      const [other = ""] = sides.filter((name) => name !== side);
      t.equal(decryptBox(derivePhaseKey(key, other, phase), fromHex(body_hex)), undefined, "not as if the other side had sent it");
    }
    t.end();
  });
}
