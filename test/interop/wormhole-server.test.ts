import { join } from "node:path";
import t from "tap";
import { AUTHORITY, GOOD } from "../support/certificates.ts";
import { temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, go, goWormholeSkipReason, keyholeInvite, python, withGo } from "./support/wormhole-peers.ts";

// What a mailbox server says to everybody, and TLS.

const PAYLOAD = '{"door": 4711}';

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind, ["--motd", "planned maintenance on friday"]);

  await t.test("the server's message, and its name from the environment", async (t) => {
    const { code, program } = await python.send(t, url, PAYLOAD);
    const received = await keyholeInvite(t, ["accept", code], { env: { WORMHOLE_RELAY_URL: url } }).ended;
    t.match({ ...received }, { status: 0, stdout: PAYLOAD, stderr: /planned maintenance on friday/ });
    t.match((await program.ended).stderr, /planned maintenance on friday/, "python");
  });
});

await t.test("a server that does not want us", async (t) => {
  const { url } = await Mailbox.start(t, "magic-wormhole", ["--signal-error", "please come back tomorrow"]);
  for (const [command, ...words] of [["create", "--text", "hello", "--format", "text"], ["accept", "7-guitarist-revenge"]] as const) {
    t.match({ ...(await keyholeInvite(t, [command, ...words, "--mailbox", url]).ended) }, { status: 3, stdout: /^$/, stderr: /please come back tomorrow/ }, command);
  }
});

await t.test("over TLS", async (t) => {
  const directory = temporaryDirectory(t);
  writeFiles(directory, { "ca.pem": AUTHORITY, "cert.pem": GOOD.cert, "key.pem": GOOD.key });
  const { port } = await Mailbox.start(t, "keyhole", ["--tls-cert", join(directory, "cert.pem"), "--tls-key", join(directory, "key.pem")]);
  const url = `wss://localhost:${port}/v1`;
  const authority = join(directory, "ca.pem");
  const trusted = { env: { SSL_CERT_FILE: authority, NODE_EXTRA_CA_CERTS: authority } };

  const { code, program } = await python.send(t, url, PAYLOAD, trusted);
  t.match({ ...(await accept(t, url, code, []).ended) }, { status: 3, stdout: /^$/, stderr: /certificate/ }, "one that nobody vouches for");
  t.match({ ...(await accept(t, url, code, [], trusted).ended) }, { status: 0, stdout: PAYLOAD });
  t.equal((await program.ended).status, 0);

  await t.test("wormhole-william", { skip: goWormholeSkipReason() }, async (t) => {
    const { sent, received } = await withGo(async () => {
      const sending = await go.send(t, url, PAYLOAD, trusted);
      return { received: await accept(t, url, sending.code, [], trusted).ended, sent: await sending.program.ended };
    });
    t.match({ ...received }, { status: 0, stdout: PAYLOAD });
    t.equal(sent.status, 0);
  });
});
