import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { checkFailure, keyhole, keyholeRaw, temporaryDirectory, type Outcome } from "../support/keyhole.ts";
import { ctap, getInfo, recordingCard } from "../support/ctap.ts";
import { atTerminal } from "../support/terminal.ts";

const cwd = temporaryDirectory(t);
const CARD = ["--device", "virtual:card"];

function run(words: readonly string[], input: string | Uint8Array = ""): Outcome {
  return keyhole(["ctap", ...words, ...CARD], { cwd, input });
}

function make(name: string, ...words: readonly string[]): void {
  const { status, stderr } = run(["make-credential", "-q", "--rp-id", "example.com", "--user-name", name, "--user-id", Buffer.from(name).toString("hex"), "--out", `${name}.cred`, ...words]);
  if (status !== 0) throw new Error(stderr);
}

make("alice", "--discoverable", "--large-blob-key");
make("bob", "--discoverable", "--large-blob-key");
make("carol");

const BYTES = createHash("sha512").update("any bytes").digest();

t.test("from nothing to nothing", (t) => {
  t.match(run(["blobs", "list"]), { status: 0, stdout: "0 blobs, 17 of 4096 bytes used\n", stderr: "" });
  t.same(JSON.parse(run(["blobs", "list", "--json"]).stdout), { blobs: [], used: 17, capacity: 4096, corrupt: false });
  checkFailure(t, run(["blobs", "get", "--credential", "alice.cred"]), 1, /^error: card has no large blob of this credential$/);

  writeFileSync(join(cwd, "blob"), BYTES);
  t.match(run(["blobs", "set", "--credential", "alice.cred", "--in", "blob"]), { status: 0, stdout: /^wrote a blob of 64 bytes; [0-9]+ of 4096 bytes used\n$/, stderr: "" });
  t.match(run(["blobs", "set", "--credential", "bob.cred"], "b"), { status: 0, stdout: /^wrote a blob of 1 byte;/ }, "from standard input");
  t.same(Buffer.from(keyholeRaw(["ctap", "blobs", "get", "--credential", "alice.cred", ...CARD], { cwd }).stdout), BYTES, "as it was");
  t.same(JSON.parse(run(["blobs", "get", "--credential", "bob.cred", "--json"]).stdout), { length: 1, blob: "Yg" });

  const { blobs, used } = JSON.parse(run(["blobs", "list", "--json"]).stdout) as { readonly blobs: readonly { readonly length: number; readonly storedLength: number }[]; readonly used: number };
  t.same(blobs.map(({ length }) => length), [64, 1]);
  t.match(run(["blobs", "list"]).stdout, new RegExp(`^64 bytes, ${blobs[0]!.storedLength} on the card\n1 byte, ${blobs[1]!.storedLength} on the card\n2 blobs, ${used} of 4096 bytes used\n$`));

  t.match(run(["blobs", "get", "--credential", "alice.cred", "--out", "copy"]), { status: 0, stdout: "read a blob of 64 bytes into copy\n" });
  t.same(readFileSync(join(cwd, "copy")), BYTES);
  t.equal(statSync(join(cwd, "copy")).mode & 0o777, 0o600);
  checkFailure(t, run(["blobs", "get", "--credential", "alice.cred", "--out", "copy"]), 3, /copy exists/);
  t.same(JSON.parse(run(["blobs", "get", "--credential", "alice.cred", "--out", "second", "--json"]).stdout), { length: 64, out: "second" });

  t.match(run(["blobs", "set", "--credential", "alice.cred", "--json"], ""), { status: 0, stdout: /^\{"length":0,/ }, "an empty one takes the place of the other");
  t.same(JSON.parse(run(["blobs", "get", "--credential", "alice.cred", "--json"]).stdout), { length: 0, blob: "" });
  checkFailure(t, run(["blobs", "set", "--credential", "alice.cred"], Buffer.concat(Array.from({ length: 70 }, (_, i) => createHash("sha512").update(String(i)).digest()))), 3, /^error: large blobs would take [0-9]+ bytes, and the card has 4096$/);
  t.match(run(["blobs", "delete", "--credential", "alice.cred"]), { status: 0, stdout: /^deleted the blob; [0-9]+ of 4096 bytes used\n$/ });
  checkFailure(t, run(["blobs", "delete", "--credential", "alice.cred"]), 1, /no large blob of this credential/);
  t.same(JSON.parse(run(["blobs", "delete", "--credential", "bob.cred", "--json"]).stdout), { deleted: true, used: 17, capacity: 4096 });
  t.end();
});

t.test("a card with a PIN wants it to write, and not to read", (t) => {
  writeFileSync(join(cwd, "pin"), "7392\n", { mode: 0o600 });
  t.match(run(["pin", "set", "--new-pin-file", "pin"]), { status: 0 });
  checkFailure(t, run(["blobs", "set", "--credential", "alice.cred"], "x"), 2, /PIN is needed/);
  t.match(run(["blobs", "set", "--credential", "alice.cred", "--pin-file", "pin"], "x"), { status: 0 });
  t.match(run(["blobs", "get", "--credential", "alice.cred"]), { status: 0, stdout: "x" });
  t.match(run(["blobs", "delete", "--credential", "alice.cred", "--pin-file", "pin"]), { status: 0 });
  t.end();
});

t.test("what is wrong is found before anything is sent", async (t) => {
  const { uri, messages } = await recordingCard(t, getInfo({ largeBlobs: true }));
  writeFileSync(join(cwd, "foreign"), "Vy3yCGZ5CKTEjQoUrO4ekdi9e6VkGCI0YlRqqTTGz2U=\nexample.com\nes256\n");
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["get"], 2, /needs --credential FILE/],
    [["get", "--credential", "missing"], 2, /credential file missing cannot be read/],
    [["get", "--credential", "foreign"], 2, /^error: foreign: credential file is not one that keyhole/],
    [["set", "--credential", "carol.cred"], 2, /carol\.cred has no large-blob key/],
    [["delete", "--credential", "carol.cred"], 2, /carol\.cred has no large-blob key/],
    [["set", "--credential", "alice.cred", "--in", "missing"], 2, /blob missing cannot be read/],
    [["get", "--credential", "alice.cred", "--out", "pin"], 3, /pin exists/],
    [["get", "--credential", "alice.cred", "--out", "no/where"], 3, /no\/where cannot be written/],
  ];
  const outcomes = await ctap(cwd, ...cases.map(([words]) => ["blobs", ...words, "-d", uri]));
  for (const [i, [words, status, error]] of cases.entries()) checkFailure(t, outcomes[i]!, status, error, words.join(" "));
  t.same(messages, []);
});

t.test("a card that cannot", async (t) => {
  const { uri, requests } = await recordingCard(t, getInfo({ largeBlobs: false, clientPin: true }));
  const outcomes = await ctap(cwd, ...[["list"], ["get", "--credential", "alice.cred"], ["set", "--credential", "alice.cred"], ["delete", "--credential", "alice.cred"]].map((words) => ["blobs", ...words, "-d", uri]));
  for (const outcome of outcomes) checkFailure(t, outcome, 3, /does not have the option largeBlobs$/);
  t.same(requests, [], "nothing was sent but getInfo");
});

t.test("damaged blobs count as none, with a warning", async (t) => {
  const { uri } = await recordingCard(t, getInfo({ largeBlobs: true }), () => cborMap([1, new Uint8Array(40)]));
  const [text, json, quiet] = await ctap(cwd, ["blobs", "list", "-d", uri], ["blobs", "list", "--json", "-d", uri], ["blobs", "list", "-q", "-d", uri]);
  t.match(text, { status: 0, stdout: "0 blobs, 40 of 1024 bytes used\n", stderr: "warning: the card's large blobs are damaged and count as none\n" });
  t.same(JSON.parse(json!.stdout), { blobs: [], used: 40, capacity: 1024, corrupt: true });
  t.equal(quiet!.stderr, "");
});

t.test("at a terminal a blob is shown escaped", async (t) => {
  run(["blobs", "set", "--credential", "alice.cred", "--pin-file", "pin"], "one\u001b[2Jtwo\u00ff");
  const { status, screen } = await atTerminal(["ctap", "blobs", "get", "--credential", "alice.cred", ...CARD], [], { cwd });
  t.same([status, screen], [0, "one\\x1b[2Jtwoÿ\n"]);
});
