import t from "tap";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, create, eventNames, peers, python } from "./support/wormhole-peers.ts";

// The mailbox server dies while somebody waits, and comes back with or without
// what it had stored.

const PAYLOAD = '{"door": 4711}';

await forEachMailbox(t, async (t, kind) => {
  await t.test("comes back with its database while we wait for a receiver", async (t) => {
    for (const peer of peers()) {
      const mailbox = await Mailbox.start(t, kind);
      const { code, program } = await create(t, mailbox.url, PAYLOAD, []);
      await mailbox.hasMessages(1);
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
    const code = "77-guitarist-revenge";
    const receiving = accept(t, mailbox.url, code, []);
    await mailbox.hasMessages(1);
    await mailbox.stop();
    await mailbox.startAgain("kept");
    const { program } = await python.send(t, mailbox.url, PAYLOAD, { more: ["--code", code] });
    t.match({ ...(await receiving.ended) }, { status: 0, stdout: PAYLOAD });
    t.equal((await program.ended).status, 0);
  });

  await t.test("comes back without its database", async (t) => {
    const mailbox = await Mailbox.start(t, kind);
    const { program } = await create(t, mailbox.url, PAYLOAD, []);
    const receiving = accept(t, mailbox.url, "77-guitarist-revenge", []);
    // Each has said what it can alone.
    await mailbox.hasMessages(2);
    await mailbox.stop();
    await mailbox.startAgain("lost");
    const sent = await program.ended;
    t.same([sent.status, ...eventNames(sent)], [3, "code", "lost"], "while we wait for a receiver");
    t.match({ ...(await receiving.ended) }, { status: 3, stdout: /^$/, stderr: /^error: the invite is lost/m }, "while we wait for a sender");
  });
});
