import loginV1 from "../vectors/glome/login-v1.json" with { type: "json" };
import loginV2 from "../vectors/glome/login-v2.json" with { type: "json" };
import protocol from "../vectors/glome/protocol.json" with { type: "json" };

export { loginV1, loginV2, protocol };

/** A party of the vectors: its private key as a file holds it, and its public key as `keyhole pubkey` prints it. */
export interface Party {
  readonly key: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly pub: string;
}

function party(privateHex: string, publicHex: string, line: string): Party {
  return { key: Buffer.from(privateHex, "hex"), publicKey: Buffer.from(publicHex, "hex"), pub: `${line}\n` };
}

const [first, second] = protocol.spec_vectors as [Vector, Vector];
type Vector = (typeof protocol.spec_vectors)[number];

export const ALICE_1 = party(first.alice_private_key_hex, first.alice_public_key_hex, first.alice_public_key_line);
export const BOB_1 = party(first.bob_private_key_hex, first.bob_public_key_hex, first.bob_public_key_line);

/** In the login vectors, Alice is the machine that asks. */
export const ALICE = party(second.alice_private_key_hex, second.alice_public_key_hex, second.alice_public_key_line);
/** In the login vectors, Bob is the service that answers. */
export const BOB = party(second.bob_private_key_hex, second.bob_public_key_hex, second.bob_public_key_line);
