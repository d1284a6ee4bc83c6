import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import t from "tap";
import { temporaryDirectory } from "../support/keyhole.ts";
import { DialogPeer } from "./support/dialog-peer.ts";
import { dialogSuite } from "./support/dialog-suite.ts";
import { installed } from "./support/installed.ts";
import { check, dissect, loginAll, newChallenge, refusal, show, WISHES, WISHES_V1, type Wish } from "./support/login.ts";
import { makeParty, padded, spoil } from "./support/party.ts";

const pyglome = new DialogPeer(installed("venv/bin/python"), [resolve("test/interop/pyglome_peer.py")]);
t.teardown(() => {
  pyglome.close();
});
const directory = temporaryDirectory(t);
const service = makeParty(directory, "service");

/** What v1 tags: the host without its escapes. */
function taggedV1({ hostType, host, action }: Wish): string {
  return `${hostType === "" ? "" : `${hostType}:`}${host}/${action}`;
}

await t.test("GLOME", (t) => dialogSuite(t, pyglome));

await t.test("pyglome as the service: it answers keyhole's challenge as keyhole login does", async (t) => {
  const expected: (readonly [challenge: string, code: string])[] = [];
  const answer = async (clientKey: Uint8Array, messageTagPrefix: Uint8Array, message: string) => {
    const request = { secret: service.secret, peer: clientKey, message };
    t.ok(await pyglome.accepts(messageTagPrefix, messageTagPrefix.length, request), `message tag over ${message}`);
    return padded(await pyglome.tag(request));
  };

  for (const [number, wish] of WISHES.entries()) {
    const [keyWords, keyByte] = number % 2 === 0 ? [["--index", String(number)], 0x80 + number] : [["--prefix"], service.publicKey[31]];
    const challenge = newChallenge(directory, service, wish, [...keyWords, "--tag-prefix", String(2 + 3 * number)]);
    const { clientKey, messageTagPrefix, message, ...parts } = dissect(challenge.text);
    t.equal(parts.keyByte, keyByte);
    t.equal(messageTagPrefix.length, 2 + 3 * number);
    const code = await answer(clientKey, messageTagPrefix, message);
    expected.push([challenge.text, code]);
    // The others as well would take seconds and show nothing more.
    if (number < 4) t.equal(check(challenge, code.slice(0, 44 - 10 * number)), 0);
  }

  for (const [number, wish] of WISHES_V1.entries()) {
    const challenge = newChallenge(directory, service, wish, ["--protocol", "v1", "--tag-prefix", "32"]);
    const { clientKey, messageTagPrefix, keyByte } = dissect(challenge.text);
    t.equal(keyByte, service.publicKey[0]! & 0x7f);
    const code = await answer(clientKey, messageTagPrefix, taggedV1(wish));
    expected.push([challenge.text, code]);
    if (number < 2) t.equal(check(challenge, code), 0);
  }

  const codes = loginAll(["--key", service.keyFile], expected.map(([challenge]) => challenge));
  for (const [i, [challenge, code]] of expected.entries()) t.equal(codes[i], code, challenge);

  const refused = newChallenge(directory, service, WISHES[0]!);
  const { clientKey, message } = dissect(refused.text);
  const code = await pyglome.tag({ secret: service.secret, peer: clientKey, message });
  t.equal(check(refused, spoil(padded(code))), 1, "a wrong code");
});

await t.test("pyglome as the client: it accepts the code that keyhole gives for its challenge", async (t) => {
  /** @param tagged - what a client of this protocol tags for the message it sends */
  const make = async (version: "v1" | "v2", keyByte: number, message: string, tagged: string, tagLength: number) => {
    const secret = randomBytes(32);
    const request = { secret, peer: service.publicKey, message: tagged };
    const messageTag = (await pyglome.tag(request)).subarray(0, tagLength);
    const handshake = Buffer.concat([Buffer.of(keyByte), await pyglome.publicKey(secret), messageTag]);
    return { request, challenge: `${version}/${padded(handshake)}/${message}/` };
  };

  // Bytes that no canonical client sends and some client in the field does: the tag is over them as they came.
  const made: Awaited<ReturnType<typeof make>>[] = [];
  const messages = ["myhost/shell=root", "serial:1234/reboot", "my%2fhost/root", "[v6]/[x]", "h%FF%FFst/x", "a%40b/a%3Ab", "my%3Atype/%72oot", "a+b/c d", "hést/é", "myhost/"];
  for (const [number, message] of messages.entries()) {
    const keyByte = number % 2 === 0 ? 0x80 : service.publicKey[31]!;
    made.push(await make("v2", keyByte, message, message, 4 * (number % 9)));
  }

  const v1Messages = [
    ["my-server.local/shell/root", "my-server.local/shell/root"],
    ["serial-number:1234567890=ABCDFGH%2F%23%3F/reboot", "serial-number:1234567890=ABCDFGH/#?/reboot"],
    ["serial%3a12%2534/a%2Fb", "serial:12%34/a%2Fb"],
    ["a+b%20c/exec=/bin/sh", "a+b c/exec=/bin/sh"],
  ] as const;
  for (const [message, tagged] of v1Messages) made.push(await make("v1", 1, message, tagged, 8));

  const challenges = made.map(({ challenge }) => challenge);
  for (const [characters, bytes] of [[44, 32], [12, 9]] as const) {
    const codes = loginAll(["--key", service.keyFile, "--length", String(characters)], challenges);
    for (const [i, { request, challenge }] of made.entries()) {
      t.equal(codes[i]!.length, characters);
      t.ok(await pyglome.accepts(Buffer.from(codes[i]!, "base64url"), bytes, request), `${characters} characters for ${challenge}`);
    }
  }

  const { challenge } = await make("v2", 0x80, "myhost/shell=root", "myhost/shell=root", 8);
  t.equal(refusal(service, challenge), "answered");
  t.equal(refusal(service, challenge.replace("root", "boot")), "MESSAGE_TAG", "changed on its way");
  t.equal(refusal(makeParty(directory, "stranger"), challenge), "MESSAGE_TAG", "for another key");
});

await t.test("what keyhole login shows is what pyglome's client meant", (t) => {
  const handshake = padded(Buffer.concat([Buffer.of(0x81), service.publicKey]));
  t.same(show(`v2/${handshake}/my%2fhost/%72oot/`), { hostType: "", host: "my/host", action: "root", unusual: ["lower-case-escape", "needless-escape"] });
  t.same(show(`v2/${handshake}/[v6]/[x]/`), { hostType: "", host: "[v6]", action: "[x]", unusual: ["missing-escape", "missing-escape"] });
  t.end();
});
