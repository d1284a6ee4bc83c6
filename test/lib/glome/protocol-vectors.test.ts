import { Buffer } from "node:buffer";
import t from "tap";
import { encodeBase64url } from "../../../src/lib/base64url.ts";
import { encodePublicKey, parsePublicKeyFile } from "../../../src/lib/glome/key-text.ts";
import type { Dialog } from "../../../src/lib/glome/dialog.ts";
import { parsePrivateKeyFile } from "../../../src/lib/glome/private-key-file.ts";
import { matchesTag, MIN_AUTHCODE_LENGTH, parsePaddedTagPrefix } from "../../../src/lib/glome/tag-text.ts";
import { encodeUtf8 } from "../../../src/lib/text.ts";
import { protocol } from "../../support/glome-vectors.ts";
import { errorCode } from "../errors.ts";
import { EVERY_PRIMITIVES, fromHex, privateKeyOf, publicKeyOf, toHex } from "./parties.ts";

interface DerivedTag {
  readonly name: string;
  readonly sender_private_key_hex: string;
  readonly receiver_public_key_hex: string;
  readonly counter: number;
  readonly message_length: number;
  /** Left out for a long message of zeros. */
  readonly message_hex?: string;
  readonly tag_hex: string;
  readonly tag_base64url: string;
}

interface DerivedPublicKey {
  readonly name: string;
  readonly private_key_hex: string;
  readonly public_key_hex: string;
  readonly public_key_line: string;
}

const isDerivedTag = (vector: object): vector is DerivedTag => "tag_hex" in vector;

for (const [name, primitives] of EVERY_PRIMITIVES) {
  t.test(`tags of the protocol, on ${name}`, (t) => {
    for (const [i, vector] of protocol.spec_vectors.entries()) {
      const alice = privateKeyOf(vector.alice_private_key_hex, primitives);
      const bob = privateKeyOf(vector.bob_private_key_hex, primitives);
      t.equal(toHex(alice.publicKey.bytes), vector.alice_public_key_hex);
      t.equal(encodePublicKey(alice.publicKey), vector.alice_public_key_line);
      t.equal(encodePublicKey(bob.publicKey), vector.bob_public_key_line);

      const atAlice = alice.exchange(bob.publicKey);
      const atBob = bob.exchange(alice.publicKey);
      const [sender, receiver] = vector.direction === "alice_to_bob" ? [atAlice, atBob] : [atBob, atAlice];
      const message = encodeUtf8(vector.message_ascii);
      t.equal(toHex(sender.tag(message, vector.counter)), vector.tag_hex, vector.name);
      t.equal(encodeBase64url(sender.tag(message, vector.counter)), vector.tag_base64url);
      t.equal(toHex(receiver.expectedTag(message, vector.counter)), vector.tag_hex, "the other side expects it");

      const { vector_1_bob_to_alice_tag_hex: first, vector_2_alice_to_bob_tag_hex: second } = protocol.wrong_direction;
      t.equal(toHex(receiver.tag(message, vector.counter)), i === 0 ? first : second, "the other way it is another");
    }
    t.end();
  });

  t.test(`derived tags and keys, on ${name}`, (t) => {
    for (const vector of protocol.derived_vectors as readonly (DerivedTag | DerivedPublicKey)[]) {
      if (isDerivedTag(vector)) {
        const dialog = privateKeyOf(vector.sender_private_key_hex, primitives).exchange(publicKeyOf(vector.receiver_public_key_hex));
        const message = vector.message_hex === undefined ? new Uint8Array(vector.message_length) : fromHex(vector.message_hex);
        t.equal(encodeBase64url(dialog.tag(message, vector.counter)), vector.tag_base64url, vector.name);
        t.equal(toHex(inPieces(dialog, message, vector.counter)), vector.tag_hex, `${vector.name}, in pieces`);
      } else {
        const { publicKey } = privateKeyOf(vector.private_key_hex, primitives);
        t.equal(toHex(publicKey.bytes), vector.public_key_hex, vector.name);
        t.equal(encodePublicKey(publicKey), vector.public_key_line);
      }
    }
    t.end();
  });

  t.test(`low-order public keys are refused, on ${name}`, (t) => {
    const key = privateKeyOf(protocol.spec_vectors[0]!.alice_private_key_hex, primitives);
    for (const { public_key_hex: hex, public_key_line: line } of protocol.low_order_public_keys) {
      const peer = parsePublicKeyFile(encodeUtf8(`${line}\n`));
      t.equal(toHex(peer.bytes), hex);
      t.throws(() => key.exchange(peer), { code: "GLOME_LOW_ORDER_KEY" }, line);
    }
    t.end();
  });

  t.test(`tags cut short, on ${name}`, (t) => {
    const { verifier_private_key_hex, sender_public_key_hex, counter, message_ascii, full_tag_base64url, cases } = protocol.verify_tag_argument_cases;
    const dialog = privateKeyOf(verifier_private_key_hex, primitives).exchange(publicKeyOf(sender_public_key_hex));
    const tag = dialog.expectedTag(encodeUtf8(message_ascii), counter);
    t.equal(encodeBase64url(tag), full_tag_base64url);
    const verdict = (text: string, minLength: number): string => {
      const isTag = errorCode(() => parsePaddedTagPrefix(text, minLength)) === undefined;
      return isTag && matchesTag(parsePaddedTagPrefix(text, minLength), tag) ? "accept" : "reject";
    };
    for (const { tag_argument: text, rust_cli_default_min_10_from_source: atLeast10, rust_cli_min_2_from_source: atLeast2 } of cases) {
      t.equal(verdict(text, MIN_AUTHCODE_LENGTH), atLeast10, `${JSON.stringify(text)} ${atLeast10}`);
      t.equal(verdict(text, 2), atLeast2, `${JSON.stringify(text)} ${atLeast2}, where 2 characters are enough`);
    }
    t.end();
  });
}

function inPieces(dialog: Dialog, message: Uint8Array, counter: number): Uint8Array {
  const mac = dialog.startSending(counter);
  for (let i = 0; i < message.length; i += 1000) mac.update(message.subarray(i, i + 1000));
  return mac.digest();
}

t.test("public key files: what google/glome's C tool takes, if RFD 002 lets it", (t) => {
  // RFD 002 asks for a blank after the identifier, and for the digits of base64url.
  const isAgainstRfd002 = (text: string): boolean => !/^glome-v1[ \t]/.test(text) || /[+/]/.test(text);
  for (const { file_text: text, c_cli } of protocol.public_key_file_cases) {
    const expected = c_cli === "accept" && !isAgainstRfd002(text) ? "accept" : "reject";
    t.equal(errorCode(() => parsePublicKeyFile(encodeUtf8(text))) === undefined ? "accept" : "reject", expected, JSON.stringify(text));
  }
  t.end();
});

t.test("private key files: 32 bytes, no more and no less", (t) => {
  for (const { name, file_hex: hex } of protocol.private_key_file_cases) {
    const contents = fromHex(hex);
    const code = errorCode(() => parsePrivateKeyFile(contents, () => new Uint8Array()));
    const expected = contents.length === 32 ? undefined : Buffer.from(contents).toString().startsWith("glome-v1") ? "GLOME_PUBLIC_AS_PRIVATE" : "GLOME_PRIVATE_KEY_LENGTH";
    t.equal(code, expected, name);
  }
  t.end();
});
