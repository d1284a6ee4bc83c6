import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import t from "tap";
import { cborMap } from "../../src/lib/ctap/cbor.ts";
import { ctap, getInfo, recordingCard, u2fCard } from "../support/ctap.ts";
import { checkFailure, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { atTerminal, type Step } from "../support/terminal.ts";
import { together } from "../support/together.ts";

// Each test waits for processes most of the time.
t.jobs = 2 * availableParallelism();

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const CARD = ["--device", "virtual:card"];
const MAKE = ["make-credential", ...CARD, "--rp-id", "example.com", "--user-name", "alice"];
const PINS = { pin: "7392\n", next: "285013\n", wrong: "0000\n", accents: "cl\u00e9\u00e9\n" };

t.test("set, change, use", together(), async (t) => {
  for (const protocol of [[], ["--pin-protocol", "1"], ["--pin-protocol", "2"]]) {
    const cwd = temporaryDirectory(t);
    writeFiles(cwd, PINS);
    const [none] = await ctap(cwd, ["pin", "change", ...CARD, "--pin-file", "pin", "--new-pin-file", "next", ...protocol]);
    checkFailure(t, none!, 1, /no PIN \(0x35\)/);
    const [set] = await ctap(cwd, ["pin", "set", ...CARD, "--new-pin-file", "pin", ...protocol]);
    t.match(set, { status: 0, stdout: "PIN is set\n", stderr: "" });
    const [again] = await ctap(cwd, ["pin", "set", ...CARD, "--new-pin-file", "next", "--json", ...protocol]);
    t.match(again, { status: 1, stdout: /"code":"CTAP_PIN_SET"/, stderr: /^error: card has a PIN already\nhint: keyhole ctap pin change/ });
    const [changed] = await ctap(cwd, ["pin", "change", ...CARD, "--pin-file", "pin", "--new-pin-file", "accents", "--json", ...protocol]);
    t.match(changed, { status: 0, stdout: '{"changed":true}\n' });
    const [old, used] = await ctap(cwd, [...MAKE, "--pin-file", "pin"], [...MAKE, "--pin-file", "accents", ...protocol]);
    checkFailure(t, old!, 1, /PIN is wrong/);
    t.match(used, { status: 0, stderr: /flags up, uv/ });
  }
  t.end();
});

t.test("wrong PINs, and how many are left", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PINS);
  await ctap(cwd, ["pin", "set", ...CARD, "--new-pin-file", "pin"]);
  t.match(await ctap(cwd, ["pin", "retries", ...CARD]), [{ status: 0, stdout: "8 tries left\n", stderr: "" }]);
  // Each process has the card without power before it.
  for (let left = 7; left > 0; left--) {
    const [wrong] = await ctap(cwd, [...MAKE, "--pin-file", "wrong"]);
    checkFailure(t, wrong!, 1, new RegExp(`PIN is wrong \\(0x31\\); ${left} ${left === 1 ? "try" : "tries"} left`), `${left} left`);
    t.equal(wrong!.stderr.includes("hint: the next try is the last"), left === 1);
  }
  t.match(await ctap(cwd, ["pin", "retries", ...CARD, "--json"]), [{ status: 0, stdout: '{"retries":1,"needsPowerCycle":false}\n' }]);
  const last = await atTerminal(["ctap", ...MAKE], [{ expect: "PIN (1 try left): ", send: "0000\r" }], { cwd });
  t.match(last, { status: 1, missed: null, echo: true, screen: /^warning: this is the last try; .*blocked for good/ });
  t.match(last.screen, /^error: PIN is blocked for good .*\(0x32\)$/m);
  const [blocked, retries] = await ctap(cwd, [...MAKE, "--pin-file", "pin", "--json"], ["pin", "retries", ...CARD]);
  t.match(blocked, { status: 1, stdout: /"code":"CTAP2_ERR_PIN_BLOCKED"/ });
  t.match(retries, { status: 0, stdout: /^0 tries left; the PIN is blocked/ });
  t.end();
});

t.test("the right PIN gives all tries back", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PINS);
  await ctap(cwd, ["pin", "set", ...CARD, "--new-pin-file", "pin"]);
  await ctap(cwd, ["pin", "change", ...CARD, "--pin-file", "wrong", "--new-pin-file", "next"]);
  const session = await atTerminal(["ctap", ...MAKE], [{ expect: "PIN (7 tries left): ", send: "7392\r" }], { cwd });
  t.match(session, { status: 0, missed: null, echo: true });
  t.notMatch(session.screen, "7392", "it is not shown");
  const next = await atTerminal(["ctap", ...MAKE], [{ expect: "PIN: ", send: "7392\r" }], { cwd, pipe: true });
  t.match(next, { status: 0, missed: null, stdout: /^credential: / }, "though the result goes into a pipe");
  t.end();
});

t.test("a card that takes no PIN until it was without power", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PINS);
  const card = await recordingCard(t, getInfo({ clientPin: true }, [0x06, [1]]), () => cborMap([3, 5], [4, true]));
  const [make, retries] = await ctap(cwd, ["make-credential", "-d", card.uri, "--rp-id", "a", "--user-name", "b", "--pin-file", "pin"], ["pin", "retries", "-d", card.uri]);
  checkFailure(t, make!, 1, /without power \(0x34\); 5 tries left/);
  t.match(make!.stderr, /^hint: unplug the card/m);
  t.match(retries, { status: 0, stdout: "5 tries left; the card takes no PIN until it was without power\n" });
  t.end();
});

t.test("PINs are asked for and not shown", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const twice = (first: string, second: string): readonly Step[] => [{ expect: "New PIN: ", send: `${first}\r` }, { expect: "The same again: ", send: `${second}\r` }];
  const run = (words: readonly string[], ...steps: readonly Step[]): ReturnType<typeof atTerminal> => atTerminal(["ctap", ...words, ...CARD], steps, { cwd });
  t.match(await run(["pin", "set"], ...twice("7392", "7393")), { status: 2, missed: null, screen: /^error: the two PINs differ$/m });
  t.match(await run(["pin", "set"], { expect: "New PIN: ", send: "123\r" }), { status: 2, missed: null, screen: /^error: PIN has 3 characters/m });
  for (const key of [CTRL_C, CTRL_D]) t.match(await run(["pin", "set"], { expect: "New PIN: ", send: `73${key}${key === CTRL_D ? CTRL_C : ""}` }), { status: 130, missed: null, echo: true });
  const set = await run(["pin", "set"], ...twice("7392", "7392"));
  t.match(set, { status: 0, missed: null, echo: true, screen: /PIN is set\n$/ });
  t.notMatch(set.screen, "7392");
  t.match(await run(["pin", "set"]), { status: 1, missed: null, screen: /^error: card has a PIN already$/m }, "nothing is asked then");

  const changed = await run(["pin", "change"], { expect: "PIN: ", send: "7392\r" }, ...twice("285013", "285013"));
  t.match(changed, { status: 0, missed: null, echo: true, screen: /PIN is changed\n$/ });
  t.notMatch(changed.screen, /7392|285013/);
  t.match(await run(["pin", "change"], { expect: "PIN: ", send: "7392\r" }, ...twice("4444", "4444")), { status: 1, missed: null, screen: /^error: PIN is wrong \(0x31\); 7 tries left$/m });
  t.match(await run(["pin", "change"], { expect: "PIN (7 tries left): ", send: CTRL_C }), { status: 130, missed: null, echo: true });
  t.end();
});

t.test("no terminal, no file", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PINS);
  const card = await recordingCard(t, getInfo({ clientPin: true }, [0x06, [2]]));
  const outcomes = await ctap(cwd, ["pin", "set", "-d", card.uri], ["pin", "change", "-d", card.uri], ["pin", "change", "-d", card.uri, "--pin-file", "pin"]);
  for (const outcome of outcomes) checkFailure(t, outcome, 2, /new PIN is needed/);
  t.same(card.messages, []);
  const [old] = await ctap(cwd, ["pin", "change", "-d", card.uri, "--new-pin-file", "next"]);
  checkFailure(t, old!, 2, /the card's PIN is needed/);
  t.same(card.requests, [], "getInfo and nothing else");
  t.end();
});

t.test("cards without PINs, and with user verification of their own", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PINS);
  const without = await recordingCard(t, getInfo({}));
  const u2f = await u2fCard(t, () => Buffer.from("6d00", "hex"));
  const withUv = await recordingCard(t, getInfo({ uv: true }, [0x06, [2]]), ({ params }) => (params.get(2) === 7 ? cborMap([5, 3]) : 0x3e));
  const [set, retries, uv, ofU2f, three, json] = await ctap(
    cwd,
    ["pin", "set", "-d", without.uri, "--new-pin-file", "pin"],
    ["pin", "retries", "-d", without.uri],
    ["uv-retries", "-d", without.uri],
    ["pin", "retries", "-d", u2f.uri],
    ["uv-retries", "-d", withUv.uri],
    ["uv-retries", "-d", withUv.uri, "--json"],
  );
  checkFailure(t, set!, 3, /no PINs/);
  checkFailure(t, retries!, 3, /no PINs/);
  checkFailure(t, uv!, 3, /verify its user itself/);
  checkFailure(t, ofU2f!, 3, /CTAP1 \(U2F\) alone/);
  t.match(three, { status: 0, stdout: "3 tries left\n" });
  t.match(json, { status: 0, stdout: '{"retries":3}\n' });
  t.end();
});

t.test("no PIN in a trace, nor a word of it in errors", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, PINS);
  await ctap(cwd, ["pin", "set", ...CARD, "--new-pin-file", "pin", "--trace", "set.trace"]);
  const [wrong] = await ctap(cwd, ["pin", "change", ...CARD, "--pin-file", "next", "--new-pin-file", "wrong", "--trace", "wrong.trace", "-v"]);
  t.equal(wrong!.status, 1);
  const everything = ["set.trace", "wrong.trace"].map((name) => readFileSync(join(cwd, name), "latin1")).join("") + wrong!.stderr;
  for (const pin of ["7392", "285013"]) t.notOk(everything.includes(`"${pin}"`) || everything.includes(Buffer.from(pin).toString("hex") + "0000"), pin);
  t.end();
});
