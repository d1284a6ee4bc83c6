import { createHmac } from "node:crypto";
import t from "tap";
import { ALICE, BOB, protocol } from "../support/glome-vectors.ts";
import { checkFailure, keyhole, keyholeForEach, shell, temporaryDirectory, writeFiles, type Outcome, type RunOptions } from "../support/keyhole.ts";

const { cases, counter, message_ascii: MESSAGE, full_tag_base64url: TAG } = protocol.verify_tag_argument_cases;
const COUNTER = String(counter);
const PARTIES = { a: ALICE.key, "a.pub": ALICE.pub, b: BOB.key, "b.pub": BOB.pub } as const;

const cwd = temporaryDirectory(t);
writeFiles(cwd, PARTIES);

function commandOf(...words: readonly string[]): readonly [readonly string[], RunOptions] {
  return [["verify", "-k", "a", "-p", "b.pub", "-c", COUNTER, ...words], { cwd, input: MESSAGE }];
}

function verify(...words: readonly string[]): Outcome {
  return keyhole(...commandOf(...words));
}

t.test("the answer is the exit status", (t) => {
  t.same(verify("-t", TAG), { status: 0, stdout: "", stderr: "" });
  const { status, stdout } = keyhole(["verify", "-k", "a", "-p", "b.pub", "-c", COUNTER, "-t", TAG], { cwd, input: `${MESSAGE}\n` });
  t.same([status, stdout], [1, ""], "another message");
  t.equal(verify("-c", "99", "-t", TAG).status, 1, "another counter");
  t.equal(keyhole(["verify", "-k", "b", "-p", "a.pub", "-c", COUNTER, "-t", TAG], { cwd, input: MESSAGE }).status, 1, "the other direction");
  t.equal(verify("--quiet", "-t", `${"A".repeat(43)}=`).stderr, "", "--quiet");
  t.end();
});

t.test("tags cut at the lengths that matter, and wrong ones", async (t) => {
  const chosen = cases.filter(({ tag_argument: tag, length }) => !TAG.startsWith(tag) || length < 2 || (length > 8 && length < 14) || length > 41);
  for (const [{ tag_argument: tag, rust_cli_default_min_10_from_source }, outcome] of await keyholeForEach(chosen, ({ tag_argument }) => commandOf("-t", tag_argument))) {
    if (rust_cli_default_min_10_from_source === "accept") t.equal(outcome.status, 0, tag);
    // It has the length and characters of a tag, and is not this one.
    else if (/^[A-Za-z0-9_-]{10,43}$/.test(tag)) t.same([outcome.status, outcome.stdout], [1, ""], tag);
    else checkFailure(t, outcome, 2, /^error: tag /, JSON.stringify(tag));
  }
  t.end();
});

t.test("--min-tag-length", async (t) => {
  const short = cases.filter(({ length, rust_cli_min_2_from_source }) => (length < 5 || length === 9) && rust_cli_min_2_from_source === "accept");
  for (const [{ tag_argument: tag }, { status }] of await keyholeForEach(short, ({ tag_argument }) => commandOf("-t", tag_argument, "--min-tag-length", "2"))) {
    t.equal(status, 0, tag);
  }
  checkFailure(t, verify("-t", TAG.slice(0, 11), "--min-tag-length", "12"), 2, /11 characters, expected at least 12/);
  t.equal(verify("-t", TAG.slice(0, 12), "--min-tag-length", "12").status, 0);
  t.equal(verify("-t", TAG, "--min-tag-length", "44").status, 0);
  checkFailure(t, verify("-t", TAG.slice(0, 9)), 2, /9 characters, expected at least 10/, "10 by default");
  for (const [value, outcome] of await keyholeForEach(["45", "-1", "010"], (value) => commandOf("-t", TAG, "--min-tag-length", value))) {
    checkFailure(t, outcome, 2, /--min-tag-length is/, JSON.stringify(value));
  }
  t.end();
});

t.test("tags that were cut before they were encoded", (t) => {
  for (const { tag_hex, min_peer_tag_len, pyglome } of protocol.pyglome_tag_length_cases.cases) {
    if (min_peer_tag_len !== 1) continue;
    const bytes = Buffer.from(tag_hex, "hex");
    const tag = bytes.toString("base64url").padEnd(Math.ceil(bytes.length / 3) * 4, "=");
    const outcome = verify("-t", tag, "--min-tag-length", "2");
    if (pyglome === "accept") t.equal(outcome.status, 0, tag);
    else checkFailure(t, outcome, 2, /^error: tag has/, JSON.stringify(tag));
  }
  // The same bytes with one bit of the last one turned over.
  const eight = Buffer.from(TAG, "base64url").subarray(0, 8);
  t.equal(verify("-t", `${eight.toString("base64url")}=`).status, 0);
  eight[7] = Number(eight[7]) ^ 1;
  t.equal(verify("-t", `${eight.toString("base64url")}=`).status, 1);
  t.end();
});

t.test("each character counts", async (t) => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const tags = [10, 43].flatMap((length) => {
    const last = alphabet.indexOf(TAG.charAt(length - 1));
    return [0, 1, 32].map((bit) => TAG.slice(0, length - 1) + alphabet.charAt(last ^ bit));
  });
  for (const [tag, { status }] of await keyholeForEach(tags, (tag) => commandOf("-t", tag))) t.equal(status, TAG.startsWith(tag) ? 0 : 1, tag);
  t.end();
});

t.test("-t takes the next word, whatever it begins with", (t) => {
  const message = "hyphen";
  const macKey = Buffer.concat([Buffer.from(protocol.spec_vectors[1]!.shared_secret_hex, "hex"), ALICE.publicKey, BOB.publicKey]);
  const tags = Array.from({ length: 256 }, (_, counter) => createHmac("sha256", macKey).update(Uint8Array.of(counter)).update(message).digest("base64url"));
  const counter = String(tags.findIndex((tag) => tag.startsWith("-")));
  const tag = `${String(tags[Number(counter)])}=`;
  for (const words of [
    ["verify", "-k", "a", "-p", "b.pub", "-c", counter, "-t", tag],
    ["verify", "-k", "a", "-p", "b.pub", "-c", counter, "--tag", tag],
    ["verify", "-k", "a", "-p", "b.pub", "-c", counter, `-t${tag}`],
    ["verify", "-k", "a", "-p", "b.pub", "-c", counter, `--tag=${tag}`],
    ["-t", tag, "verify", "-k", "a", "-p", "b.pub", "-c", counter],
    ["--tag", tag, "-k", "a", "verify", "-p", "b.pub", "-c", counter],
    ["verify", "-t", tag.slice(0, 10), "-k", "a", "-p", "b.pub", "-c", counter],
  ]) {
    t.equal(keyhole(words, { cwd, input: message }).status, 0, words.join(" "));
  }
  checkFailure(t, verify("-t", "--help"), 2, /tag has/, "even if it is an option");
  t.end();
});

t.test("-v and --json say how many bits were compared", (t) => {
  const match = verify("-v", "-t", TAG.slice(0, 10));
  t.same([match.status, match.stdout], [0, ""]);
  t.match(match.stderr, /\b60\b.*bits/);
  t.match(verify("-v", "-t", TAG).stderr, /\b256\b.*bits/);
  t.match(verify("-v", "-t", `${"A".repeat(43)}=`), { status: 1, stderr: /does not match.*\b256\b.*bits/ });

  t.match(JSON.parse(verify("--json", "-t", TAG.slice(0, 43)).stdout), { match: true, bitsCompared: 256 });
  t.match(JSON.parse(verify("--json", "-t", TAG.slice(0, 12)).stdout), { match: true, bitsCompared: 72 });
  const wrong = verify("--json", "-t", "A".repeat(11));
  t.match([wrong.status, JSON.parse(wrong.stdout)], [1, { match: false, bitsCompared: 66 }]);
  const short = verify("--json", "-t", "A");
  t.match([short.status, JSON.parse(short.stdout)], [2, { error: { code: "GLOME_TAG_LENGTH", message: /1 character/ } }]);
  t.end();
});

t.test("wrong usage and input that cannot be read", (t) => {
  const run = (...words: readonly string[]): Outcome => keyhole(["verify", ...words], { cwd, input: MESSAGE });
  checkFailure(t, run("-ka", "-pb.pub"), 2, /needs --tag/, "no tag");
  checkFailure(t, run("-pb.pub", "-t", TAG), 2, /needs --key/, "no key");
  checkFailure(t, run("-ka", "-t", TAG), 2, /needs --peer/, "no peer");
  checkFailure(t, run("-ka", "-pb.pub", "-t"), 2, /--tag needs a value/, "no value");
  checkFailure(t, run("-ka", "-pb.pub", "-t", TAG, "extra"), 2, /extra/, "another word");
  checkFailure(t, run("-kabsent", "-pb.pub", "-t", TAG), 2, /absent cannot be read/, "missing key");
  checkFailure(t, run("-ka", "-p.", "-t", TAG), 2, /it is a directory/, "peer is a directory");
  for (const value of ["256", "-1", "1e2", "010"]) checkFailure(t, run("-ka", "-pb.pub", "-t", TAG, "-c", value), 2, /--counter is/, value);
  checkFailure(t, shell(`keyhole verify -ka -pb.pub -t ${TAG} <.`, { cwd }), 2, /standard input cannot be read/, "standard input is a directory");
  checkFailure(t, shell(`keyhole verify --json -ka -pb.pub -t ${TAG} -c ${COUNTER} <a >/dev/full`, { cwd }), 3, /standard output cannot be written/, "standard output is full");
  t.end();
});
