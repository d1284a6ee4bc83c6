import assert from "node:assert/strict";
import t from "tap";
import fc from "fast-check";
import { MAX_CHALLENGE_TEXT_LENGTH, parseChallengeText } from "../../../src/lib/glome/challenge.ts";
import { byteString, decodeUtf8 } from "../../../src/lib/text.ts";
import { errorCode } from "../errors.ts";
import { readChallenge } from "./parties.ts";

const HS = "R4cvQ1u4uJ0OOtYqouURB07hleHDnvaogAFBi-ZW48N2";
const HS_TAG = `${HS}-dzz`;
const V2 = `v2/${HS}/myhost/shell=root/`;
const V1 = `v1/${HS}/myhost/shell/root/`;
/** As long as a handshake and made of the same characters, but no multiple of four as base64 is. */
const LONG = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmno";

t.test("a challenge is found in what stands around it", (t) => {
  const cases: Readonly<Record<string, string>> = {
    "bare": V2,
    "with a newline": `${V2}\n`,
    "with a line end of Windows": `${V2}\r\n`,
    "with the line end of a serial console": `${V2}\r\r\n`,
    "behind a slash": `/${V2}`,
    "in a URL": `https://glome.example.com/${V2}`,
    "in a URL with a port and a path": `http://[::1]:8000/a/b/${V2}`,
    "in a URL whose path ends in v2": `https://h/api-v2/${V2}`,
    "in a URL whose path is v2": `https://h/v2/${V2}`,
    "in a URL whose host begins with v2": `https://v2.example/${V2}`,
    "in a URL whose host is v1": `https://v1/${V2}`,
    "behind the default prompt": `GLOME: ${V2}`,
    "behind a prompt without a space": `GLOME:${V2}`,
    "behind a prompt with a version": `Challenge v2: ${V2}`,
    "behind other writing": `Zugang für den Betrieb – Anfrage: ${V2}`,
    "behind an indent": `\t  ${V2}`,
    "on a console": `Debian GNU/Linux 12 myhost ttyS0\r\n\r\nmyhost login: root\r\nGLOME: ${V2}\r\n> `,
    "with a blank line behind": `${V2}\n\n`,
    "with a line behind that is not its own": `${V2}\nEnter the authorization code: `,
    "with a path behind, on a line with blanks": `${V2}\nsee /etc/glome/ or /usr/share/doc/\n`,
    "behind lines that look like one": `v2/short/myhost/x/\nv1/\nhttps://example.com/v1/docs/\n${V2}`,
  };
  for (const [name, text] of Object.entries(cases)) {
    t.match(readChallenge(text), { version: "v2", text: V2, request: { hostType: "", host: "myhost", action: "shell=root" } }, name);
    t.match(readChallenge(text.replaceAll(V2, V1)), { version: "v1", text: V1, request: { hostType: "", host: "myhost", action: "shell/root" } }, `${name}, v1`);
  }
  t.match(parseChallengeText(`\xff\xfe ${V2}`), { text: V2 }, "behind bytes that are not UTF-8");
  t.end();
});

t.test("a challenge whose names hold what looks like the start of one", (t) => {
  const cases: Readonly<Record<string, readonly [host: string, action: string]>> = {
    [`v2/${HS}/v2/reboot/`]: ["v2", "reboot"],
    [`v2/${HS}/v1/reboot/`]: ["v1", "reboot"],
    [`v2/${HS}/rack-v2/reboot/`]: ["rack-v2", "reboot"],
    [`v2/${HS}/rack-v2/${LONG}/`]: ["rack-v2", LONG],
    [`v2/${HS}/rack1v2/${LONG}/`]: ["rack1v2", LONG],
    [`v2/${HS}/h/v2/`]: ["h", "v2"],
    [`v2/${HS}/h/upgrade-v2/`]: ["h", "upgrade-v2"],
    [`v1/${HS}/rack-v1/shell/root/`]: ["rack-v1", "shell/root"],
    [`v1/${HS}/h/api/v2/x/`]: ["h", "api/v2/x"],
    [`v1/${HS}/h/api-v2/${LONG}/`]: ["h", `api-v2/${LONG}`],
    [`v1/${HS}/${LONG}/${LONG}/`]: [LONG, LONG],
  };
  for (const [text, [host, action]] of Object.entries(cases)) {
    t.match(readChallenge(text), { text, request: { host, action } }, text);
    t.match(readChallenge(`https://h/api-v2/${text}`), { text }, "and in a URL");
  }
  t.end();
});

t.test("what is not exactly one whole challenge is refused", (t) => {
  const cases: Readonly<Record<string, readonly [text: string, code: string]>> = {
    "nothing": ["", "CHALLENGE_EMPTY"],
    "blanks": [" \t", "CHALLENGE_EMPTY"],
    "blank lines": ["\r\n\n", "CHALLENGE_EMPTY"],
    "some text": ["GLOME: ", "CHALLENGE_NOT_FOUND"],
    "an upper-case V": [V2.replace("v2", "V2"), "CHALLENGE_NOT_FOUND"],
    "no version": [V2.slice(3), "CHALLENGE_NOT_FOUND"],
    "no v": [V2.slice(1), "CHALLENGE_NOT_FOUND"],
    "a public key line": [`glome-v1 ${HS}`, "CHALLENGE_NOT_FOUND"],
    "version 3": [V2.replace("v2", "v3"), "CHALLENGE_VERSION"],
    "version 0": [V2.replace("v2", "v0"), "CHALLENGE_VERSION"],
    "version 12": [V2.replace("v2", "v12"), "CHALLENGE_VERSION"],
    "version 02": [V2.replace("v2", "v02"), "CHALLENGE_VERSION"],
    "the version alone": ["v2/", "CHALLENGE_HANDSHAKE"],
    "no handshake": ["v2//myhost/shell=root/", "CHALLENGE_HANDSHAKE"],
    "a handshake too short": [V2.replace("4cvQ", ""), "CHALLENGE_HANDSHAKE"],
    "a handshake without its padding": [V2.replace(HS, `${HS}-Q`), "CHALLENGE_HANDSHAKE"],
    "a handshake with unused bits": [V2.replace(HS, `${HS}-R==`), "CHALLENGE_HANDSHAKE"],
    "a handshake in base64": [V2.replace("-", "+"), "CHALLENGE_HANDSHAKE"],
    "a handshake with a blank": [V2.replace("uJ0", "uJ 0"), "CHALLENGE_HANDSHAKE"],
    "a handshake too long": [V2.replace(HS, HS + "A".repeat(44)), "CHALLENGE_HANDSHAKE"],
    "a reserved prefix in v1": [V1.replace(HS, `0${HS.slice(1)}`), "CHALLENGE_HANDSHAKE"],
    "no message": [`v2/${HS}/`, "CHALLENGE_SEGMENTS"],
    "no slash behind the handshake": [`v2/${HS}`, "CHALLENGE_END"],
    "one segment": [`v2/${HS}/myhost/`, "CHALLENGE_SEGMENTS"],
    "three segments": [`v2/${HS}/myhost/shell/root/`, "CHALLENGE_SEGMENTS"],
    "no last slash": [V2.slice(0, -1), "CHALLENGE_END"],
    "no last slash, v1": [V1.slice(0, -1), "CHALLENGE_END"],
    "a blank behind": [`${V2} `, "CHALLENGE_END"],
    "a query behind": [`${V2}?q=1`, "CHALLENGE_END"],
    "writing behind": [`${V2} please`, "CHALLENGE_END"],
    "quotes around": [`"${V2}"`, "CHALLENGE_END"],
    "a v1 challenge without an action": [`v1/${HS}/myhost/`, "CHALLENGE_ACTION"],
    "a v1 challenge without anything": [`v1/${HS}/`, "CHALLENGE_SEGMENTS"],
    "an empty host": [`v2/${HS}//reboot/`, "CHALLENGE_HOST"],
    "two colons in a v2 host": [`v2/${HS}/a:b:c/x/`, "CHALLENGE_COLON"],
    "a bad escape": [`v2/${HS}/a%zz/x/`, "CHALLENGE_ESCAPE"],
    "a control character": [`v2/${HS}/a\x1b[2Jb/x/`, "CHALLENGE_CONTROL"],
    "NUL": [`v2/${HS}/a\0b/x/`, "CHALLENGE_CONTROL"],
    "NUL behind": [`${V2}\0`, "CHALLENGE_CONTROL"],
    "a backspace": [`v2/${HS}/mx\byhost/x/`, "CHALLENGE_CONTROL"],
    "two challenges": [`${V2}\n${V1}`, "CHALLENGE_SEVERAL"],
    "the same twice": [`${V2}\r\n${V2}\r\n`, "CHALLENGE_SEVERAL"],
    "two in one line": [`${V2} ${V2}`, "CHALLENGE_SEVERAL"],
    "two in one line without a blank": [V2 + V2, "CHALLENGE_SEVERAL"],
    "two in one line of which the first is cut": [`v1/${HS}/myhost/shell${V1}`, "CHALLENGE_SEVERAL"],
    "two versions in front": [`v1${V2}`, "CHALLENGE_VERSION"],
    "wrapped twice, first behind a slash of a v1 action": [`v1/${HS}/myhost/shell/\n\nroot/`, "CHALLENGE_WRAPPED"],
    "two of which one is cut": [`v2/${HS}/myho\n${V2}`, "CHALLENGE_SEVERAL"],
    "two of which one is damaged": [`${V2.replace("R4", "R*")}\n${V2}`, "CHALLENGE_SEVERAL"],
    "two of which one is of another version": [`${V2}\n${V2.replace("v2", "v3")}`, "CHALLENGE_SEVERAL"],
    "wrapped in the host": [`v2/${HS}/myh\nost/shell=root/`, "CHALLENGE_WRAPPED"],
    "wrapped behind the handshake": [`v2/${HS}/\nmyhost/shell=root/`, "CHALLENGE_WRAPPED"],
    "wrapped before the last slash": [`${V2.slice(0, -1)}\r\n/`, "CHALLENGE_WRAPPED"],
    "wrapped behind a slash of a v1 action": [`v1/${HS}/myhost/shell/\nroot/\n`, "CHALLENGE_WRAPPED"],
    "wrapped in the handshake": [`v2/${HS.slice(0, 20)}\n${HS.slice(20)}/myhost/shell=root/`, "CHALLENGE_WRAPPED"],
    "a whole v1 challenge behind what is cut": [`v1/${HS}/h/a${V1}${V1}`, "CHALLENGE_SEVERAL"],
  };
  for (const [name, [text, code]] of Object.entries(cases)) {
    const found = errorCode(() => readChallenge(text));
    // Where a wrapped or damaged text fails first is not what matters.
    const expected = code === "CHALLENGE_WRAPPED" ? /^CHALLENGE_(WRAPPED|END)$/ : code === "CHALLENGE_HANDSHAKE" ? /^CHALLENGE_(HANDSHAKE|END)$/ : new RegExp(`^${code}$`);
    t.match(found, expected, `${name}: ${code}`);
  }
  t.end();
});

t.test("the hints help", (t) => {
  t.throws(() => readChallenge(V2.replace("v2", "V2")), { code: "CHALLENGE_NOT_FOUND", hint: /small letter/ });
  t.throws(() => readChallenge(`${V2}\n${V2}`), { code: "CHALLENGE_SEVERAL", hint: /--batch/ });
  t.throws(() => readChallenge(V2.slice(0, -1)), { code: "CHALLENGE_END", hint: /last slash/ });
  t.throws(() => readChallenge(`v2/${HS}/a\x1bb/x/`), { message: /0x1b/ });
  t.end();
});

t.test("no text is too long to be refused at once", (t) => {
  t.throws(() => parseChallengeText(V2.padStart(MAX_CHALLENGE_TEXT_LENGTH + 1)), { code: "CHALLENGE_TOO_LONG" });
  t.match(parseChallengeText(V2.padStart(MAX_CHALLENGE_TEXT_LENGTH)), { text: V2 }, "the longest that is read");
  const start = performance.now();
  for (const unit of ["v2/", "v2/a", `v2/${LONG}/`, "v1", "/", "%", "\n", "v2/\n", "%41", "a:", LONG]) {
    const text = unit.repeat(MAX_CHALLENGE_TEXT_LENGTH / unit.length - 1);
    t.type(errorCode(() => parseChallengeText(text)), "string", `${JSON.stringify(unit)} over and over`);
    errorCode(() => parseChallengeText(`v1/${HS}/${text.slice(0, -100)}/`));
    errorCode(() => parseChallengeText(`v2/${HS}/${text.slice(0, -100)}/`));
  }
  t.ok(performance.now() - start < 5000, `in ${Math.round(performance.now() - start)} ms`);
  t.end();
});

t.test("what is read is the text up to its last slash, and nothing that is unusual is missed", (t) => {
  t.match(readChallenge(`v2/${HS_TAG}/myhost/shell=root/`), { keyHint: { kind: "prefix", byte: 0x47 }, messageTagPrefix: Uint8Array.of(0xf9, 0xdc, 0xf3), oddities: [] });
  t.match(readChallenge(`v2/g${HS.slice(1)}/h/a/`).keyHint, { kind: "index", index: 3 });
  t.match(readChallenge(`v1/A${HS.slice(1)}/h/a/`).keyHint, { kind: "index-or-prefix", value: 3 });
  t.match(readChallenge(`v2/${HS.slice(0, -2)}P2/h/a/`).oddities, [{ code: "client-key" }], "bit 255 of the client's key");
  t.end();
});

t.test("any bytes are a challenge or a clear error", (t) => {
  const piece = fc.oneof(
    fc.constantFrom("v1/", "v2/", "v3/", "V2/", HS, HS_TAG, "/", "myhost", "serial:", "%2F", "%", ":", "\n", "\r", " ", V1, V2, LONG),
    fc.uint8Array({ maxLength: 3 }).map(byteString),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const text = pieces.join("");
      let found: ReturnType<typeof parseChallengeText> | undefined;
      const code = errorCode(() => (found = parseChallengeText(text)));
      if (found === undefined) assert.match(code!, /^CHALLENGE_/);
      else assert.ok(text.split(/\r\n|\r|\n/).some((line) => decodeUtf8(line).endsWith(found!.text)), "to the end of its line");
    }),
    { numRuns: 2000 },
  );
  t.end();
});
