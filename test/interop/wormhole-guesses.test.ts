import t from "tap";
import { randomScalar, startPake } from "../../src/lib/wormhole/spake2.ts";
import { MailboxClient } from "../support/mailbox-client.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, APPID, create, eventNames, forEach, listNameplates, peers, python, writtenBy } from "./support/wormhole-peers.ts";

// What each side learns of a wrong code, a used one, and of a third side.

const PAYLOAD = '{"door": 4711}';

function nameplateOf(code: string): string {
  return code.slice(0, code.indexOf("-"));
}

/** The same nameplate and other words of the list. */
function wrongCode(code: string): string {
  return `${nameplateOf(code)}-${code.endsWith("-adroitness-aardvark") ? "adviser-absurd" : "adroitness-aardvark"}`;
}

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);
  const observer = await MailboxClient.bind(t, url, "0b5e12ed00", { appid: APPID });

  await t.test("a wrong guess at our code", async (t) => {
    for (const [peer, { sent, received }] of await forEach(peers(), async (peer) => {
      const { code, program } = await create(t, url, PAYLOAD, []);
      return { received: await peer.receive(t, url, wrongCode(code)).ended, sent: await program.ended };
    })) {
      t.same(eventNames(sent), ["code", "contacted", "wrong-guess"], peer.name, sent);
      t.equal(sent.status, 1, peer.name);
      t.match(writtenBy(received), peer.wrongCode, peer.name);
      t.not(received.status, 0, peer.name);
    }
  });

  await t.test("our wrong guess", async (t) => {
    for (const [peer, { sent, received }] of await forEach(peers(), async (peer) => {
      const { code, program } = await peer.send(t, url, PAYLOAD);
      return { received: await accept(t, url, wrongCode(code), []).ended, sent: await program.ended };
    })) {
      t.match({ ...received }, { status: 1, stdout: /^$/, stderr: /^error: /m }, peer.name);
      t.match(writtenBy(sent), peer.wrongCode, peer.name);
      t.not(sent.status, 0, peer.name);
    }
  });

  await t.test("a code that was used", async (t) => {
    const { code, program } = await create(t, url, PAYLOAD, []);
    t.equal((await python.receive(t, url, code).ended).status, 0);
    t.equal((await program.ended).status, 0);
    t.same(await listNameplates(observer), [], "its nameplate is free");
    const again = await accept(t, url, code, ["--timeout", "2s"]).ended;
    t.match({ ...again }, { status: 3, stdout: /^$/ }, "nobody is there", again);
    t.same(await listNameplates(observer), [], "and no nameplate is left behind");
  });

  await t.test("a code of which two others make use", async (t) => {
    const { code, program } = await python.send(t, url, PAYLOAD);
    const first = await MailboxClient.bind(t, url, "f125700000", { appid: APPID });
    await first.join(nameplateOf(code));
    const third = await accept(t, url, code, []).ended;
    t.match({ ...third }, { status: 1, stdout: /^$/, stderr: /two others have used this code/ });
    program.kill();
  });

  await t.test("a third side at our code", async (t) => {
    const { code, program } = await create(t, url, PAYLOAD, ["--ttl", "15s"]);
    const first = await MailboxClient.bind(t, url, "f125700001", { appid: APPID });
    await first.join(nameplateOf(code));
    const third = await python.receive(t, url, code).ended;
    t.not(third.status, 0);
    t.match(third.stderr, /crowded/);
    const sent = await program.ended;
    // Only Keyhole's server tells those who already listen.
    t.same(eventNames(sent), ["code", kind === "keyhole" ? "crowded" : "expired"]);
    t.equal(sent.status, 1);
  });

  await t.test("somebody who says what he must and vanishes", async (t) => {
    const { code, program } = await create(t, url, PAYLOAD, []);
    const guesser = await MailboxClient.bind(t, url, "90e55e7000", { appid: APPID });
    await guesser.join(nameplateOf(code));
    const { message } = startPake(code, randomScalar());
    const body = JSON.stringify({ pake_v1: Buffer.from(message).toString("hex") });
    guesser.send({ type: "add", phase: "pake", body: Buffer.from(body).toString("hex") });
    await program.expect("stdout", /"contacted"/);
    guesser.socket.close();
    const sent = await program.ended;
    t.same([sent.status, ...eventNames(sent)], [1, "code", "contacted", "silent-guess"]);
  });

  await t.test("somebody who says nothing", async (t) => {
    const { code, program } = await create(t, url, PAYLOAD, ["--ttl", "5s"]);
    const guesser = await MailboxClient.bind(t, url, "90e55e7001", { appid: APPID });
    await guesser.join(nameplateOf(code));
    guesser.socket.close();
    const sent = await program.ended;
    // Again, only Keyhole's server can tell.
    t.same([sent.status, ...eventNames(sent)], [1, "code", kind === "keyhole" ? "silent-guess" : "expired"]);
  });
});
