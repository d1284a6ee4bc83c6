import t from "tap";
import { encodePublicKey, encodePublicKeyHex } from "../../../src/lib/glome/key-text.ts";
import { readLoginConfig } from "../../../src/lib/glome/login-config.ts";
import { client, service } from "./parties.ts";

const LINE = encodePublicKey(service.publicKey);
const HEX = encodePublicKeyHex(service.publicKey);
const OTHER = encodePublicKeyHex(client.publicKey);
const SERVICE = `[service]\nkey-version = 1\npublic-key = ${LINE}\n`;

/** Findings as `line severity code`. */
function findings(text: string): readonly string[] {
  return readLoginConfig(text).findings.map(({ line, severity, code }) => `${line} ${severity} ${code}`);
}

t.test("a configuration that is as it should be", (t) => {
  const text = `# how to get in
; and out
auth-delay = 7

[default]
config-path = /etc/glome/config
disable-syslog = no
host-id = my-host
host-id-type = serial
input-timeout=321
login-path\t=\t/bin/true
min-authcode-len = 15
timeout = 60
verbose = Yes
  \t
[service]
key-version = 42
prompt = https://glome.example.com/
public-key = ${LINE} root@host
`;
  const { config, findings } = readLoginConfig(text);
  t.same(findings, []);
  t.same({ ...config, publicKey: encodePublicKey(config.publicKey!) }, {
    publicKey: LINE,
    keyVersion: 42,
    prompt: "https://glome.example.com/",
    hostId: "my-host",
    hostIdType: "serial",
    minAuthcodeLength: 15,
  });
  t.same(readLoginConfig(text.replaceAll("\n", "\r\n")).findings, [], "also with the line ends of Windows");
  t.same(readLoginConfig(text.trimEnd()).findings, [], "and without a last newline");
  t.end();
});

t.test("findings, each at its line", (t) => {
  const cases: Readonly<Record<string, readonly [text: string, findings: readonly string[]]>> = {
    "nothing": ["", ["0 error no-public-key", "0 warning no-key-version"]],
    "no key version": [`[service]\npublic-key = ${LINE}\n`, ["0 warning no-key-version"]],
    "no public key": ["[service]\nkey-version = 1\n", ["0 error no-public-key"]],
    "both keys": [`${SERVICE}key = ${HEX}\n`, ["4 note deprecated", "0 warning two-keys"]],
    "the old key alone": [`[service]\nkey-version = 1\nkey = ${HEX}\n`, ["3 note deprecated"]],
    "the old prompt": [`${SERVICE}url-prefix = https://h\n`, ["4 note deprecated"]],
    "an unknown key": [`colour = red\n${SERVICE}`, ["1 error unknown-key"]],
    "an unknown key in [service]": [`${SERVICE}colour = red\n`, ["4 error unknown-key"]],
    "a key that is a property of objects": [`toString = red\n${SERVICE}`, ["1 error unknown-key"]],
    "key outside [service]": [`key = ${HEX}\n${SERVICE}`, ["1 error misplaced-key"]],
    "key in [default]": [`[default]\nkey = ${HEX}\n${SERVICE}`, ["2 error misplaced-key"]],
    "everything outside [service]": [`public-key = ${LINE}\nkey-version = 1\n`, ["1 error misplaced-key", "2 error misplaced-key", "0 error no-public-key", "0 warning no-key-version"]],
    "a host name in [service]": [`${SERVICE}host-id = h\n`, ["4 error misplaced-key"]],
    "an unknown section": [`[services]\nkey-version = 1\n${SERVICE}`, ["1 error unknown-section"]],
    "a section that is not closed": [`[service\nkey-version = 1\n${SERVICE}`, ["1 error section"]],
    "a section with a comment": [`${SERVICE}[default] # here\nx = 1\n`, ["4 error section"]],
    "a section in capitals": [`[Service]\n${SERVICE}`, ["1 error unknown-section"]],
    "no value": [`host-id =\n${SERVICE}`, ["1 error line"]],
    "no equals sign": [`host-id myhost\n${SERVICE}`, ["1 error line"]],
    "a colon": [`host-id: myhost\n${SERVICE}`, ["1 error line"]],
    "an indented line": [` host-id = h\n${SERVICE}`, ["1 error line"]],
    "an indented comment": [`  # h\n${SERVICE}`, ["1 error line"]],
    "a value that is set twice": [`host-id = a\nhost-id = b\n${SERVICE}`, ["2 warning repeated"]],
    "a section that comes twice": [`${SERVICE}[default]\n[service]\nkey-version = 2\n`, ["6 warning repeated"]],
    "key version 128": [SERVICE.replace("= 1", "= 128"), ["2 error value"]],
    "key version -1": [SERVICE.replace("= 1", "= -1"), ["2 error value"]],
    "key version 010, which is 8 or 10": [SERVICE.replace("= 1", "= 010"), ["2 error value"]],
    "key version 0x1": [SERVICE.replace("= 1", "= 0x1"), ["2 error value"]],
    "key version 1 with a comment": [SERVICE.replace("= 1", "= 1 # first"), ["2 error value"]],
    "no number of seconds": [`timeout = 60s\n${SERVICE}`, ["1 error value"]],
    "no yes or no": [`verbose = maybe\n${SERVICE}`, ["1 error value"]],
    "an authcode longer than any": [`min-authcode-len = 45\n${SERVICE}`, ["1 error value"]],
    "a public key cut short": [SERVICE.replace("=\n", "\n"), ["3 error value"]],
    "a public key of another kind": [SERVICE.replace("glome-v1", "glome-v9"), ["3 error value"]],
    "the old key in the new place": [SERVICE.replace(LINE, HEX), ["3 error value"]],
    "an old key cut short": [`[service]\nkey-version = 1\nkey = ${HEX.slice(2)}\n`, ["3 error value", "3 note deprecated"]],
    "secrets that are printed": [`print-secrets = yes\n${SERVICE}`, ["1 warning insecure"]],
    "secrets that are not": [`print-secrets = no\n${SERVICE}`, []],
    "an ephemeral key that is fixed": [`ephemeral-key = ${HEX}\n${SERVICE}`, ["1 warning insecure"]],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) t.same(findings(text), expected, name);
  t.end();
});

t.test("the key that glome-login takes", (t) => {
  const key = (text: string): string | undefined => {
    const { publicKey } = readLoginConfig(`[service]\n${text}`).config;
    return publicKey === undefined ? undefined : encodePublicKeyHex(publicKey);
  };
  t.equal(key(`public-key = ${LINE}\n`), HEX);
  t.equal(key(`key = ${HEX}\n`), HEX);
  t.equal(key(`key = ${OTHER}\npublic-key = ${LINE}\n`), HEX, "public-key takes precedence, if it comes later");
  t.equal(key(`public-key = ${LINE}\nkey = ${OTHER}\n`), HEX, "or earlier");
  t.equal(key("key-version = 1\n"), undefined);
  t.end();
});

t.test("settings", (t) => {
  const config = (text: string): object => readLoginConfig(text).config;
  t.same(config("[service]\nurl-prefix = https://glome.example.com\n"), { prompt: "https://glome.example.com/" });
  t.same(config("host-id = a = b  \n"), { hostId: "a = b" }, "a value goes to the end of its line");
  t.same(config("host-id = a # b\n"), { hostId: "a # b" }, "as there are no comments behind it");
  t.same(config("min-authcode-len = 2\n"), { minAuthcodeLength: 10 }, "glome-login takes no fewer than 10 characters");
  t.same(config("key-version = 1\n"), {}, "what is misplaced is not taken");
  t.same(config("[service]\nkey-version = 200\n"), {}, "nor what is wrong");
  t.end();
});

t.test("findings say what was found, in one line", (t) => {
  const { findings } = readLoginConfig(`key = ${HEX}\n\n[service]\nkey-version = x\n`);
  t.same(findings, [
    { line: 1, severity: "error", code: "misplaced-key", message: "key belongs into [service]" },
    { line: 4, severity: "error", code: "value", message: 'key-version is "x", expected a decimal number without sign or leading zero, which all tools read alike' },
    { line: 0, severity: "error", code: "no-public-key", message: "no public-key in [service]; glome-login stops with no-service-key" },
  ]);
  t.end();
});
