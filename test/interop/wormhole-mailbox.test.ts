import t from "tap";
import { Mailbox } from "./support/mailboxes.ts";
import { forEach, peers, withGo, writtenBy } from "./support/wormhole-peers.ts";

// Keyhole's mailbox server between programs written elsewhere.

const { url } = await Mailbox.start(t, "keyhole");
const text = "it's “here” \\ und überall";

await t.test("texts", async (t) => {
  const pairs = peers().flatMap((sender) => peers().map((receiver) => ({ sender, receiver })));
  const exchanges = await forEach(pairs, ({ sender, receiver }) => withGo(async () => {
    const { code, program } = await sender.send(t, url, text);
    return { received: await receiver.receive(t, url, code).ended, sent: await program.ended };
  }));
  for (const [{ sender, receiver }, { received, sent }] of exchanges) {
    const name = `${sender.name} to ${receiver.name}`;
    t.match({ ...received }, { status: 0, stdout: receiver.prints(text) }, name);
    t.equal(sent.status, 0, name);
    t.match(writtenBy(sent), sender.sent, name);
  }
});

await t.test("a wrong code", async (t) => {
  const pairs = peers().flatMap((sender) => peers().map((receiver) => ({ sender, receiver })));
  const exchanges = await forEach(pairs, async ({ sender, receiver }) => {
    const { code, program } = await sender.send(t, url, text);
    return { received: await receiver.receive(t, url, `${code}-no`).ended, sent: await program.ended };
  });
  for (const [{ sender, receiver }, { received, sent }] of exchanges) {
    const name = `${sender.name} to ${receiver.name}`;
    t.not(received.status, 0, name);
    t.match(writtenBy(received), receiver.wrongCode, name);
    t.not(sent.status, 0, name);
    t.match(writtenBy(sent), sender.wrongCode, name);
  }
});
