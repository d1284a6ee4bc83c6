import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Test } from "tap";
import { protocol } from "../../support/glome-vectors.ts";
import { keyhole, temporaryDirectory } from "../../support/keyhole.ts";
import type { DialogPeer } from "./dialog-peer.ts";
import { makeParty, padded, spoil, succeed, type Party } from "./party.ts";

const MESSAGES: readonly (readonly [name: string, message: Buffer, counter: number])[] = [
  ["an empty message", Buffer.alloc(0), 0],
  ["a line", Buffer.from("The quick brown fox\n"), 1],
  ["every byte", Buffer.from(Array.from({ length: 256 }, (_, i) => i)), 100],
  ["UTF-8", Buffer.from("héllo 日本 🔑"), 254],
  ["a megabyte", Buffer.alloc(1024 * 1024, "keyhole"), 255],
];

/** Lengths in bytes at which base64 ends in each way, and the extremes. */
const LENGTHS = [2, 3, 16, 32];

function words(command: "tag" | "verify", us: Party, peer: Party, counter: number): string[] {
  return [command, "--key", us.keyFile, "--peer", peer.publicFile, "--counter", String(counter)];
}

/** Holds the GLOME protocol of keyhole against that of a peer, both ways. */
export async function dialogSuite(t: Test, peer: DialogPeer): Promise<void> {
  const directory = temporaryDirectory(t);
  const alice = makeParty(directory, "alice");
  const bob = makeParty(directory, "bob");
  /** Alice is keyhole, Bob the peer. */
  const tagOfAlice = (message: Buffer, counter: number) => succeed(keyhole(words("tag", alice, bob, counter), { input: message })).stdout.trimEnd();
  const aliceAccepts = (tag: string, message: Buffer | string, counter: number) =>
    keyhole([...words("verify", alice, bob, counter), "--quiet", "--min-tag-length", "2", "--tag", tag], { input: message }).status === 0;
  const asBob = (message: Buffer | string, counter: number) => ({ secret: bob.secret, peer: alice.publicKey, message, counter });

  await t.test("the public key of a private key is the same", async (t) => {
    const unclamped = Buffer.alloc(32, 0xff);
    const fixed = { secret: unclamped, publicKey: keyholePublicKey(directory, unclamped) };
    for (const { secret, publicKey } of [alice, bob, fixed]) {
      t.same(await peer.publicKey(secret), Buffer.from(publicKey));
    }
  });

  await t.test("keyhole's tags are the peer's to the byte, which accepts them only for what they are", async (t) => {
    for (const [name, message, counter] of MESSAGES) {
      const text = tagOfAlice(message, counter);
      t.equal(text, padded(await peer.tag({ secret: alice.secret, peer: bob.publicKey, message, counter })), name);
      const tag = Buffer.from(text, "base64url");
      t.ok(await peer.accepts(tag, 32, asBob(message, counter)), name);
      t.notOk(await peer.accepts(tag, 32, asBob(message, (counter + 1) % 256)), `${name}, another counter`);
      t.notOk(await peer.accepts(tag, 32, asBob(Buffer.concat([message, Buffer.from("!")]), counter)), `${name}, another message`);
      t.notOk(await peer.accepts(tag, 32, { ...asBob(message, counter), secret: alice.secret, peer: bob.publicKey }), `${name}, sent back`);
    }
  });

  await t.test("keyhole accepts the peer's tags, and only for what they are", async (t) => {
    for (const [name, message, counter] of MESSAGES) {
      const tag = padded(await peer.tag(asBob(message, counter)));
      t.ok(aliceAccepts(tag, message, counter), name);
      t.notOk(aliceAccepts(tag, message, (counter + 1) % 256), `${name}, another counter`);
      t.notOk(aliceAccepts(spoil(tag), message, counter), `${name}, another tag`);
    }
    const own = padded(await peer.tag({ ...asBob("ours", 0), secret: alice.secret, peer: bob.publicKey }));
    t.notOk(aliceAccepts(own, "ours", 0), "a tag of its own that was sent back");
  });

  await t.test("the peer accepts keyhole's tags cut after any byte, and those that login cuts after a character", async (t) => {
    const message = Buffer.from("cut");
    const tag = Buffer.from(tagOfAlice(message, 0), "base64url");
    for (let length = 2; length <= 32; length++) {
      const cut = Buffer.from(tag.subarray(0, length));
      t.ok(await peer.accepts(cut, length, asBob(message, 0)), `${length} bytes`);
      cut[length - 1]! ^= 1;
      t.notOk(await peer.accepts(cut, length, asBob(message, 0)), `${length} bytes, the last bit changed`);
    }
    t.notOk(await peer.accepts(tag.subarray(0, 15), 16, asBob(message, 0)), "shorter than the peer wants");
    const typed = Buffer.from(padded(tag).slice(0, 10), "base64url");
    t.ok(await peer.accepts(typed, 7, asBob(message, 0)), "the whole bytes in ten characters");
  });

  await t.test("keyhole accepts the peer's tags cut after any byte", async (t) => {
    const tag = await peer.tag(asBob("cut", 0));
    for (const length of LENGTHS) {
      const cut = Buffer.from(tag.subarray(0, length));
      t.ok(aliceAccepts(padded(cut), "cut", 0), `${length} bytes`);
      cut[length - 1]! ^= 1;
      t.notOk(aliceAccepts(padded(cut), "cut", 0), `${length} bytes, the last bit changed`);
    }
  });

  await t.test("keyhole takes a tag that begins like an option", async (t) => {
    const { message, tag } = await tagWithDash((message) => peer.tag(asBob(message, 0)));
    t.ok(aliceAccepts(tag, message, 0), tag);
  });

  await t.test("low-order public keys are refused on both sides", async (t) => {
    for (const { public_key_hex, public_key_line } of protocol.low_order_public_keys) {
      const lowOrder = Buffer.from(public_key_hex, "hex");
      await t.rejects(peer.tag({ ...asBob("x", 0), peer: lowOrder }), { name: "PeerRefusal", message: /low order point|computing shared key/ }, public_key_hex);
      const publicFile = join(directory, "low-order.pub");
      writeFileSync(publicFile, `${public_key_line}\n`);
      const { status, stdout } = keyhole(["tag", "--json", "--key", alice.keyFile, "--peer", publicFile], { input: "x" });
      t.match({ status, ...(JSON.parse(stdout) as object) }, { status: 2, error: { code: "GLOME_LOW_ORDER_KEY" }, tag: undefined });
    }
  });
}

function keyholePublicKey(directory: string, secret: Uint8Array): Uint8Array {
  const keyFile = join(directory, "fixed");
  writeFileSync(keyFile, secret, { mode: 0o600 });
  const [, line = ""] = succeed(keyhole(["pubkey", "--key", keyFile])).stdout.trimEnd().split(" ");
  return Buffer.from(line, "base64url");
}

/** One message in 64 has such a tag. */
async function tagWithDash(tagOf: (message: string) => Promise<Buffer>): Promise<{ message: string; tag: string }> {
  for (let i = 0; ; i++) {
    const message = `message ${i}`;
    const tag = padded(await tagOf(message));
    if (tag.startsWith("-")) return { message, tag };
  }
}
