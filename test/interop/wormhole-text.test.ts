import { randomBytes } from "node:crypto";
import t, { type Test } from "tap";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, create, eventNames, forEach, goWormholeSkipReason, peers, python, withGo, writtenBy, type Peer } from "./support/wormhole-peers.ts";

// Payloads of the formats json and text, each way between keyhole and the
// programs that people have.

interface Payload {
  readonly name: string;
  readonly format: "json" | "text";
  readonly text: string;
  readonly more?: readonly string[];
}

/** Of many scripts, and as long in UTF-8. */
function filler(bytes: number): string {
  const unit = "Zürich “東京” 🗝 ";
  return unit.repeat(Math.ceil(bytes / 20)).slice(0, Math.floor((bytes * unit.length) / Buffer.byteLength(unit)));
}

const PAYLOADS: readonly Payload[] = [
  { name: "a JSON document", format: "json", text: `{ "grid": "Grüße aus “東京”", "quotes": "it's \\"so\\"", "lines": "a\\nb\\tc\\\\", "key": "🗝️", "half": 1.50, "bell": "\\u0007" }` },
  { name: "a JSON document of lines", format: "json", text: JSON.stringify({ a: [1, { b: null }], "": "" }, null, 2) },
  { name: "a text", format: "text", text: `it's "so":\n  \\n “Grüße”\t東京 🗝️ <&> $HOME %s {}\n` },
  // The longest message that keyhole sends unasked is one of 16000 bytes.
  { name: "a long text", format: "text", text: filler(15_900) },
];

const LARGE: Payload = { name: "a megabyte", format: "text", text: `${randomBytes(400_000).toString("base64")}${filler(500_000)}`, more: ["--allow-large"] };

async function issue(t: Test, peer: Peer, { url, kind }: Mailbox, payloads: readonly Payload[]): Promise<void> {
  const exchanges = await forEach(payloads, ({ format, text, more = [] }) => withGo(async () => {
    const { code, program } = await create(t, url, text, ["--format", format, ...more]);
    return { received: await peer.receive(t, url, code).ended, sent: await program.ended };
  }));
  for (const [{ name, text }, { sent, received }] of exchanges) {
    const title = `${name} to ${peer.name} through the server of ${kind}`;
    t.equal(received.stdout, peer.prints(text), title, { received, sent });
    t.same([received.status, sent.status], [0, 0], title);
    t.same(eventNames(sent), ["code", "contacted", "verified", "delivered"], title);
  }
}

async function take(t: Test, peer: Peer, { url, kind }: Mailbox, payloads: readonly Payload[]): Promise<void> {
  const exchanges = await forEach(payloads, ({ format, text }) => withGo(async () => {
    const { code, program } = await peer.send(t, url, text);
    return { received: await accept(t, url, code, ["--format", format]).ended, sent: await program.ended };
  }));
  for (const [{ name, text }, { sent, received }] of exchanges) {
    const title = `${name} from ${peer.name} through the server of ${kind}`;
    t.equal(received.stdout, text, title, { received, sent });
    t.match(writtenBy(sent), peer.sent, title);
    t.same([received.status, sent.status], [0, 0], title);
  }
}

await forEachMailbox(t, async (t, kind) => {
  const mailbox = await Mailbox.start(t, kind);
  for (const peer of peers()) {
    await issue(t, peer, mailbox, PAYLOADS);
    await take(t, peer, mailbox, PAYLOADS);
  }
  await issue(t, python, mailbox, [LARGE]);
  await take(t, python, mailbox, [LARGE]);
});

await t.test("wormhole-william", { skip: goWormholeSkipReason() }, (t) => {
  t.ok(peers().some(({ name }) => name === "wormhole-william"), "is among the programs above");
  t.end();
});
