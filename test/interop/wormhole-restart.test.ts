import t, { type Test } from "tap";
import { MailboxClient } from "../support/mailbox-client.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, APPID, create, eventNames, listNameplates, peers, python } from "./support/wormhole-peers.ts";

// The mailbox server dies while somebody waits, and comes back with or without
// what it had stored.

const PAYLOAD = '{"door": 4711}';

const CHOSEN = "77-guitarist-revenge";

/** Waits until keyhole has taken a code and said what it can alone. */
async function settle(t: Test, { url }: Mailbox, code: string): Promise<void> {
  const observer = await MailboxClient.bind(t, url, "0b5e12ed00", { appid: APPID });
  while (!(await listNameplates(observer)).includes(code.split("-")[0]!)) await pause(50);
  // Three more frames.
  await pause(1000);
  observer.socket.close();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await forEachMailbox(t, async (t, kind) => {
  await t.test("comes back with its database while we wait for a receiver", async (t) => {
    for (const peer of peers()) {
      const mailbox = await Mailbox.start(t, kind);
      const { code, program } = await create(t, mailbox.url, PAYLOAD, []);
      await settle(t, mailbox, code);
      await mailbox.stop();
      await mailbox.startAgain("kept");
      const received = await peer.receive(t, mailbox.url, code).ended;
      t.equal(received.stdout, peer.prints(PAYLOAD), peer.name);
      const sent = await program.ended;
      t.same([sent.status, ...eventNames(sent)], [0, "code", "contacted", "verified", "delivered"], peer.name);
    }
  });

  await t.test("comes back with its database while a sender waits for us", async (t) => {
    const mailbox = await Mailbox.start(t, kind);
    const { code, program } = await python.send(t, mailbox.url, PAYLOAD);
    await mailbox.stop();
    await mailbox.startAgain("kept");
    const received = await accept(t, mailbox.url, code, []).ended;
    t.match({ ...received }, { status: 0, stdout: PAYLOAD }, received.stderr);
    t.equal((await program.ended).status, 0);
  });

  await t.test("comes back with its database between the keys and the payload", async (t) => {
    const mailbox = await Mailbox.start(t, kind);
    const { code, program } = await python.send(t, mailbox.url, PAYLOAD, { more: ["--verify"], input: null });
    const receiving = accept(t, mailbox.url, code, []);
    // Where it asks, it has our version message, and waits for a person alone.
    await program.expect("stdout", /^Verifier [0-9a-f]{64}\. ok\?/m);
    await mailbox.stop();
    await mailbox.startAgain("kept");
    program.type("yes\n");
    const received = await receiving.ended;
    t.match({ ...received }, { status: 0, stdout: PAYLOAD }, received.stderr);
    t.equal((await program.ended).status, 0);
  });

  await t.test("comes back with its database while we wait for a sender", async (t) => {
    const mailbox = await Mailbox.start(t, kind);
    const receiving = accept(t, mailbox.url, CHOSEN, []);
    await settle(t, mailbox, CHOSEN);
    await mailbox.stop();
    await mailbox.startAgain("kept");
    const { program } = await python.send(t, mailbox.url, PAYLOAD, { more: ["--code", CHOSEN] });
    t.match({ ...(await receiving.ended) }, { status: 0, stdout: PAYLOAD });
    t.equal((await program.ended).status, 0);
  });

  await t.test("comes back without its database", async (t) => {
    const mailbox = await Mailbox.start(t, kind);
    const { code, program } = await create(t, mailbox.url, PAYLOAD, []);
    const receiving = accept(t, mailbox.url, CHOSEN, []);
    await settle(t, mailbox, code);
    await settle(t, mailbox, CHOSEN);
    await mailbox.stop();
    await mailbox.startAgain("lost");
    const sent = await program.ended;
    t.same([sent.status, ...eventNames(sent)], [3, "code", "lost"], "while we wait for a receiver");
    t.match({ ...(await receiving.ended) }, { status: 3, stdout: /^$/, stderr: /^error: the invite is lost/m }, "while we wait for a sender");
  });
});
