import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import type { Version } from "../../../src/lib/glome/handshake.ts";
import { encodeMessage, parseMessage } from "../../../src/lib/glome/message.ts";
import { byteString, bytesOf, encodeUtf8 } from "../../../src/lib/text.ts";
import { anyString, challengeText, unicode } from "../arbitraries.ts";
import { errorCode } from "../errors.ts";

const utf8 = (text: string): string => byteString(encodeUtf8(text));
const name = challengeText.map((text) => text.replaceAll(":", ""));
const host = name.filter((text) => text !== "");
const action = challengeText.filter((text) => text !== "");
/** v1 sends it as it is. */
const v1Action = fc.stringMatching(/^[A-Za-z0-9\-._~!$&'()*+,;=:@%]{1,6}(\/[A-Za-z0-9\-._~!$&'()*+,;=:@%]{1,6}){0,3}$/);

t.test("a message is read as it was written, and what is tagged is what is sent", (t) => {
  fc.assert(
    fc.property(name, host, action, (hostType, host, action) => {
      const { text, tagged } = encodeMessage({ hostType, host, action }, "v2");
      assert.match(text, /^[A-Za-z0-9\-._~!$&'()*+,;=:@%]+\/[A-Za-z0-9\-._~!$&'()*+,;=:@%]+$/, "a path of two segments");
      assert.deepEqual(tagged, bytesOf(text));
      const message = parseMessage(text, "v2");
      assert.deepEqual(message.request, { hostType, host, action });
      assert.deepEqual(message.tagged, tagged);
      assert.deepEqual(message.oddities.map(({ code }) => code).filter((code) => code !== "unsafe-character" && code !== "hidden-blank"), []);
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(name, host, v1Action, (hostType, host, action) => {
      const { text, tagged } = encodeMessage({ hostType, host, action }, "v1");
      assert.deepEqual(tagged, encodeUtf8(`${hostType === "" ? "" : `${hostType}:`}${host}/${action}`), "v1 tags the host without its escapes");
      const message = parseMessage(text, "v1");
      assert.deepEqual(message.request, { hostType, host, action });
      assert.deepEqual(message.tagged, tagged);
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test("what would be read as another request is not written", (t) => {
  const cases: readonly (readonly [Version, string, string, string, string])[] = [
    ["v2", "", "", "a", "CHALLENGE_HOST"],
    ["v1", "", "", "a", "CHALLENGE_HOST"],
    ["v2", "", "h", "", "CHALLENGE_ACTION"],
    ["v1", "", "h", "", "CHALLENGE_ACTION"],
    ["v2", "", "a:b", "x", "CHALLENGE_COLON"],
    ["v2", "a:b", "c", "x", "CHALLENGE_COLON"],
    ["v1", "", "a:b", "x", "CHALLENGE_COLON"],
    ["v1", "", "h", "/x", "CHALLENGE_ACTION"],
    ["v1", "", "h", "x/", "CHALLENGE_ACTION"],
    ["v1", "", "h", "a//b", "CHALLENGE_ACTION"],
    ["v1", "", "h", "a b", "CHALLENGE_ACTION"],
    ["v1", "", "h", "a\nb", "CHALLENGE_ACTION"],
    ["v1", "", "h", "é", "CHALLENGE_ACTION"],
  ];
  for (const [version, hostType, host, action, code] of cases) t.throws(() => encodeMessage({ hostType, host, action }, version), { code }, JSON.stringify([version, hostType, host, action]));
  t.end();
});

t.test("whatever is written is read as the same request", (t) => {
  const lone = fc.oneof(anyString, unicode);
  fc.assert(
    fc.property(fc.constantFrom<Version>("v1", "v2"), lone, lone, lone, (version, hostType, host, action) => {
      let text: string | undefined;
      errorCode(() => (text = encodeMessage({ hostType, host, action }, version).text));
      if (text !== undefined) assert.deepEqual(parseMessage(text, version).request, { hostType, host, action });
    }),
    { numRuns: 1000, examples: [["v2", "", "\udc80", "a"]] },
  );
  t.end();
});

const BIDI = utf8("my\u202ehost");

t.test("a plus in a v1 host is sent as an escape, as google/glome's Go server takes a bare one for a space", (t) => {
  const request = { hostType: "a+b", host: "c+d", action: "e+f" };
  t.same(encodeMessage(request, "v1"), { text: "a%2Bb:c%2Bd/e+f", tagged: encodeUtf8("a+b:c+d/e+f") });
  t.same(parseMessage("a%2Bb:c%2Bd/e+f", "v1").oddities, []);
  t.equal(encodeMessage(request, "v2").text, "a+b:c+d/e+f", "in v2 it is a character like any other");
  t.end();
});

t.test("v2: what is no message", (t) => {
  const cases = [
    ["h", "CHALLENGE_SEGMENTS"],
    ["h/a/", "CHALLENGE_SEGMENTS"],
    ["h/a/b", "CHALLENGE_SEGMENTS"],
    ["/h/a", "CHALLENGE_SEGMENTS"],
    ["/a", "CHALLENGE_HOST"],
    [":/a", "CHALLENGE_HOST"],
    ["type:/a", "CHALLENGE_HOST"],
    ["a:b:c/x", "CHALLENGE_COLON"],
    ["a::b/x", "CHALLENGE_COLON"],
    ["a%3Ab:c/x", "CHALLENGE_COLON"],
    ["a%3Ab%3ac/x", "CHALLENGE_COLON"],
    ["h%/a", "CHALLENGE_ESCAPE"],
    ["h%2/a", "CHALLENGE_ESCAPE"],
    ["h/a%zz", "CHALLENGE_ESCAPE"],
  ] as const;
  for (const [text, code] of cases) t.throws(() => parseMessage(text, "v2"), { code }, text);
  t.end();
});

t.test("v2: what is read, and what is said to be unusual", (t) => {
  const cases = [
    ["myhost/shell=root", ["", "myhost", "shell=root"], []],
    ["serial:A1/reboot", ["serial", "A1", "reboot"], []],
    ["a@b/x@y:z", ["", "a@b", "x@y:z"], []],
    ["a+b/c+d", ["", "a+b", "c+d"], []],
    ["a%2Fb/c%2Fd", ["", "a/b", "c/d"], []],
    ["h%25/a", ["", "h%", "a"], []],
    ["h%2fx/a", ["", "h/x", "a"], ["lower-case-escape"]],
    ["h%41/a", ["", "hA", "a"], ["needless-escape"]],
    ["h%2Bx/a", ["", "h+x", "a"], ["needless-escape"]],
    ["h/a%20", ["", "h", "a "], ["hidden-blank"]],
    ["a%20%20b/x", ["", "a  b", "x"], ["hidden-blank"]],
    ["h/%7E", ["", "h", "~"], ["needless-escape"]],
    ["h/a b", ["", "h", "a b"], ["missing-escape"]],
    ["[h]/a", ["", "[h]", "a"], ["missing-escape"]],
    ["h/", ["", "h", ""], ["empty-action"]],
    [":h/a", ["", "h", "a"], ["empty-host-type"]],
    ["t%3Ah/a", ["t", "h", "a"], ["escaped-colon", "needless-escape"]],
    ["h%FF%FFst/a", ["", "h\udcff\udcffst", "a"], ["not-utf8"]],
    ["h%C3%A9st/a", ["", "hést", "a"], []],
    [`${utf8("hést")}/a`, ["", "hést", "a"], ["missing-escape"]],
    ["a%00b/x", ["", "a\0b", "x"], ["unsafe-character"]],
    ["h/a%0A", ["", "h", "a\n"], ["unsafe-character"]],
    [`${escape(BIDI)}/x`, ["", "my\u202ehost", "x"], ["unsafe-character"]],
    ["h%C2%A0/x", ["", "h\u00a0", "x"], ["unsafe-character"]],
  ] as const;
  for (const [text, [hostType, host, action], oddities] of cases) {
    const message = parseMessage(text, "v2");
    t.same(message.request, { hostType, host, action }, text);
    t.same(message.oddities.map(({ code }) => code).sort(), oddities, `${text}: unusual`);
    t.same(message.tagged, bytesOf(text), `${text}: tagged as received`);
    for (const { message: said } of message.oddities) t.match(said, /^[\x20-\x7e]+$/, "in characters that do nothing to a terminal");
  }
  t.end();
});

t.test("v1: what is no message", (t) => {
  const cases = [
    ["onlyhost", "CHALLENGE_ACTION"],
    ["onlyhost/", "CHALLENGE_ACTION"],
    ["/a", "CHALLENGE_HOST"],
    ["", "CHALLENGE_HOST"],
    [":/a", "CHALLENGE_HOST"],
    ["type:/a", "CHALLENGE_HOST"],
    ["h%zz/a", "CHALLENGE_ESCAPE"],
    ["h%/a", "CHALLENGE_ESCAPE"],
  ] as const;
  for (const [text, code] of cases) t.throws(() => parseMessage(text, "v1"), { code }, text);
  t.end();
});

t.test("v1: what is read, what is tagged, and what is said to be unusual", (t) => {
  const cases = [
    ["my-server.local/shell/root", ["", "my-server.local", "shell/root"], "my-server.local/shell/root", []],
    ["serial:A%2F%23/reboot", ["serial", "A/#", "reboot"], "serial:A/#/reboot", ["slash-in-host"]],
    ["h/x%20y", ["", "h", "x%20y"], "h/x%20y", ["action-character"]],
    ["h/%zz", ["", "h", "%zz"], "h/%zz", ["action-character"]],
    ["h/a b", ["", "h", "a b"], "h/a b", ["action-character"]],
    ["a:b:c/x", ["a", "b:c", "x"], "a:b:c/x", ["colon-in-host"]],
    ["a%3Ab/x", ["a", "b", "x"], "a:b/x", ["needless-escape"]],
    ["a b/x", ["", "a b", "x"], "a b/x", ["missing-escape"]],
    ["a+b/x", ["", "a+b", "x"], "a+b/x", ["plus"]],
    ["a%2Bb/x", ["", "a+b", "x"], "a+b/x", []],
    ["a%2fb/x", ["", "a/b", "x"], "a/b/x", ["lower-case-escape", "slash-in-host"]],
    [":h/x", ["", "h", "x"], ":h/x", ["empty-host-type"]],
    ["h//x", ["", "h", "/x"], "h//x", ["empty-segment"]],
    ["h/x/", ["", "h", "x/"], "h/x/", ["empty-segment"]],
    ["h%FF/x", ["", "h\udcff", "x"], "h\xff/x", ["not-utf8"]],
    ["h/x\xff", ["", "h", "x\udcff"], "h/x\xff", ["action-character", "not-utf8"]],
    ["h%1B/x", ["", "h\x1b", "x"], "h\x1b/x", ["unsafe-character"]],
    [`h/${BIDI}`, ["", "h", "my\u202ehost"], `h/${BIDI}`, ["action-character", "unsafe-character"]],
  ] as const;
  for (const [text, [hostType, host, action], tagged, oddities] of cases) {
    const message = parseMessage(text, "v1");
    t.same(message.request, { hostType, host, action }, text);
    t.same(message.tagged, bytesOf(tagged), `${text}: tagged`);
    t.same(message.oddities.map(({ code }) => code).sort(), oddities, `${text}: unusual`);
  }
  t.end();
});

/** Each byte as an escape, but letters. */
function escape(bytes: string): string {
  return bytes.replaceAll(/[^a-z]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`);
}
