import { resolve } from "node:path";
import t from "tap";
import * as v from "valibot";
import { temporaryDirectory } from "../support/keyhole.ts";
import { installed } from "./support/installed.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { Program, type Teardown } from "./support/program.ts";
import { accept, create, eventNames, eventsOf } from "./support/wormhole-peers.ts";

// magic-folder as the other side of the format magic-folder.

const COLLECTIVE = "URI:DIR2-RO:uas2h5qqonejzvazaqhdl3b76y:s2rjnure6kc4m67ospbq7crqsfl7bwvdlxc3q7sbbn4ggcqjz7dq";
const READ_ONLY = /^URI:DIR2-RO:/;

const Answer = v.looseObject({
  code: v.optional(v.string()),
  collective: v.optional(v.string()),
  personal: v.optional(v.nullable(v.string())),
  participants: v.optional(v.record(v.string(), v.string())),
  error: v.optional(v.string()),
});

function magicFolder(t: Teardown, words: readonly [side: "invite" | "join" | "join-again", url: string, ...more: string[]]): Program {
  const [side, url, ...more] = words;
  return new Program(t, [installed("wormhole/bin/python"), resolve("test/interop/magic_folder_peer.py"), side, url, temporaryDirectory(t), ...more]);
}

async function nextAnswer(program: Program, key: string): Promise<v.InferOutput<typeof Answer>> {
  const [line] = await program.expect("stdout", new RegExp(`^\\{"${key}":.*\\}$`, "m"));
  return v.parse(Answer, JSON.parse(line));
}

function invite(mode: string): string {
  return JSON.stringify({ "folder-name": "Fotos für alle", collective: COLLECTIVE, "participant-name": "bob", mode });
}

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);

  for (const mode of ["read-write", "read-only"]) {
    await t.test(`magic-folder joins by our invite, ${mode}`, async (t) => {
      const { code, program } = await create(t, url, invite(mode), ["--format", "magic-folder"]);
      const answer = await nextAnswer(magicFolder(t, ["join", url, code]), "done");
      t.match(answer, { done: { kind: "join-folder-ack", protocol: "invite-v1", success: true }, collective: COLLECTIVE });
      const sent = await program.ended;
      t.same([sent.status, ...eventNames(sent)], [0, "code", "contacted", "verified", "delivered"]);
      if (mode === "read-write") t.match(answer.personal, READ_ONLY);
      else t.equal(answer.personal, null);
      t.match(eventsOf(sent).at(-1), { answer: mode === "read-write" ? { personal: answer.personal } : {} });
    });

    await t.test(`we join by magic-folder's invite, ${mode}`, async (t) => {
      const inviting = magicFolder(t, ["invite", url, "bob", mode]);
      const { code, collective } = await nextAnswer(inviting, "code");
      const received = await accept(t, url, code!, ["--format", "magic-folder"]).ended;
      t.equal(received.status, 0, "accept", received);
      t.match(JSON.parse(received.stdout), { kind: "join-folder", "folder-name": "photos", collective, "participant-name": "bob", mode });
      const { participants } = await nextAnswer(inviting, "done");
      t.ok(participants?.bob, "takes part");
    });
  }

  await t.test("magic-folder refuses", async (t) => {
    const { code, program } = await create(t, url, invite("read-write"), ["--format", "magic-folder"]);
    t.match(await nextAnswer(magicFolder(t, ["join-again", url, code]), "error"), { error: /photos/ });
    const sent = await program.ended;
    t.same([sent.status, ...eventNames(sent)], [1, "code", "contacted", "verified", "refused"]);
    t.match(eventsOf(sent).at(-1), { reason: "Failed to create folder locally" });
  });

  await t.test("a program of another kind", async (t) => {
    const inviting = magicFolder(t, ["invite", url, "bob", "read-write"]);
    const { code } = await nextAnswer(inviting, "code");
    const received = await accept(t, url, code!, ["--format", "json", "--appid", "private.storage/magic-folder/invites", "--timeout", "5s"]).ended;
    t.match({ ...received }, { stdout: /^$/, stderr: /^error: /m });
    t.not(received.status, 0);
    t.match(await nextAnswer(inviting, "error"), { error: /magic-folder/ }, "is told apart");
  });
});
