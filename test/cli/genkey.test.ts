import { createPrivateKey, createPublicKey } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import t from "tap";
import { checkFailure, finish, keyhole, keyholeRaw, listing, shell, startKeyhole, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";

const hasOpenssl = spawnSync("openssl", ["version"]).error === undefined;
const needsOpenssl = hasOpenssl ? {} : { skip: "openssl is not installed" };

const PASSPHRASE = "correct horse\nthis line does not count\n";

/** What openssl makes of a private key file. */
function opensslPublicKey(cwd: string, ...words: readonly string[]): string {
  return spawnSync("openssl", ["pkey", "-pubout", ...words], { cwd, encoding: "utf8" }).stdout;
}

t.test("32 raw bytes on standard output, others each time", (t) => {
  const keys = [keyholeRaw(["genkey"]), keyholeRaw(["genkey", "--format", "raw"])];
  for (const { status, stdout, stderr } of keys) {
    t.same([status, stdout.length, stderr], [0, 32, ""]);
  }
  t.notSame(keys[0]?.stdout, keys[1]?.stdout);
  t.end();
});

t.test("genkey | tee k | pubkey | tee k.pub", (t) => {
  const cwd = temporaryDirectory(t);
  const { status, stdout } = shell("set -o pipefail; keyhole genkey | tee k | keyhole pubkey | tee k.pub", { cwd });
  t.equal(status, 0);
  t.match(stdout, /^glome-v1 [A-Za-z0-9_-]{43}=\n$/);
  t.equal(readFileSync(join(cwd, "k.pub"), "utf8"), stdout);
  t.equal(statSync(join(cwd, "k")).size, 32);
  t.end();
});

t.test("--out makes a new file that only its owner can read", (t) => {
  const cwd = temporaryDirectory(t);
  const { status, stdout, stderr } = shell("umask 0; keyhole genkey --out k", { cwd });
  t.same([status, stdout, stderr], [0, "", ""]);
  t.equal(statSync(join(cwd, "k")).size, 32);
  t.equal(statSync(join(cwd, "k")).mode & 0o777, 0o600);
  t.same(listing(cwd), ["k"]);

  const first = readFileSync(join(cwd, "k"));
  checkFailure(t, keyhole(["genkey", "-ok"], { cwd }), 3, /k exists/, "does not overwrite");
  t.same(readFileSync(join(cwd, "k")), first);
  t.same(listing(cwd), ["k"]);
  t.end();
});

t.test("a dangling link is not followed", (t) => {
  const cwd = temporaryDirectory(t);
  const outcome = shell("ln -s elsewhere k; keyhole genkey --out k", { cwd });
  checkFailure(t, outcome, 3, /k exists/);
  t.same(listing(cwd), ["k"]);
  t.end();
});

t.test("--format pem is PKCS#8", (t) => {
  const cwd = temporaryDirectory(t);
  const { status, stdout, stderr } = keyhole(["genkey", "--format=pem"]);
  t.same([status, stderr], [0, ""]);
  t.match(stdout, /^-----BEGIN PRIVATE KEY-----\n[\s\S]*\n-----END PRIVATE KEY-----\n$/);
  t.equal(createPrivateKey(stdout).asymmetricKeyType, "x25519");
  writeFiles(cwd, { "k.pem": stdout });
  const pub = createPublicKey(stdout).export({ format: "pem", type: "spki" });
  t.equal(keyhole(["pubkey", "--key", "k.pem", "--format", "pem"], { cwd }).stdout, pub);
  t.test("which openssl reads", needsOpenssl, (t) => {
    t.equal(opensslPublicKey(cwd, "-in", "k.pem"), pub);
    t.end();
  });
  t.end();
});

t.test("--encrypt puts the key under a passphrase", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { pass: PASSPHRASE, wrong: "correct house\n", empty: "\nsecond line\n" });
  const made = keyhole(["genkey", "--encrypt", "--passphrase-file", "pass", "--out", "k", "--json"], { cwd });
  t.equal(made.status, 0);
  const { publicKey } = JSON.parse(made.stdout) as { publicKey: string };
  t.equal(statSync(join(cwd, "k")).mode & 0o777, 0o600);
  const pem = readFileSync(join(cwd, "k"), "utf8");
  t.match(pem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);

  const opened = keyhole(["pubkey", "-k", "k", "--passphrase-file", "pass"], { cwd });
  t.same([opened.status, opened.stdout], [0, `${publicKey}\n`]);
  const fromInput = keyhole(["pubkey", "--passphrase-file", "pass"], { cwd, input: pem });
  t.equal(fromInput.stdout, opened.stdout);
  const fromEnvironment = keyhole(["pubkey", "-k", "k"], { cwd, env: { KEYHOLE_PASSPHRASE_FILE: "pass" } });
  t.equal(fromEnvironment.stdout, opened.stdout);

  t.test("which openssl reads", needsOpenssl, (t) => {
    const pub = keyhole(["pubkey", "-k", "k", "--format", "pem", "--passphrase-file", "pass"], { cwd }).stdout;
    t.equal(opensslPublicKey(cwd, "-in", "k", "-passin", "pass:correct horse"), pub);
    t.end();
  });

  checkFailure(t, keyhole(["pubkey", "-k", "k", "--passphrase-file", "wrong"], { cwd }), 2, /passphrase/, "wrong passphrase");
  checkFailure(t, keyhole(["pubkey", "-k", "k", "--passphrase-file", "empty"], { cwd }), 2, /passphrase/, "empty passphrase");
  checkFailure(t, keyhole(["pubkey", "-k", "k", "--passphrase-file", "absent"], { cwd }), 2, /absent/, "no passphrase file");
  checkFailure(t, keyhole(["pubkey", "-k", "k", "--passphrase-file", "."], { cwd }), 2, /directory/, "passphrase file is a directory");
  checkFailure(t, keyhole(["pubkey", "-k", "k"], { cwd }), 2, /needs a passphrase/, "no passphrase given");
  t.end();
});

t.test("--encrypt needs a passphrase before it writes anything", (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { empty: "\n" });
  checkFailure(t, keyhole(["genkey", "--encrypt", "--out", "k"], { cwd }), 2, /passphrase/, "nobody to ask");
  checkFailure(t, keyhole(["genkey", "--encrypt", "--passphrase-file", "empty", "--out", "k"], { cwd }), 2, /passphrase/, "empty");
  checkFailure(t, keyhole(["genkey", "--encrypt", "--passphrase-file", "absent", "--out", "k"], { cwd }), 2, /absent/, "missing");
  checkFailure(t, keyhole(["genkey", "--encrypt", "--format", "raw", "--passphrase-file", "empty"], { cwd }), 2, /raw/, "has no raw form");
  t.same(listing(cwd), ["empty"]);
  t.end();
});

t.test("--json tells the public key, and the private one only where no file takes it", (t) => {
  const cwd = temporaryDirectory(t);
  const toFile = keyhole(["genkey", "--json", "--out", "k"], { cwd });
  const fields = JSON.parse(toFile.stdout) as Record<string, string>;
  t.same(Object.keys(fields).sort(), ["file", "publicKey"]);
  t.equal(keyhole(["pubkey", "--key", "k"], { cwd }).stdout, `${String(fields.publicKey)}\n`);

  const { privateKey, publicKey } = JSON.parse(keyhole(["genkey", "--json"]).stdout) as Record<string, string>;
  t.equal(keyhole(["pubkey"], { input: Buffer.from(String(privateKey), "base64url") }).stdout, `${String(publicKey)}\n`);
  t.end();
});

t.test("what cannot be written", async (t) => {
  const cwd = temporaryDirectory(t);
  checkFailure(t, keyhole(["genkey", "--out", "absent/k"], { cwd }), 3, /no such file or directory/, "into a directory that is not there");
  checkFailure(t, keyhole(["genkey", "--out", "."], { cwd }), 3, /exists/, "over a directory");
  checkFailure(t, shell("keyhole genkey >/dev/full", { cwd }), 3, /standard output cannot be written: no space left on device/, "standard output is full");
  checkFailure(t, shell("keyhole genkey --json --out k >/dev/full", { cwd }), 3, /standard output cannot be written/, "the report of a key that is written");
  const child = startKeyhole(["genkey"], { cwd });
  child.stdout.destroy();
  checkFailure(t, await finish(child), 3, /standard output cannot be written: the reader has gone/, "reader has gone");
  t.same(
    listing(cwd).filter((name) => name !== "k"),
    [],
  );
  t.end();
});

t.test("a disk without room leaves no key and no part of one", (t) => {
  // A file size limit of nothing fails as a full disk does, and needs no rights.
  const cwd = temporaryDirectory(t);
  checkFailure(t, shell("trap '' XFSZ; ulimit -f 0; keyhole genkey --out k", { cwd }), 3, /cannot be written/);
  t.same(listing(cwd), []);
  t.end();
});

t.test("a full file system leaves no key and no part of one", (t) => {
  const cwd = temporaryDirectory(t);
  if (!mountSmallDisk(t, cwd)) return t.end();
  fillDisk(cwd);
  checkFailure(t, keyhole(["genkey", "--out", "k"], { cwd }), 3, /no space left on device/);
  t.same(listing(cwd), ["filler"]);
  t.end();
});

t.test("wrong usage", (t) => {
  const cwd = temporaryDirectory(t);
  for (const words of [["k"], ["--format", "der"], ["--format", ""], ["--out"], ["--bogus"], ["-x"], ["--json=yes"], ["--encrypt=yes"]]) {
    checkFailure(t, keyhole(["genkey", ...words], { cwd }), 2, /./, `genkey ${words.join(" ")}`);
  }
  t.same(listing(cwd), []);
  t.notOk(existsSync(join(cwd, "k")));
  t.end();
});
