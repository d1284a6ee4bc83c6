import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { BOB, loginV2 } from "../support/glome-vectors.ts";
import { checkFailure, finish, keyhole, keyholeForEach, listing, shell, startKeyhole, temporaryDirectory, writeFiles, type Outcome, type RunOptions } from "../support/keyhole.ts";
import { fillDisk, mountSmallDisk } from "../support/small-disk.ts";

const cwd = temporaryDirectory(t);
writeFiles(cwd, { bob: BOB.key, "1-bob.key": BOB.key, "bob.pub": BOB.pub });

let attempts = 0;

/** The command line of a new challenge, with a state file of its own. */
function commandOf(...words: readonly string[]): readonly [readonly string[], RunOptions] {
  return [["challenge", "new", "--peer", "bob.pub", "--state", `state-${attempts++}`, ...words], { cwd }];
}

function challengeNew(...words: readonly string[]): Outcome & { readonly state: string } {
  const [command, options] = commandOf(...words);
  return { ...keyhole(command, options), state: command[5]! };
}

function handshakeOf(challenge: string): Buffer {
  return Buffer.from(challenge.split("/")[1]!, "base64url");
}

t.test("a challenge, its answer and the check of it, by every way to name the key", async (t) => {
  const ways: readonly (readonly [readonly string[], number, number])[] = [
    [["--index", "1"], 0x81, 33],
    [["--index", "1", "--tag-prefix", "3"], 0x81, 36],
    [["--prefix"], BOB.publicKey[31]!, 33],
    [["--tag-prefix=32"], BOB.publicKey[31]!, 65],
    [["--protocol", "v1", "--index", "1"], 1, 33],
    [["--protocol", "v1", "--prefix", "--tag-prefix", "1"], BOB.publicKey[0]! & 0x7f, 34],
  ];
  const request = ["--host", "rack-7", "--host-type", "serial", "--action", "reboot"] as const;
  const made = await keyholeForEach(ways, ([words], i) => [["challenge", "new", "--peer", "bob.pub", "--state", `way-${i}`, ...request, ...words], { cwd }]);
  for (const [i, [[words, prefix, length], { status, stdout, stderr }]] of made.entries()) {
    const name = words.join(" ");
    t.same([status, stderr], [0, ""], name);
    t.match(stdout, /^v[12]\/[A-Za-z0-9_=-]+\/serial:rack-7\/reboot\/\n$/, name);
    t.equal(stdout.slice(0, 2), words.includes("v1") ? "v1" : "v2");
    t.same([handshakeOf(stdout)[0], handshakeOf(stdout).length], [prefix, length], `${name}: the first byte and the length of the handshake`);
    t.equal(statSync(join(cwd, `way-${i}`)).mode & 0o777, 0o600);
  }
  const answered = await keyholeForEach(made, ([, { stdout }]) => [["login", "-k1-bob.key", "--quiet"], { cwd, input: stdout }]);
  const checked = await keyholeForEach(answered, ([, { stdout }], i) => [["challenge", "check", "--state", `way-${i}`, "--", stdout.trim()], { cwd }]);
  for (const [[[[words]]], { status, stdout, stderr }] of checked) t.same([status, stdout, stderr], [0, "", ""], `${words.join(" ")}: the answer is right`);
  t.end();
});

t.test("no two challenges are alike", (t) => {
  const keys = [1, 2].map(() => handshakeOf(challengeNew("--host", "h", "--action", "a").stdout).subarray(1, 33));
  t.notSame(keys[0], keys[1]);
  for (const key of keys) t.notSame(key, Buffer.alloc(32));
  t.end();
});

t.test("the message is encoded as RFD 001 says, and what could be read as another is refused", async (t) => {
  const outcomes = await keyholeForEach(loginV2.message_encoding_cases, ({ host_id_type, host_id, action }) => commandOf("--host-type", host_id_type, "--host", host_id, "--action", action));
  for (const [{ host_id_type, host_id, rfd001_encoded_message }, outcome] of outcomes) {
    if (host_id === "" || `${host_id_type}${host_id}`.includes(":")) checkFailure(t, outcome, 2, /host/, rfd001_encoded_message);
    else t.equal(outcome.stdout.split("/").slice(2).join("/"), `${rfd001_encoded_message}/\n`);
  }
  for (const [host, action] of [["h", "exec=/bin/sh -l"], ["ÿ\u0001 %", "a/b?c#d[e]"]] as const) {
    const { stdout } = challengeNew("--host", host, "--action", action);
    t.match(JSON.parse(keyhole(["login", "--show", "--json"], { cwd, input: stdout }).stdout), { host, action }, "and is read back as it was");
  }
  t.end();
});

t.test("v1 sends the action as it is", async (t) => {
  const { stdout } = challengeNew("--protocol", "v1", "--host", "my/host", "--action", "shell/root");
  t.match(stdout, /\/my%2Fhost\/shell\/root\/\n$/);
  for (const [action, outcome] of await keyholeForEach(["", "a//b", "a b"], (action) => commandOf("--protocol", "v1", "--host", "h", "--action", action))) {
    checkFailure(t, outcome, 2, /action/, JSON.stringify(action));
  }
  t.end();
});

t.test("the state never goes over a file", (t) => {
  writeFiles(cwd, { precious: "data" });
  checkFailure(t, keyhole(["challenge", "new", "--peer", "bob.pub", "--host", "h", "--action", "a", "--state", "precious"], { cwd }), 3, /precious exists/);
  t.equal(readFileSync(join(cwd, "precious"), "utf8"), "data");
  t.end();
});

t.test("--json and --qr", (t) => {
  const { stdout } = challengeNew("--host", "h", "--action", "a", "--json");
  t.match(stdout, /^\{[^\n]*\}\n$/);
  t.match(JSON.parse(stdout), { challenge: /^v2\/.*\/h\/a\/$/ });
  const qr = challengeNew("--host", "h", "--action", "a", "--qr");
  t.match(qr.stdout, /^v2\/[^\n]*\/h\/a\/\n$/);
  t.match(qr.stderr, /[█▀▄]{5}/);
  t.end();
});

t.test("spellings of options", (t) => {
  for (const line of [
    "keyhole challenge new -pbob.pub --host h --action shell=root --state spelling",
    "keyhole challenge new -qpbob.pub --host h --action shell=root --state spelling",
    "keyhole -p bob.pub --host h challenge new --action shell=root --state spelling",
    "keyhole -pbob.pub --tag-prefix 0 challenge new --host h --action shell=root --state spelling",
    "keyhole challenge new --peer absent --peer bob.pub --host h --action shell=root --state spelling",
  ]) {
    const { status, stdout } = shell(`rm -f spelling; ${line}`, { cwd });
    t.match([status, stdout], [0, /^v2\/[^\n]*\/h\/shell=root\/\n$/], line);
  }
  const odd = challengeNew("--host", "007", "--action", "-x", "--host-type=1e3");
  t.match([odd.status, odd.stdout], [0, /\/1e3:007\/-x\/\n$/], "values are kept as they were given");
  t.end();
});

t.test("wrong usage and files that cannot be read leave nothing behind", async (t) => {
  writeFiles(cwd, { "low.pub": "glome-v1 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" });
  const before = listing(cwd);
  const complete = ["--host", "h", "--action", "a"] as const;
  const mistakes: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["--host", "h"], 2, /--action/],
    [["--action", "a"], 2, /--host/],
    [["--host", "h", "--action", ""], 2, /action/],
    [[...complete, "--index", "1", "--prefix"], 2, /--index and --prefix/],
    ...["128", "01"].map((index) => [[...complete, "--index", index], 2, /--index is/] as const),
    ...["33", "-1"].map((length) => [[...complete, "--tag-prefix", length], 2, /--tag-prefix is/] as const),
    [[...complete, "--protocol", "v3"], 2, /--protocol/],
    [[...complete, "--bogus"], 2, /bogus/],
    [[...complete, "--qr=yes"], 2, /qr/],
    [[...complete, "--host"], 2, /host/],
    [[...complete, "--peer", "bob"], 2, /expected a public key/],
    [[...complete, "--peer", "absent"], 2, /absent cannot be read/],
    [[...complete, "--peer", "."], 2, /it is a directory/],
    [[...complete, "--peer", "low.pub"], 2, /low-order/],
    [[...complete, "--state", "absent/state"], 3, /no such file or directory/],
    [[...complete, "--state", "."], 3, /exists/],
  ];
  for (const [[words, status, error], outcome] of await keyholeForEach(mistakes, ([words]) => commandOf(...words))) {
    checkFailure(t, outcome, status, error, words.join(" "));
  }
  checkFailure(t, keyhole(["challenge", "new", "--peer", "bob.pub", ...complete], { cwd }), 2, /--state/, "no state");
  checkFailure(t, keyhole(["challenge", "new", "--state", "s", ...complete], { cwd }), 2, /--peer/, "no peer");
  t.match(JSON.parse(challengeNew("--json", ...complete, "--index", "128").stdout), { error: { code: "USAGE_NUMBER", message: /128/ } });
  t.same(listing(cwd), before);
  t.end();
});

t.test("output that fails leaves no state behind, as nobody saw the challenge", async (t) => {
  const command = ["challenge", "new", "--peer", "bob.pub", "--host", "h", "--action", "a", "--state", "unseen"] as const;
  checkFailure(t, shell(`keyhole ${command.join(" ")} >/dev/full`, { cwd }), 3, /standard output cannot be written/, "full");
  t.notOk(listing(cwd).includes("unseen"));
  const child = startKeyhole(command, { cwd });
  child.stdout.destroy();
  checkFailure(t, await finish(child), 3, /the reader has gone/, "reader has gone");
  t.notOk(listing(cwd).includes("unseen"));
  const before = listing(cwd);
  checkFailure(t, shell(`trap '' XFSZ; ulimit -f 0; keyhole ${command.join(" ")}`, { cwd }), 3, /cannot be written/, "no room for the state");
  t.same(listing(cwd), before);
  t.end();
});

const CONFIG = `[default]
host-id = rack-7
host-id-type = serial
min-authcode-len = 12

[service]
public-key = ${BOB.pub.trim()}
key-version = 1
prompt = https://glome.example.com/
`;

t.test("--config gives key, index, prompt and host", (t) => {
  writeFiles(cwd, { "login.conf": CONFIG });
  const made = keyhole(["challenge", "new", "--config", "login.conf", "--action", "reboot", "--state", "configured"], { cwd });
  t.match([made.status, made.stdout], [0, /^https:\/\/glome\.example\.com\/v2\/[^/]*\/serial:rack-7\/reboot\/\n$/]);
  t.equal(Buffer.from(made.stdout.split("/")[4]!, "base64url")[0], 0x81, "key-version is the index");
  const answer = keyhole(["login", "-k1-bob.key"], { cwd, input: made.stdout }).stdout.trim();
  t.equal(keyhole(["challenge", "check", "--state", "configured", answer], { cwd }).status, 0);

  const other = keyhole(["challenge", "new", "--config", "login.conf", "--host", "other", "--host-type", "name", "--index", "5", "--action", "a", "--state", "overridden"], { cwd });
  t.match(other.stdout, /^https:\/\/glome\.example\.com\/v2\/[^/]*\/name:other\/a\/\n$/, "options go before it");
  t.equal(Buffer.from(other.stdout.split("/")[4]!, "base64url")[0], 0x85);

  writeFiles(cwd, { "old.conf": `host-id = rack-7\n[service]\nkey = ${Buffer.from(BOB.publicKey).toString("hex")}\n` });
  const older = shell("keyhole challenge new --config old.conf --action a --state older | keyhole login -k1-bob.key --quiet", { cwd });
  t.equal(keyhole(["challenge", "check", "--state", "older", "--", older.stdout.trim()], { cwd }).status, 0, "an older one, with the key in hexadecimal and no key-version");

  const json = keyhole(["challenge", "new", "--config", "login.conf", "--action", "a", "--state", "json", "--json"], { cwd });
  t.match(JSON.parse(json.stdout), { challenge: /^v2\//, prompt: "https://glome.example.com/" });
  t.end();
});

t.test("a configuration that cannot be used", (t) => {
  const run = (config: string | Uint8Array): Outcome => {
    writeFiles(cwd, { "login.conf": config });
    return keyhole(["challenge", "new", "--config", "login.conf", "--action", "a", "--state", "not-made"], { cwd });
  };
  checkFailure(t, run(""), 2, /--peer/, "empty");
  checkFailure(t, run(CONFIG.replace("host-id = rack-7\n", "")), 2, /--host/, "no host");
  checkFailure(t, run(CONFIG.replace("key-version = 1", "key-version = 128")), 2, /line 8/, "no index");
  checkFailure(t, run(CONFIG.replace("public-key = ", "public-key = x")), 2, /line 7/, "no key");
  checkFailure(t, run(CONFIG.replace("host-id-type", "host-id-tpye")), 2, /line 3/, "an unknown name");
  checkFailure(t, run(Uint8Array.of(0xff, 0xfe, 0)), 2, /UTF-8/, "binary");
  checkFailure(t, keyhole(["challenge", "new", "--config", "absent", "--action", "a", "--state", "not-made"], { cwd }), 2, /absent cannot be read/, "missing");
  checkFailure(t, keyhole(["challenge", "new", "--config", ".", "--action", "a", "--state", "not-made"], { cwd }), 2, /it is a directory/, "directory");
  t.notOk(listing(cwd).includes("not-made"));
  t.end();
});

t.test("a full file system leaves no state and no part of one", (t) => {
  const disk = temporaryDirectory(t);
  if (!mountSmallDisk(t, disk)) return t.end();
  fillDisk(disk);
  checkFailure(t, challengeNew("--host", "h", "--action", "a", "--state", join(disk, "state")), 3, /no space left on device/);
  t.same(listing(disk), ["filler"]);
  t.end();
});
