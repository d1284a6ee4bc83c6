import { byteString, encodeUtf8 } from "../../../src/lib/text.ts";
import { parseChallengeText, type Challenge } from "../../../src/lib/glome/challenge.ts";
import { KeyRing } from "../../../src/lib/glome/key-ring.ts";
import { PrivateKey } from "../../../src/lib/glome/private-key.ts";
import { PublicKey } from "../../../src/lib/glome/public-key.ts";
import { noblePrimitives } from "../../../src/lib/glome/noble-primitives.ts";
import { nodePrimitives } from "../../../src/lib/glome/node-primitives.ts";
import type { Primitives } from "../../../src/lib/glome/primitives.ts";
import { grant } from "../../../src/lib/glome/responder.ts";
import { ALICE, BOB } from "../../support/glome-vectors.ts";

/** What the library runs on, by name. */
export const EVERY_PRIMITIVES = [
  ["node:crypto", nodePrimitives],
  ["noble", noblePrimitives],
] as const;

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const publicKeyOf = (hex: string): PublicKey => new PublicKey(fromHex(hex));
export const privateKeyOf = (hex: string, primitives: Primitives = nodePrimitives): PrivateKey => new PrivateKey(fromHex(hex), primitives);

/** The machine that asks, in most tests. */
export const client = new PrivateKey(ALICE.key, nodePrimitives);
/** The service that answers, in most tests. */
export const service = new PrivateKey(BOB.key, nodePrimitives);

/** Reads a challenge from a text as it would come from a terminal. */
export function readChallenge(text: string): Challenge {
  return parseChallengeText(byteString(encodeUtf8(text)));
}

/** A key ring of one key. Without an index in its name, it is as a sole `--key`. */
export function ringOf(key: PrivateKey, index?: number): KeyRing {
  return new KeyRing([{ name: index === undefined ? "k" : `${index}-k`, index, load: () => key }], index === undefined);
}

/** @returns the authcode; throws where there is none */
export async function answer(text: string, keyRing: KeyRing): Promise<string> {
  return (await grant(readChallenge(text), keyRing, undefined)).authcode();
}
