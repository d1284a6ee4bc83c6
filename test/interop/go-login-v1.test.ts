import { randomBytes } from "node:crypto";
import t from "tap";
import { temporaryDirectory } from "../support/keyhole.ts";
import { GoPeer } from "./support/go-peer.ts";
import { goSkipReason } from "./support/installed.ts";
import { check, dissect, login, loginAll, newChallenge, refusal, show, WISHES_V1, type Wish } from "./support/login.ts";
import { makeParty, padded, spoil, type Party } from "./support/party.ts";

const MYHOST: Wish = { hostType: "", host: "myhost", action: "shell/root" };

await t.test("google/glome's Go package login, which is v1", { skip: goSkipReason() }, async (t) => {
  const go = new GoPeer();
  t.teardown(() => {
    go.close();
  });
  const directory = temporaryDirectory(t);
  const service = makeParty(directory, "service");
  const ask = (service: Party, wish: Wish, index: number, tagPrefix: number) => go.newChallenge("v1", service, wish, { index, tagPrefix }, randomBytes(32));

  await t.test("its client accepts keyhole's answer, whatever the length of the message tag", async (t) => {
    // Index 0 makes its client send the prefix byte.
    for (const index of [0, 5]) {
      const challenges = [];
      for (let tagPrefix = 0; tagPrefix <= 32; tagPrefix++) challenges.push(await ask(service, MYHOST, index, tagPrefix));
      const codes = loginAll(["--key", service.keyFile], challenges.map(({ text }) => text));
      for (const [length, challenge] of challenges.entries()) {
        t.equal(dissect(challenge.text).messageTagPrefix.length, length);
        t.ok(await challenge.accepts(codes[length]!), `${index === 0 ? "prefix" : "index"}, message tag of ${length} bytes`);
      }
    }
  });

  await t.test("its client accepts keyhole's code cut after any character from the tenth on", async (t) => {
    const challenge = await ask(service, MYHOST, 1, 2);
    const code = login(service, challenge.text);
    for (let length = 10; length <= 44; length++) t.ok(await challenge.accepts(code.slice(0, length)), `${length} characters`);
    t.notOk(await challenge.accepts(spoil(code)), "another code");
  });

  await t.test("its client's requests are shown as they were meant, and answered", async (t) => {
    // Its client does not escape the action, spaces and all.
    const wishes = [...WISHES_V1, { hostType: "", host: "a/b?c", action: "special action" }];
    for (const wish of wishes) {
      const challenge = await ask(service, wish, 0, 4);
      const { hostType, host, action } = show(challenge.text);
      t.same({ hostType, host, action }, wish, challenge.text);
      t.ok(await challenge.accepts(login(service, challenge.text)), challenge.text);
    }
  });

  await t.test("its server answers keyhole's challenge as keyhole login does, and keyhole accepts the code", async (t) => {
    for (const [number, wish] of WISHES_V1.entries()) {
      const keyWords = number % 2 === 0 ? ["--index", String(20 * number)] : ["--prefix"];
      const challenge = newChallenge(directory, service, wish, ["--protocol", "v1", ...keyWords, "--tag-prefix", String(5 * number)]);
      const { authcode, asked, ...request } = await go.respond("v1", service, challenge.text);
      t.same(request, wish, challenge.text);
      t.equal(asked, String(number % 2 === 0 ? 20 * number : service.publicKey[0]! & 0x7f));
      t.equal(login(service, challenge.text), authcode);
      t.equal(check(challenge, authcode.slice(0, 44 - 5 * number)), 0, `${44 - 5 * number} characters`);
    }
  });

  await t.test("keyhole finds in a key ring the key that its client means", async (t) => {
    const directory = temporaryDirectory(t);
    const ring = ["1-first", "2-second", "127-third"].map((name) => makeParty(directory, name));
    const challenges = [];
    for (const [number, index] of [1, 2, 127].entries()) {
      challenges.push(await ask(ring[number]!, MYHOST, index, 4), await ask(ring[number]!, MYHOST, 0, 4));
    }
    const codes = loginAll(["--keyring", directory], challenges.map(({ text }) => text));
    for (const [i, challenge] of challenges.entries()) t.ok(await challenge.accepts(codes[i]!), challenge.text);
  });

  await t.test("both refuse", async (t) => {
    const { text } = newChallenge(directory, service, MYHOST, ["--protocol", "v1", "--tag-prefix", "4"]);
    const { clientKey } = dissect(text);
    const handshake = (...parts: Uint8Array[]) => padded(Buffer.concat(parts));
    const bad: Record<string, readonly [code: string, theirs: RegExp, challenge: string]> = {
      "another request": ["MESSAGE_TAG", /invalid tag/, text.replace("root", "boot")],
      "the prefix type of v2": ["CHALLENGE_HANDSHAKE", /invalid prefix type/, `v1/${handshake(Buffer.of(0x81), clientKey)}/myhost/root/`],
      "a low-order client key": ["GLOME_LOW_ORDER_KEY", /low order point/, `v1/${handshake(Buffer.of(1), Buffer.alloc(32))}/myhost/root/`],
      "a long handshake": ["CHALLENGE_HANDSHAKE", /invalid tag size/, `v1/${handshake(Buffer.of(1), clientKey, Buffer.alloc(33))}/myhost/root/`],
      "a short handshake": ["CHALLENGE_HANDSHAKE", /too small/, `v1/${handshake(Buffer.of(1), clientKey.subarray(1))}/myhost/root/`],
      "an escape that is none": ["CHALLENGE_ESCAPE", /invalid URL escape/, `v1/${handshake(Buffer.of(1), clientKey)}/100%/root/`],
      "no challenge": ["CHALLENGE_NOT_FOUND", /satisfy the format/, "myhost"],
    };
    for (const [name, [code, theirs, challenge]] of Object.entries(bad)) {
      t.equal(refusal(service, challenge), code, name);
      await t.rejects(go.respond("v1", service, challenge), { name: "PeerRefusal", message: theirs }, name);
    }
  });

  await t.test("where they differ", async (t) => {
    // Its client sends a plus as it is and tags a plus, and its server takes that for a space: it refuses its
    // own client where that sent a message tag, and otherwise gives a code that is not accepted. Keyhole reads
    // it as the client does.
    const plus = { ...MYHOST, host: "a+b" };
    const theirs = await ask(service, plus, 1, 4);
    await t.rejects(go.respond("v1", service, theirs.text), { message: "invalid tag" });
    t.match(show(theirs.text), { host: "a+b", unusual: ["plus"] });
    t.ok(await theirs.accepts(login(service, theirs.text)));
    const ours = newChallenge(directory, service, plus, ["--protocol", "v1"]);
    const { host, authcode } = await go.respond("v1", service, ours.text);
    t.equal(host, "a+b", "ours goes as %2B, which all read alike");
    t.equal(check(ours, authcode), 0);

    // Without an action, its server and google/glome's C program tag different messages.
    const idle = await ask(service, { ...MYHOST, action: "" }, 1, 0);
    t.match(await go.respond("v1", service, idle.text), { host: "myhost", action: "" });
    t.equal(refusal(service, idle.text), "CHALLENGE_ACTION");

    // Its server goes back to the last slash, so that a line that was cut asks for something else.
    const whole = await ask(service, MYHOST, 1, 0);
    const cut = whole.text.slice(0, -"t/".length);
    t.match(await go.respond("v1", service, cut), { host: "myhost", action: "shell" });
    t.equal(refusal(service, cut), "CHALLENGE_END");
  });
});
