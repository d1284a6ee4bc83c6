import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { BOB } from "../support/glome-vectors.ts";
import { checkFailure, keyhole, keyholeForEach, listing, shell, temporaryDirectory, writeFiles, type Outcome } from "../support/keyhole.ts";

const cwd = temporaryDirectory(t);

const PUBLIC_KEY = `public-key = ${BOB.pub.trim()}`;
const KEY = `key = ${Buffer.from(BOB.publicKey).toString("hex")}`;
const GOOD = `# how this machine asks to be let in
[default]
host-id = rack-7
timeout = 60
; another comment

[service]
${PUBLIC_KEY}
key-version = 1
prompt = https://glome.example.com/
`;

function lint(config: string | Uint8Array, ...words: readonly string[]): Outcome {
  writeFiles(cwd, { config });
  return keyhole(["challenge", "lint", ...words, "config"], { cwd });
}

t.test("nothing to say of a good configuration", (t) => {
  t.same(lint(GOOD), { status: 0, stdout: "", stderr: "" });
  t.same(lint(GOOD.replaceAll("\n", "\r\n")), { status: 0, stdout: "", stderr: "" }, "CR LF");
  t.same(JSON.parse(lint(GOOD, "--json").stdout), { findings: [] });
  t.end();
});

t.test("findings, with the line they are in", async (t) => {
  const cases: Readonly<Record<string, readonly [string, RegExp]>> = {
    "an unknown key in [service]": [GOOD.replace("prompt", "promtp"), /^config:10:.*promtp/m],
    "an unknown key in [default]": [GOOD.replace("timeout", "time-out"), /^config:4:.*time-out/m],
    "a key outside [service]": [GOOD.replace("[default]", `[default]\n${KEY}`), /^config:3:.*\bkey\b.*\[service\]/m],
    "a key before any section": [`${KEY}\n${GOOD}`, /^config:1:.*\bkey\b.*\[service\]/m],
    "both key and public-key": [GOOD.replace(PUBLIC_KEY, `${PUBLIC_KEY}\n${KEY}`), /both key and public-key/],
    "no key version": [GOOD.replace("key-version = 1\n", ""), /no key-version/],
    "neither key nor public-key": [GOOD.replace(`${PUBLIC_KEY}\n`, ""), /public-key/],
    "a key version that is none": [GOOD.replace("key-version = 1", "key-version = 128"), /^config:9:.*128/m],
    "a key version in octal": [GOOD.replace("key-version = 1", "key-version = 010"), /^config:9:.*010/m],
    "a public key that is none": [GOOD.replace("glome-v1 ", "glome-v1 x"), /^config:8:/m],
    "a private key in hexadecimal of the wrong length": [GOOD.replace(PUBLIC_KEY, "key = abcd"), /^config:8:/m],
    "an unknown section": [`${GOOD}[servcie]\n`, /^config:11:.*servcie/m],
    "a line that is no setting": [GOOD.replace("timeout = 60", "timeout"), /^config:4:/m],
    empty: ["", /public-key/],
  };
  // Each in a directory of its own, so that the file has the same name.
  const outcomes = await keyholeForEach(Object.entries(cases), ([, [config]], i) => {
    mkdirSync(join(cwd, String(i)));
    writeFiles(join(cwd, String(i)), { config });
    return [["challenge", "lint", "config"], { cwd: join(cwd, String(i)) }];
  });
  for (const [[name, [, finding]], { status, stdout, stderr }] of outcomes) t.match([status, stdout, stderr], [1, finding, /^$/], name);

  const json = lint(GOOD.replace("key-version = 1\n", "").replace("prompt", "promtp"), "--json");
  t.match([json.status, JSON.parse(json.stdout)], [1, { findings: [{ line: 9, code: "unknown-key", message: /promtp/ }, { code: "no-key-version" }] }], "as JSON");
  t.end();
});

t.test("nothing of the file reaches the terminal that could change what it shows", (t) => {
  t.match(lint(`${GOOD}k\u001b[2Jey = \u202e\n[ser\u001bvice]\nprompt\u001b = 1\ntimeout = \u001b[2J\n`).stdout, /^[\x20-\x7e\n]+$/);
  t.end();
});

t.test("wrong usage, input that cannot be read, output that fails", (t) => {
  writeFiles(cwd, { config: GOOD });
  checkFailure(t, keyhole(["challenge", "lint"], { cwd }), 2, /needs FILE/, "no file named");
  checkFailure(t, keyhole(["challenge", "lint", "absent"], { cwd }), 2, /absent cannot be read: no such file/, "missing");
  checkFailure(t, keyhole(["challenge", "lint", "."], { cwd }), 2, /it is a directory/, "directory");
  checkFailure(t, keyhole(["challenge", "lint", "config", "config"], { cwd }), 2, /config/, "two files");
  checkFailure(t, lint(Uint8Array.of(0xff, 0x00)), 2, /UTF-8/, "binary");
  checkFailure(t, lint("#".repeat(1_000_000)), 2, /longer/, "too long");
  checkFailure(t, keyhole(["challenge"], { cwd }), 2, /challenge/, "half a command");
  t.match(JSON.parse(keyhole(["challenge", "lint", "--json", "absent"], { cwd }).stdout), { error: { code: "FILE_READ", message: /absent/ } });
  writeFiles(cwd, { config: "" });
  checkFailure(t, shell("keyhole challenge lint config >/dev/full", { cwd }), 3, /standard output cannot be written/, "full");
  t.same(listing(cwd).filter((name) => !/^[0-9]/.test(name)), ["config"]);
  t.end();
});
