import exchangeTahoe from "../vectors/wormhole/full-exchange-tahoe-invite.json" with { type: "json" };
import exchangeText from "../vectors/wormhole/full-exchange-text.json" with { type: "json" };
import keyDerivation from "../vectors/wormhole/key-derivation.json" with { type: "json" };
import secretbox from "../vectors/wormhole/secretbox.json" with { type: "json" };
import spake2 from "../vectors/wormhole/spake2-symmetric.json" with { type: "json" };
import wordList from "../vectors/wormhole/wordlist.json" with { type: "json" };

export { exchangeTahoe, exchangeText, keyDerivation, secretbox, spake2, wordList };

/** One `add` of an exchange. */
export interface ExchangeMessage {
  readonly side: string;
  readonly phase: string;
  readonly plaintext_utf8?: string;
  readonly phase_key_hex?: string;
  readonly nonce_hex?: string;
  readonly body_hex: string;
}

const [, , tahoe] = spake2.symmetric;

/** Whole exchanges, with the scalar of each side in the order of their pakes. */
export const EXCHANGES = [
  { name: "text", ...exchangeText, messages: exchangeText.messages as readonly ExchangeMessage[], scalars: [exchangeText.spake2.sender_scalar_le_hex, exchangeText.spake2.receiver_scalar_le_hex] },
  { name: "tahoe invite", ...exchangeTahoe, messages: exchangeTahoe.messages as readonly ExchangeMessage[], scalars: [tahoe!.side1.xy_scalar_le_hex, tahoe!.side2.xy_scalar_le_hex] },
];

/** Bytes that share nothing with others: a Buffer of Node shares its memory. */
export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
