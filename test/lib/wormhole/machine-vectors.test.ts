import t from "tap";
import { newIssuer, newReceiver, type WormholeState } from "../../../src/lib/wormhole/state.ts";
import { derivePhaseKey } from "../../../src/lib/wormhole/keys.ts";
import { decryptBox } from "../../../src/lib/wormhole/secretbox.ts";
import { EXCHANGES, fromHex, toHex } from "../../support/wormhole-vectors.ts";
import { Player } from "./player.ts";

// Whole exchanges of magic-wormhole and tahoe, played by one machine with the
// scalar, the side and the nonces of either side, against what the other said.

for (const { name, appid, code, scalars, shared_key_hex, verifier_hex, messages } of EXCHANGES) {
  const sides = [messages[0]!.side, messages[1]!.side];

  for (const [i, side] of sides.entries()) {
    t.test(`${name}, side ${side}`, (t) => {
      const start: WormholeState = i === 0 ? newIssuer({ appid, code }) : newReceiver({ appid, code });
      const player = new Player({ ...start, side, scalar: scalars[i]! });
      const own = messages.filter((message) => message.side === side);
      const nonces = own.flatMap(({ nonce_hex }) => (nonce_hex === undefined ? [] : [nonce_hex]));
      player.random = (length) => {
        const nonce = fromHex(nonces.shift()!);
        t.equal(nonce.length, length);
        return nonce;
      };
      const sent = new Map<string, string>();
      const note = (said: ReturnType<Player["hear"]>): void => {
        for (const message of said) if (message.type === "add") sent.set(message.phase, message.body);
      };

      player.connect();
      note(player.hear({ type: "claimed", mailbox: "m" }));
      const received: string[] = [];
      for (const { side: from, phase, body_hex, plaintext_utf8 } of messages) {
        if (from !== side) note(player.hear({ type: "message", side: from, phase, body: body_hex }));
        else if (/^[0-9]+$/.test(phase)) note(player.send(plaintext_utf8!));
        for (const event of player.events()) {
          if (event.type === "verified") t.equal(event.verifier, verifier_hex);
          if (event.type === "message") received.push(Buffer.from(event.plaintext, "hex").toString());
        }
      }

      for (const { phase, body_hex, plaintext_utf8 } of own) {
        const body = sent.get(phase)!;
        if (phase === "pake") t.same(JSON.parse(Buffer.from(body, "hex").toString()), JSON.parse(Buffer.from(body_hex, "hex").toString()), phase);
        else if (phase !== "version") t.equal(body, body_hex, phase);
        else t.same(JSON.parse(Buffer.from(decryptBox(derivePhaseKey(fromHex(shared_key_hex), side, phase), fromHex(body))!).toString()), JSON.parse(plaintext_utf8!), phase);
      }
      t.equal(player.state.key, shared_key_hex);
      t.same(received, messages.filter((message) => message.side !== side && /^[0-9]+$/.test(message.phase)).map(({ plaintext_utf8 }) => plaintext_utf8));
      t.same(nonces, [], "each nonce is used once");
      t.equal(toHex(fromHex(player.state.outbox[0]!.body)), player.state.outbox[0]!.body);
      t.end();
    });
  }
}
