import { resolve } from "node:path";
import t from "tap";
import { listing, temporaryDirectory } from "../support/keyhole.ts";
import { MailboxClient } from "../support/mailbox-client.ts";
import { installed } from "./support/installed.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { Program } from "./support/program.ts";
import { accept, APPID, create, eventNames, listNameplates, python } from "./support/wormhole-peers.ts";

// One of the two programs dies.

const PAYLOAD = '{"door": 4711}';

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);

  await t.test("the sender, before we come", async (t) => {
    const { code, program } = await python.send(t, url, PAYLOAD);
    program.kill();
    await program.ended;
    t.match({ ...(await accept(t, url, code, ["--timeout", "3s"]).ended) }, { status: 3, stdout: /^$/, stderr: /^error: /m });
  });

  await t.test("the sender, before the payload", async (t) => {
    const { code, program } = await python.send(t, url, PAYLOAD, { more: ["--verify"], input: null });
    const directory = temporaryDirectory(t);
    const receiving = accept(t, url, code, ["--timeout", "10s", "--out", "payload"], { cwd: directory });
    await program.expect("stdout", /^Verifier [0-9a-f]{64}\. ok\?/m);
    program.kill();
    t.match({ ...(await receiving.ended) }, { status: 3, stdout: /^$/, stderr: /^error: /m });
    t.same(listing(directory), [], "nothing is written");
  });

  await t.test("we, before the payload", async (t) => {
    const { code, program } = await python.send(t, url, PAYLOAD, { more: ["--verify"], input: null });
    const directory = temporaryDirectory(t);
    const receiving = accept(t, url, code, ["--out", "payload"], { cwd: directory });
    await program.expect("stdout", /^Verifier [0-9a-f]{64}\. ok\?/m);
    receiving.kill();
    await receiving.ended;
    t.same(listing(directory), [], "nothing is written");
    program.kill();
  });

  await t.test("the receiver, before it acknowledges", async (t) => {
    const { code, program } = await create(t, url, PAYLOAD, ["--ttl", "8s"]);
    const receiving = new Program(t, [installed("wormhole/bin/python"), resolve("test/interop/wormhole_silent_receiver.py"), url, code]);
    t.same(JSON.parse((await receiving.ended).stdout), { offer: { message: PAYLOAD } });
    const sent = await program.ended;
    t.same([sent.status, ...eventNames(sent)], [1, "code", "contacted", "verified", "expired"]);
  });

  await t.test("we, by Ctrl-C, before the receiver comes", async (t) => {
    const { code, program } = await create(t, url, PAYLOAD, []);
    const [nameplate] = code.split("-");
    const observer = await MailboxClient.bind(t, url, "0b5e12ed00", { appid: APPID });
    t.ok((await listNameplates(observer)).includes(nameplate!), "its nameplate");
    program.kill("SIGINT");
    t.equal((await program.ended).status, 130);
    t.notOk((await listNameplates(observer)).includes(nameplate!), "is given back");
  });
});
