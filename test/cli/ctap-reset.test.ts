import { availableParallelism } from "node:os";
import t from "tap";
import { ctap, getInfo, recordingCard, u2fCard, virtualCard } from "../support/ctap.ts";
import { checkFailure, finish, startKeyhole, temporaryDirectory } from "../support/keyhole.ts";
import { atTerminal } from "../support/terminal.ts";
import { together } from "../support/together.ts";

// Each test waits for processes most of the time.
t.jobs = 2 * availableParallelism();

const CTRL_C = "\u0003";
const CARD = ["--device", "virtual:card"];
const MAKE = ["make-credential", ...CARD, "--rp-id", "example.com", "--user-name", "alice", "--discoverable"];
const SIGN = ["get-assertion", ...CARD, "--rp-id", "example.com"];

t.test("in a pipe, --yes erases the card and nothing else does", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, MAKE);
  const [refused] = await ctap(cwd, ["reset", ...CARD]);
  checkFailure(t, refused!, 2, /no terminal/);
  t.match(refused!.stderr, /hint: .*--yes/);
  t.match(await ctap(cwd, SIGN), [{ status: 0 }], "nothing was erased");
  t.match(await ctap(cwd, ["reset", ...CARD, "--yes"]), [{ status: 0, stdout: "virtual:card is erased\n", stderr: "" }]);
  t.match(await ctap(cwd, SIGN), [{ status: 1 }]);
  t.match(await ctap(cwd, ["reset", ...CARD, "-y", "--json"]), [{ status: 0, stdout: '{"reset":true,"product":"virtual:card"}\n' }]);
  t.end();
});

t.test("at a terminal the product's name must be typed", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  await ctap(cwd, MAKE);
  const reset = ["ctap", "reset", ...CARD];
  const expect = "Type virtual:card to go on: ";
  for (const [answer, status] of [["y\r", 1], ["\r", 1], ["virtual:\r", 1], [CTRL_C, 130]] as const) {
    const session = await atTerminal(reset, [{ expect, send: answer }], { cwd });
    t.match(session, { status, missed: null, echo: true, screen: /^warning: this erases virtual:card: every credential/ }, JSON.stringify(answer));
  }
  t.match(await ctap(cwd, SIGN), [{ status: 0 }], "nothing was erased");
  t.match(await atTerminal(reset, [{ expect, send: "virtual:card\r" }], { cwd }), { status: 0, missed: null, screen: /virtual:card is erased\n$/ });
  t.match(await ctap(cwd, SIGN), [{ status: 1 }]);
  t.end();
});

t.test("a card that was plugged in too long ago, or cannot", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const late = await recordingCard(t, getInfo({}), () => 0x30);
  const refused = await recordingCard(t, getInfo({}), () => 0x27);
  const u2f = await u2fCard(t, () => Buffer.from("6d00", "hex"));
  const outcomes = await ctap(cwd, ...[late, refused, u2f].map(({ uri }) => ["reset", "--yes", "-d", uri]));
  checkFailure(t, outcomes[0]!, 1, /does not allow this now \(0x30\)/);
  t.match(outcomes[0]!.stderr, /^hint: .*within 10 s of being plugged in/m);
  checkFailure(t, outcomes[1]!, 1, /0x27/);
  checkFailure(t, outcomes[2]!, 3, /CTAP1 \(U2F\) alone/);
  t.equal(u2f.messages.length, 1, "INIT, and nothing else");
  t.same(late.requests.map(({ command }) => command), [0x07]);
  t.end();
});

t.test("it waits for a touch, and Ctrl-C ends that", together(), async (t) => {
  const cwd = temporaryDirectory(t);
  const uri = await virtualCard(t, "--approve", "never");
  const child = startKeyhole(["ctap", "reset", "--yes", "-d", uri], { cwd });
  const ended = finish(child);
  await new Promise<void>((resolve) => child.stderr.on("data", (chunk: Buffer) => chunk.includes("touch the card") && resolve()));
  child.kill("SIGINT");
  t.match(await ended, { status: 130, stdout: "" });
  t.end();
});
