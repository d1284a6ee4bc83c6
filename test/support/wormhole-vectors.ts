import exchangeTahoe from "../vectors/wormhole/full-exchange-tahoe-invite.json" with { type: "json" };
import exchangeText from "../vectors/wormhole/full-exchange-text.json" with { type: "json" };
import keyDerivation from "../vectors/wormhole/key-derivation.json" with { type: "json" };
import secretbox from "../vectors/wormhole/secretbox.json" with { type: "json" };
import spake2 from "../vectors/wormhole/spake2-symmetric.json" with { type: "json" };
import wordList from "../vectors/wormhole/wordlist.json" with { type: "json" };

export { exchangeTahoe, exchangeText, keyDerivation, secretbox, spake2, wordList };

/** Bytes that share nothing with others: a Buffer of Node shares its memory. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
