import t from "tap";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, create, eventNames, forEach, peers, withGo, writtenBy } from "./support/wormhole-peers.ts";

// The verifier that both sides show, and a person who says yes or no.

const PAYLOAD = '{"door": 4711}';
const THEIRS = /Verifier ([0-9a-f]{64})\./;
const OURS = /\b([0-9a-f]{64})\b/;

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);

  await t.test("we send", async (t) => {
    for (const [{ name, prints }, { sent, received }] of await forEach(peers(), (peer) => withGo(async () => {
      const { code, program } = await create(t, url, PAYLOAD, ["--verify", "--yes"]);
      return { received: await peer.receive(t, url, code, { more: ["--verify"] }).ended, sent: await program.ended };
    }))) {
      const verifier = THEIRS.exec(writtenBy(received))?.[1];
      t.ok(verifier, name, received);
      t.equal(OURS.exec(sent.stderr)?.[1], verifier, name);
      t.ok(received.stdout.endsWith(prints(PAYLOAD)), name);
      t.same([sent.status, eventNames(sent).at(-1)], [0, "delivered"], name);
    }
  });

  for (const answer of ["yes", "no"]) {
    await t.test(`they send, and say ${answer}`, async (t) => {
      for (const [{ name }, { sent, received }] of await forEach(peers(), (peer) => withGo(async () => {
        const { code, program } = await peer.send(t, url, PAYLOAD, { more: ["--verify"], input: null });
        const receiving = accept(t, url, code, ["--verify", "--yes"]);
        await program.expect("stdout", THEIRS);
        program.type(`${answer}\n`);
        return { received: await receiving.ended, sent: await program.ended };
      }))) {
        t.equal(OURS.exec(received.stderr)?.[1], THEIRS.exec(sent.stdout)?.[1], name, received);
        if (answer === "yes") {
          t.match({ ...received }, { status: 0, stdout: PAYLOAD }, name);
          t.equal(sent.status, 0, name);
        } else {
          t.match({ ...received }, { status: 1, stdout: /^$/, stderr: /rejected verification check/ }, name);
          t.not(sent.status, 0, name);
        }
      }
    });
  }
});
