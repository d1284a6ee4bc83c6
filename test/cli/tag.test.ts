import { createHmac } from "node:crypto";
import t from "tap";
import { ALICE, ALICE_1, BOB, BOB_1, protocol } from "../support/glome-vectors.ts";
import { checkFailure, finish, keyhole, keyholeForEach, listing, shell, startKeyhole, temporaryDirectory, writeFiles } from "../support/keyhole.ts";

const hex = (text: string): Uint8Array => Buffer.from(text, "hex");
const publicKeyLine = (publicKeyHex: string): string => `glome-v1 ${hex(publicKeyHex).length === 32 ? Buffer.from(hex(publicKeyHex)).toString("base64url") : ""}=\n`;

const PARTIES = { a: ALICE.key, "a.pub": ALICE.pub, b: BOB.key, "b.pub": BOB.pub } as const;

t.test("the protocol's own vectors, and the tag of the other direction", (t) => {
  const cwd = temporaryDirectory(t);
  const [{ vector_1_bob_to_alice_tag_hex, vector_2_alice_to_bob_tag_hex }, [one, two]] = [protocol.wrong_direction, protocol.spec_vectors as [Vector, Vector]];
  type Vector = (typeof protocol.spec_vectors)[number];
  writeFiles(cwd, { ...PARTIES, a1: ALICE_1.key, "a1.pub": ALICE_1.pub, b1: BOB_1.key, "b1.pub": BOB_1.pub });
  const run = (key: string, peer: string, { counter, message_ascii }: Vector): string =>
    keyhole(["tag", "--key", key, "--peer", peer, "--counter", String(counter)], { cwd, input: message_ascii }).stdout;
  t.equal(run("a1", "b1.pub", one), `${one.tag_base64url}\n`);
  t.equal(run("b", "a.pub", two), `${two.tag_base64url}\n`);
  t.equal(run("b1", "a1.pub", one), `${base64url(vector_1_bob_to_alice_tag_hex)}\n`);
  t.equal(run("a", "b.pub", two), `${base64url(vector_2_alice_to_bob_tag_hex)}\n`);
  t.end();
});

function base64url(text: string): string {
  return `${Buffer.from(text, "hex").toString("base64url")}=`;
}

t.test("derived vectors", async (t) => {
  const cwd = temporaryDirectory(t);
  const vectors = protocol.derived_vectors.flatMap((vector) => (vector.sender_private_key_hex === undefined ? [] : [vector]));
  const outcomes = await keyholeForEach(vectors, ({ sender_private_key_hex, receiver_public_key_hex, counter, message_hex, message_length }, i) => {
    writeFiles(cwd, { [`${i}`]: hex(sender_private_key_hex), [`${i}.pub`]: publicKeyLine(receiver_public_key_hex) });
    const input = message_hex === undefined ? new Uint8Array(message_length) : hex(message_hex);
    return [["tag", "-k", `${i}`, "-p", `${i}.pub`, "-c", `${counter}`], { cwd, input }];
  });
  for (const [{ name, tag_base64url }, { status, stdout, stderr }] of outcomes) t.same([status, stdout, stderr], [0, `${tag_base64url}\n`, ""], name);
  t.end();
});

t.test("a message of any length", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  const input = Buffer.alloc(5_000_003, "message\0");
  const [, vector] = protocol.spec_vectors;
  const macKey = Buffer.concat([hex(vector!.shared_secret_hex), ALICE.publicKey, BOB.publicKey]);
  const expected = createHmac("sha256", macKey).update(Uint8Array.of(7)).update(input).digest("base64url");
  t.equal(keyhole(["tag", "-kb", "-pa.pub", "-c7"], { cwd, input }).stdout, `${expected}=\n`);
  t.end();
});

t.test("spellings of options", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  const expected = protocol.spec_vectors[1]!.tag_base64url;
  for (const line of [
    "keyhole tag -kb -pa.pub -c100",
    "keyhole tag -k b -p a.pub -c 100",
    "keyhole tag --key=b --peer=a.pub --counter=100",
    "keyhole tag --counter 100 --peer a.pub --key b",
    "keyhole --key b --peer a.pub tag --counter 100",
    "keyhole --key=b -pa.pub -c 100 tag",
    "keyhole -qkb tag -pa.pub -c100",
    "keyhole -qk b tag -pa.pub -c100",
    "keyhole tag -vqk b -pa.pub -c100",
    "keyhole tag -vqkb -pa.pub -c100 --",
    "keyhole tag -k a -k b -pa.pub -c 1 -c100",
  ]) {
    const { status, stdout } = shell(line, { cwd, input: "The quick brown fox" });
    t.same([status, stdout], [0, `${expected}\n`], line);
  }
  t.same(JSON.parse(keyhole(["tag", "--json", "-kb", "-pa.pub", "-c100"], { cwd, input: "The quick brown fox" }).stdout), { tag: expected });
  t.end();
});

t.test("public key files", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  const accepted = /^glome-v1[ \t]+[A-Za-z0-9_-]{43}=([ \t].*)?\n$/;
  const outcomes = await keyholeForEach(protocol.public_key_file_cases, ({ file_text }, i) => {
    writeFiles(cwd, { [`${i}.pub`]: file_text });
    return [["tag", "-kb", "-p", `${i}.pub`], { cwd }];
  });
  for (const [{ file_text, c_cli }, outcome] of outcomes) {
    // What glome takes, but for what only its C program takes: no blank after glome-v1, and standard base64.
    const isAccepted = c_cli === "accept" && !/v1\S/.test(file_text) && !file_text.includes("+");
    t.equal(isAccepted, accepted.test(file_text), "this test knows what it wants");
    if (isAccepted) t.same([outcome.status, outcome.stdout], [0, "DK6hf0un0Rr9Fyqym755QR1Em94Qoul4knzbV7OhfFU=\n"], JSON.stringify(file_text));
    else checkFailure(t, outcome, 2, /[0-9]\.pub/, JSON.stringify(file_text));
  }
  t.end();
});

t.test("a public key in every form that pubkey prints, but raw bytes, which are a private key", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  for (const format of ["glome", "hex", "pem"]) {
    const outcome = shell(`keyhole pubkey -ka --format ${format} >peer.pub; keyhole tag -kb -ppeer.pub </dev/null`, { cwd });
    t.same([outcome.status, outcome.stdout], [0, "DK6hf0un0Rr9Fyqym755QR1Em94Qoul4knzbV7OhfFU=\n"], format);
  }
  checkFailure(t, keyhole(["tag", "-kb", "-pa"], { cwd }), 2, /expected a public key/, "raw");
  checkFailure(t, keyhole(["tag", "-kb.pub", "-pa.pub"], { cwd }), 2, /expected a private key, found a public key/, "public key for private key");
  t.end();
});

t.test("low-order peer keys are refused", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  const outcomes = await keyholeForEach(protocol.low_order_public_keys, ({ public_key_line }, i) => {
    writeFiles(cwd, { [`${i}.pub`]: `${public_key_line}\n` });
    return [["tag", "-kb", "-p", `${i}.pub`], { cwd, input: "x" }];
  });
  for (const [{ public_key_line }, outcome] of outcomes) checkFailure(t, outcome, 2, /low-order/, public_key_line);
  t.end();
});

t.test("counters are decimal, without sign or leading zero", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  const counters = [...protocol.counter_argument_cases.map(({ argument }) => argument), "1e2", "00", "1.0", "-0", "999999999999"];
  for (const [counter, outcome] of await keyholeForEach(counters, (counter) => [["tag", "-kb", "-pa.pub", "--counter", counter], { cwd, input: "x" }])) {
    if (/^(0|255)$/.test(counter)) t.equal(outcome.status, 0, counter);
    else checkFailure(t, outcome, 2, /--counter is/, JSON.stringify(counter));
  }
  t.end();
});

t.test("an encrypted key", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { ...PARTIES, pass: "secret" });
  const made = shell("keyhole genkey --encrypt --passphrase-file pass --out k && keyhole pubkey -kk --passphrase-file pass >k.pub", { cwd });
  t.equal(made.status, 0);
  const script = 'keyhole tag -kk -pb.pub --passphrase-file pass <a >tag && keyhole verify -kb -pk.pub -t "$(cat tag)" <a';
  t.equal(shell(script, { cwd }).status, 0);
  checkFailure(t, keyhole(["tag", "-kk", "-pb.pub"], { cwd }), 2, /passphrase/, "without its passphrase");
  t.end();
});

t.test("what cannot be read or written", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PARTIES);
  const before = listing(cwd);
  checkFailure(t, keyhole(["tag", "-pa.pub"], { cwd }), 2, /needs --key/, "no key");
  checkFailure(t, keyhole(["tag", "-kb"], { cwd }), 2, /needs --peer/, "no peer");
  checkFailure(t, keyhole(["tag", "-kabsent", "-pa.pub"], { cwd }), 2, /absent cannot be read/, "missing key");
  checkFailure(t, keyhole(["tag", "-kb", "-pabsent"], { cwd }), 2, /absent cannot be read/, "missing peer");
  checkFailure(t, keyhole(["tag", "-k.", "-pa.pub"], { cwd }), 2, /it is a directory/, "key is a directory");
  checkFailure(t, keyhole(["tag", "-kb", "-p."], { cwd }), 2, /it is a directory/, "peer is a directory");
  checkFailure(t, keyhole(["tag", "-kb", "-pa.pub", "message"], { cwd }), 2, /message/, "message on the command line");
  checkFailure(t, keyhole(["tag", "-kb", "-pa.pub", "-c"], { cwd }), 2, /--counter/, "option without its value");
  checkFailure(t, shell("keyhole tag -kb -pa.pub <.", { cwd }), 2, /standard input cannot be read/, "standard input is a directory");
  checkFailure(t, shell("keyhole tag -kb -pa.pub </dev/null >/dev/full", { cwd }), 3, /standard output cannot be written/, "standard output is full");
  const child = startKeyhole(["tag", "-kb", "-pa.pub"], { cwd });
  child.stdout.destroy();
  child.stdin.end();
  checkFailure(t, await finish(child), 3, /the reader has gone/, "reader has gone");
  t.same(listing(cwd), before);
  t.end();
});
