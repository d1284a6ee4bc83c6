import { createPublicKey } from "node:crypto";
import { openSync, closeSync, chmodSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { ALICE, ALICE_1, BOB, BOB_1, protocol } from "../support/glome-vectors.ts";
import { checkFailure, cleanEnvironment, finish, keyhole, KEYHOLE, keyholeForEach, keyholeRaw, shell, startKeyhole, temporaryDirectory, writeFiles } from "../support/keyhole.ts";

t.test("prints the public keys of the vectors", (t) => {
  for (const { key, pub } of [ALICE_1, BOB_1, ALICE, BOB]) {
    const { status, stdout, stderr } = keyhole(["pubkey"], { input: key });
    t.same([status, stdout, stderr], [0, pub, ""]);
  }
  for (const { name, private_key_hex, public_key_line } of protocol.derived_vectors) {
    if (private_key_hex === undefined) continue;
    t.equal(keyhole(["pubkey"], { input: Buffer.from(private_key_hex, "hex") }).stdout, `${public_key_line}\n`, name);
  }
  t.end();
});

t.test("every form of the key", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { bob: BOB.key });
  const run = (...words: readonly string[]): string => keyhole(["pubkey", "-kbob", ...words], { cwd }).stdout;
  t.equal(run(), BOB.pub);
  t.equal(run("--format", "glome"), BOB.pub);
  t.equal(run("--format", "hex"), `${Buffer.from(BOB.publicKey).toString("hex")}\n`);
  const pem = run("--format", "pem");
  t.equal(Buffer.from(String(createPublicKey(pem).export({ format: "jwk" }).x), "base64url").compare(BOB.publicKey), 0);
  t.same(keyholeRaw(["pubkey", "-kbob", "--format=raw"], { cwd }).stdout, BOB.publicKey);
  t.same(JSON.parse(run("--json")), { publicKey: BOB.pub.trim() });
  t.end();
});

t.test("private key files of the vectors", (t) => {
  const cwd = temporaryDirectory(t);
  for (const { name, file_hex } of protocol.private_key_file_cases) {
    writeFiles(cwd, { k: Buffer.from(file_hex, "hex") });
    // 32 bytes are a key, and nothing else is: glome takes the first 32 of whatever it finds.
    const isKey = file_hex.length === 64;
    const outcome = keyhole(["pubkey", "--key", "k"], { cwd });
    if (isKey) t.same([outcome.status, outcome.stdout], [0, BOB.pub], name);
    else checkFailure(t, outcome, 2, /./, name);
  }
  t.end();
});

t.test("a public key given as a private key is refused by name", (t) => {
  const cwd = temporaryDirectory(t);
  const pem = keyhole(["pubkey", "--format", "pem"], { input: BOB.key }).stdout;
  for (const [name, input] of [["glome", BOB.pub], ["pem", pem]] as const) {
    checkFailure(t, keyhole(["pubkey"], { input }), 2, /expected a private key, found a public key/, `${name} on standard input`);
    writeFiles(cwd, { k: input });
    checkFailure(t, keyhole(["pubkey", "--key", "k"], { cwd }), 2, /k: expected a private key, found a public key/, `${name} in a file`);
  }
  t.end();
});

t.test("any 32 bytes are a key, even if they read as text", (t) => {
  const { status, stdout } = keyhole(["pubkey"], { input: "glome-v1 is not what this says!\n" });
  t.equal(status, 0);
  t.match(stdout, /^glome-v1 /);
  t.end();
});

t.test("a key that others can read is warned of", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { k: BOB.key });
  const run = (...words: readonly string[]): readonly (string | number | null)[] => {
    const { status, stdout, stderr } = keyhole(["pubkey", "--key", "k", ...words], { cwd });
    return [status, stdout, stderr];
  };
  t.same(run(), [0, BOB.pub, ""], "0600");
  for (const mode of [0o644, 0o640, 0o604]) {
    chmodSync(join(cwd, "k"), mode);
    t.match(run(), [0, BOB.pub, /^warning: private key k can be read by others[^\n]*\n$/], mode.toString(8));
  }
  t.same(run("--quiet"), [0, BOB.pub, ""], "--quiet");
  t.end();
});

t.test("input that cannot be used", async (t) => {
  const cwd = temporaryDirectory(t);
  const pem = keyhole(["genkey", "--format", "pem"]).stdout;
  const inputs: Readonly<Record<string, string | Uint8Array>> = {
    empty: "",
    "a newline": "\n",
    "33 bytes": Buffer.concat([BOB.key, Buffer.from("\n")]),
    hex: Buffer.from(BOB.key).toString("hex"),
    binary: Uint8Array.from({ length: 256 }, (_, i) => i),
    "a megabyte": new Uint8Array(1024 * 1024),
    "cut PEM": pem.slice(0, -10),
    "PEM of another kind": pem.replaceAll("PRIVATE KEY", "CERTIFICATE"),
    "PEM of another key": pem.replace("MC4CAQAwBQYDK2Vu", "MC4CAQAwBQYDK2Vw"),
    "PEM with foreign characters": pem.replace("MC4C", "M*4C"),
  };
  for (const [[name], outcome] of await keyholeForEach(Object.entries(inputs), ([, input]) => [["pubkey"], { input }])) checkFailure(t, outcome, 2, /./, name);
  checkFailure(t, keyhole(["pubkey", "--key", "absent"], { cwd }), 2, /absent cannot be read: no such file/, "no such file");
  checkFailure(t, keyhole(["pubkey", "--key", "."], { cwd }), 2, /cannot be read: it is a directory/, "directory");
  checkFailure(t, keyhole(["pubkey", "--key", ""], { cwd }), 2, /./, "empty name");
  checkFailure(t, shell("keyhole pubkey <&-"), 2, /./, "standard input is closed");

  const fd = openSync(cwd, "r");
  const { status, stdout, stderr } = spawnSync(process.execPath, [KEYHOLE, "pubkey"], { stdio: [fd, "pipe", "pipe"], env: cleanEnvironment(cwd), encoding: "utf8" });
  closeSync(fd);
  checkFailure(t, { status, stdout, stderr }, 2, /standard input cannot be read: it is a directory/, "standard input is a directory");
  t.end();
});

t.test("output that fails", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { k: BOB.key });
  checkFailure(t, shell("keyhole pubkey --key k >/dev/full", { cwd }), 3, /standard output cannot be written: no space left/, "full");
  const child = startKeyhole(["pubkey", "--key", "k"], { cwd });
  child.stdout.destroy();
  checkFailure(t, await finish(child), 3, /the reader has gone/, "reader has gone");
  t.end();
});

t.test("Ctrl-C while it waits for the key", async (t) => {
  const child = startKeyhole(["pubkey"]);
  const ended = finish(child);
  child.stdin.write("half a key");
  setTimeout(() => void child.kill("SIGINT"), 300);
  const { status, signal, stdout } = await ended;
  t.ok(signal === "SIGINT" || status === 130, "ends as one that was interrupted");
  t.equal(stdout, "");
  t.end();
});

t.test("errors as JSON", (t) => {
  for (const words of [["pubkey", "--json", "--key", "absent"], ["pubkey", "--json", "--format", "der"], ["pubkey", "--json", "--bogus"], ["--json", "pubkey", "extra"]]) {
    const { status, stdout } = keyhole(words);
    t.match([status, JSON.parse(stdout)], [2, { error: { code: /^[A-Z][A-Z0-9_]+$/, message: /./ } }], words.join(" "));
  }
  t.end();
});
