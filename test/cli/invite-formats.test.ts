import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { magicFolderFormat } from "../../src/lib/invite/formats/magic-folder.ts";
import { tahoeFormat } from "../../src/lib/invite/formats/tahoe.ts";
import { encodeUtf8, parseUtf8 } from "../../src/lib/text.ts";
import { newIssuer } from "../../src/lib/wormhole/state.ts";
import { Wormhole } from "../../src/lib/wormhole/wormhole.ts";
import { accept, create, eventNames, eventsOf, invite, receiver, startMailbox, until } from "../support/invite.ts";
import { temporaryDirectory } from "../support/keyhole.ts";

// Both sides by keyhole, and by peers that say what the programs of each format
// say.

const SHARES = '{"shares-needed":"3","shares-happy":"7","shares-total":"10","nickname":"bob","introducer":"pb://x"}\n';
const COLLECTIVE = "URI:DIR2-RO:fake:collective";
const PERSONAL = "URI:DIR2-RO:fake:personal";
const FOLDER = { "folder-name": "photos", collective: COLLECTIVE, "participant-name": "bob", mode: "read-write" };

t.test("tahoe", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--format", "tahoe", "--text", SHARES]);
  t.match(await accept(t, url, ["--format", "tahoe", code]), { status: 0, stdout: SHARES, stderr: "" });
  const ended = await program.ended;
  t.same([ended.status, eventNames(ended)], [0, ["code", "contacted", "verified", "handed-over"]]);

  const other = await create(t, url, ["--json", "--format", "tahoe", "--text", SHARES]);
  const peer = await receiver(t, url, other.code, { appid: tahoeFormat.appid });
  peer.send(encodeUtf8('{"abilities":{}}'));
  const refused = await other.program.ended;
  t.same([refused.status, eventNames(refused).at(-1)], [1, "refused"]);
  t.equal(eventsOf(refused).at(-1)!.reason, "the other side lacks the ability client-v1");
});

t.test("magic-folder", async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, "personal"), `${PERSONAL}\n`, { mode: 0o600 });
  const { url } = await startMailbox(t);
  for (const [words, answer] of [
    [["--personal", "personal"], { personal: PERSONAL }],
    [[], {}],
  ] as const) {
    const { code, program } = await create(t, url, ["--json", "--format", "magic-folder", "--text", JSON.stringify(FOLDER)]);
    const received = await accept(t, url, ["--format", "magic-folder", ...words, code], { cwd: directory });
    t.match(received, { status: 0, stderr: "" });
    t.same(JSON.parse(received.stdout), { kind: "join-folder", protocol: "invite-v1", ...FOLDER });
    const ended = await program.ended;
    t.same([ended.status, eventNames(ended)], [0, ["code", "contacted", "verified", "delivered"]]);
    t.same(eventsOf(ended).at(-1)!.answer, answer);
  }

  const { code, program } = await create(t, url, ["--format", "magic-folder", "--text", JSON.stringify(FOLDER)]);
  await accept(t, url, ["--format", "magic-folder", "--personal", "personal", code], { cwd: directory });
  t.equal((await program.ended).stdout, `${code}\n${JSON.stringify({ personal: PERSONAL })}\n`, "without --json the answer is the second line");
});

t.test("magic-folder, as the other side sees it", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--format", "magic-folder", "--text", JSON.stringify(FOLDER)]);
  const peer = await receiver(t, url, code, { appid: magicFolderFormat.appid, appVersions: magicFolderFormat.appVersions as never });
  t.same(JSON.parse(parseUtf8((await until(peer, "message")).plaintext, "invite")), { kind: "join-folder", protocol: "invite-v1", ...FOLDER });
  peer.send(encodeUtf8('{"kind":"join-folder-reject","protocol":"invite-v1","reject-reason":"no room"}'));
  const ended = await program.ended;
  t.same([ended.status, eventsOf(ended).at(-1)!.reason], [1, "no room"]);

  const inviting = new Wormhole(newIssuer({ appid: magicFolderFormat.appid, appVersions: magicFolderFormat.appVersions as never }), { url });
  t.teardown(() => void inviting.disconnect());
  const accepting = invite(t, ["accept", "--mailbox", url, "--format", "magic-folder", (await until(inviting, "code")).code]);
  t.same((await until(inviting, "verified")).appVersions, magicFolderFormat.appVersions);
  inviting.send(encodeUtf8(JSON.stringify({ kind: "join-folder", protocol: "invite-v1", ...FOLDER })));
  t.same(JSON.parse(parseUtf8((await until(inviting, "message")).plaintext, "answer")), { kind: "join-folder-accept", protocol: "invite-v1" });
  inviting.send(encodeUtf8('{"kind":"join-folder-ack","protocol":"invite-v1","success":false,"error":"name is taken"}'));
  t.match(await accepting.ended, { status: 1, stdout: JSON.stringify({ kind: "join-folder", protocol: "invite-v1", ...FOLDER }), stderr: /^error: the sender says: name is taken\nhint: what came is written all the same\n$/ });
});

t.test("formats that do not fit each other", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--ttl", "2s", "--format", "tahoe", "--text", SHARES]);
  t.equal((await accept(t, url, ["--timeout", "2s", code])).status, 3, "have different appids, and so never meet");
  t.equal((await program.ended).status, 1);

  const same = await create(t, url, ["--json", "--format", "tahoe", "--appid", "example.com/grid", "--text", SHARES]);
  const received = await accept(t, url, ["--appid", "example.com/grid", "--timeout", "2s", same.code]);
  t.match(received, { status: 3, stdout: "" }, "with one appid neither understands the other");
  const ended = await same.program.ended;
  t.same([ended.status, eventNames(ended).at(-1)], [1, "refused"]);
});

t.test("verifiers", async (t) => {
  const { url } = await startMailbox(t);
  const { code, program } = await create(t, url, ["--json", "--verify", "--yes", "--text", "{}"]);
  const received = await accept(t, url, ["--verify", "--yes", "--quiet", code]);
  t.match(received, { status: 0, stdout: "{}", stderr: /^verifier: [0-9a-f]{64}\n$/ });
  const ended = await program.ended;
  t.equal(ended.status, 0);
  t.equal(ended.stderr, received.stderr, "are the same on both sides");
  t.match(eventsOf(ended)[0], { command: /accept --mailbox \S+ --verify \d/ });
});
