import t from "tap";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, create, eventNames, forEach, keyholeInvite, peers, python, withGo, writtenBy } from "./support/wormhole-peers.ts";

// Codes that people have chosen, long ones, and many at once.

const PAYLOAD = '{"door": 4711}';

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);

  await t.test("a code that people have chosen", async (t) => {
    for (const [i, peer] of peers().entries()) {
      const [theirs, ours] = [`30${i}-guitarist-revenge`, `40${i}-guitarist-revenge`];
      const { sent, received } = await withGo(async () => {
        const { program } = await peer.send(t, url, PAYLOAD, { more: ["--code", theirs] });
        return { received: await accept(t, url, theirs, []).ended, sent: await program.ended };
      });
      t.match({ ...received }, { status: 0, stdout: PAYLOAD }, peer.name);
      t.match(writtenBy(sent), peer.sent, peer.name);
      const turned = await withGo(async () => {
        const { code, program } = await create(t, url, PAYLOAD, ["--code", ours]);
        t.equal(code, ours);
        return { received: await peer.receive(t, url, ours).ended, sent: await program.ended };
      });
      t.equal(turned.received.stdout, peer.prints(PAYLOAD), peer.name);
      t.equal(turned.sent.status, 0, peer.name);
    }
  });

  await t.test("the receiver who is there first", async (t) => {
    const code = "500-guitarist-revenge";
    const receiving = accept(t, url, code, []);
    const { program } = await python.send(t, url, PAYLOAD, { more: ["--code", code] });
    t.match({ ...(await receiving.ended) }, { status: 0, stdout: PAYLOAD });
    t.equal((await program.ended).status, 0);
  });

  await t.test("words that are in no list", async (t) => {
    const { code, program } = await python.send(t, url, PAYLOAD, { more: ["--code", "501-grüße-aus-長野"] });
    t.equal((await accept(t, url, code, []).ended).status, 2, "refused here");
    // As another keyboard may make them: Unicode has two ways to write an umlaut.
    t.match({ ...(await accept(t, url, code.normalize("NFD"), ["--any-words"]).ended) }, { status: 0, stdout: PAYLOAD }, "and not used up");
    t.equal((await program.ended).status, 0);
  });

  await t.test("longer codes, and many at once", async (t) => {
    const program = keyholeInvite(t, ["create", "--json", "--mailbox", url, "--count", "4", "--words", "5", "-"], { input: PAYLOAD });
    const [told] = await program.expect("stdout", /(?:"event":"code".*\n.*){4}/);
    const codes = Array.from(told.matchAll(/"code":"(\d[^"]+)"/g), ([, code]) => code!);
    t.equal(new Set(codes).size, 4);
    for (const code of codes) t.match(code, /^\d+(-[a-z-]+){5,}$/i);
    for (const [, received] of await forEach(codes, (code) => python.receive(t, url, code).ended)) t.equal(received.stdout, python.prints(PAYLOAD));
    const sent = await program.ended;
    t.equal(sent.status, 0);
    t.equal(eventNames(sent).filter((name) => name === "delivered").length, 4);
  });
});
