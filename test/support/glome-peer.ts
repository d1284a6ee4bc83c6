import { createHash, createHmac, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";
import { ALICE, type Party } from "./glome-vectors.ts";

// The other side of GLOME, written from its specification with Node's
// cryptography and nothing of Keyhole, for tests that need keys and challenges
// which no vector has.

const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_HEAD = Buffer.from("302a300506032b656e032100", "hex");

function importPrivate(key: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, key]), format: "der", type: "pkcs8" });
}

function importPublic(key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, key]), format: "der", type: "spki" });
}

/** A key pair that is the same in each run. */
export function partyOf(seed: string): Party {
  const key = createHash("sha256").update(seed).digest();
  const publicKey = createPublicKey(importPrivate(key)).export({ format: "der", type: "spki" }).subarray(SPKI_HEAD.length);
  return { key, publicKey, pub: `glome-v1 ${publicKey.toString("base64url")}=\n` };
}

/** The first of such key pairs that fits. */
export function findParty(fits: (party: Party) => boolean): Party {
  for (let i = 0; ; i++) {
    const party = partyOf(String(i));
    if (fits(party)) return party;
  }
}

interface ChallengeParts {
  readonly version?: "v1" | "v2";
  /** First byte of the handshake: a key's prefix byte, or its index, which in v2 has the top bit set. */
  readonly prefix: number;
  /** As it stands in the challenge, and as it is tagged: without escapes. */
  readonly message?: string;
  /** Bytes of message tag to send along. */
  readonly tagLength?: number;
}

/** A challenge of Alice's for a service key. */
export function challengeFor(service: Party, { version = "v2", prefix, message = "myhost/shell=root", tagLength = 0 }: ChallengeParts): string {
  const tag = tagLength === 0 ? new Uint8Array() : tagOf(ALICE, service, message).subarray(0, tagLength);
  const handshake = Buffer.concat([Uint8Array.of(prefix), ALICE.publicKey, tag]).toString("base64url");
  return `${version}/${handshake.padEnd(Math.ceil(handshake.length / 4) * 4, "=")}/${message}/`;
}

/** The authcode with which a service answers it. */
export function authcodeFor(service: Party, message = "myhost/shell=root"): string {
  return `${tagOf(service, ALICE, message).toString("base64url")}=`;
}

function tagOf(sender: Party, receiver: Party, message: string): Buffer {
  const sharedSecret = diffieHellman({ privateKey: importPrivate(sender.key), publicKey: importPublic(receiver.publicKey) });
  return createHmac("sha256", Buffer.concat([sharedSecret, receiver.publicKey, sender.publicKey]))
    .update(Uint8Array.of(0))
    .update(message)
    .digest();
}
