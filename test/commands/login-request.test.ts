import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { describeRequest, requestFields } from "../../src/commands/login-request.ts";
import { parseChallengeText, type Challenge } from "../../src/lib/glome/challenge.ts";
import { byteString, bytesOf } from "../../src/lib/text.ts";

const HS = "R4cvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2";
const HS_TAG = `${HS}-dzz`;

const shown = (challenge: Challenge, key?: string): Readonly<Record<string, string>> => Object.fromEntries(describeRequest(challenge, key).map(({ label, text }) => [label, text]));

t.test("the request as a person reads it", (t) => {
  t.same(describeRequest(parseChallengeText(`v2/${HS_TAG}/serial:A1/shell=root/`), "3-datacenter").map(({ label, text }) => `${label}: ${text}`), [
    "Protocol: GLOME Login v2",
    "Host type: serial",
    "Host: A1",
    "Action: shell=root",
    "Key: 3-datacenter, asked for the one with prefix 0x47",
    "Message tag: 3 bytes, matches",
  ]);
  t.match(shown(parseChallengeText(`v1/A${HS.slice(1)}/h/shell/root/`)), {
    "Protocol": "GLOME Login v1",
    "Host type": "none given: host name",
    "Action": "shell/root",
    "Key": "the one with index 3 or prefix 0x03",
    "Message tag": "none",
  });
  t.match(shown(parseChallengeText(`v2/${HS_TAG}/h/a/`)), { "Message tag": "3 bytes" }, "without a key nobody knows whether it matches");
  t.match(shown(parseChallengeText(`v2/${HS}/h%2fx/a/`)), { Unusual: /lower-case/ });
  t.end();
});

t.test("nothing in a challenge acts on the terminal, and no two requests look the same", (t) => {
  const seen = new Map<string, string>();
  const byte = fc.oneof(fc.constantFrom("\x1b", "\n", "\\", "a", "x", "1", "b", "\x9b", "\xe2\x80\xae", "\xff", "\xc3\xa9", " "), fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)));
  const segment = fc.array(byte, { minLength: 1, maxLength: 4 }).map((bytes) => bytes.join("").replaceAll(":", ""));
  const escape = (text: string): string => Array.from(bytesOf(text), (byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("");
  fc.assert(
    fc.property(
      segment.filter((host) => host !== ""),
      segment.filter((action) => action !== ""),
      (host, action) => {
        const challenge = parseChallengeText(`v2/${HS}/${escape(host)}/${escape(action)}/`);
        const lines = describeRequest(challenge, "k\x1b[2J");
        for (const { text } of lines) assert.doesNotMatch(text, /[\p{Cc}\p{Bidi_Control}\p{Cs}\p{Zl}\p{Zp}]/u);
        const { Host, Action } = shown(challenge);
        const screen = JSON.stringify([Host, Action]);
        const request = JSON.stringify([byteString(bytesOf(host)), action]);
        assert.equal(seen.get(screen) ?? request, request);
        seen.set(screen, request);
      },
    ),
    { numRuns: 1000 },
  );
  t.end();
});

t.test("the request for a program", (t) => {
  t.match(requestFields(parseChallengeText(`v2/g${HS.slice(1)}/serial:A1/a b/`)), {
    protocol: "v2",
    hostType: "serial",
    host: "A1",
    action: "a b",
    keyHint: { kind: "index", index: 3 },
    messageTagLength: 0,
    unusual: [{ code: "missing-escape" }],
  });
  t.end();
});
