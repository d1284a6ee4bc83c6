import { readFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { temporaryDirectory } from "../support/keyhole.ts";
import { installed } from "./support/installed.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { Program, type ProgramOptions } from "./support/program.ts";
import { accept, create, eventNames } from "./support/wormhole-peers.ts";

// tahoe-lafs as the other side of the format tahoe.

const FURL = "pb://abcdefghijklmnopqrstuvwxyz234567@tcp:127.0.0.1:1/introducer";
const GRID = { "shares-needed": "3", "shares-happy": "7", "shares-total": "10", nickname: "Größe von alice", introducer: FURL };

function tahoe(t: Parameters<typeof create>[0], url: string, words: readonly string[], options: ProgramOptions): Program {
  return new Program(t, [installed("wormhole/bin/tahoe"), "--wormhole-server", url, ...words], options);
}

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);

  await t.test("tahoe create-client --join takes our invite", async (t) => {
    const cwd = temporaryDirectory(t);
    const { code, program } = await create(t, url, JSON.stringify(GRID), ["--format", "tahoe"]);
    const joined = await tahoe(t, url, ["create-client", "--join", code, "node"], { cwd }).ended;
    t.equal(joined.status, 0, "tahoe", joined);
    t.match(joined.stdout, /received configuration\nEncoding: 3 of 10 shares, on at least 7 servers/);
    t.match(readFileSync(join(cwd, "node", "tahoe.cfg"), "utf8"), /^nickname = Größe von alice$/m);
    t.ok(readFileSync(join(cwd, "node", "private", "introducers.yaml"), "utf8").includes(FURL));
    const sent = await program.ended;
    t.same([sent.status, ...eventNames(sent)], [0, "code", "contacted", "verified", "handed-over"], "it acknowledges nothing");
  });

  await t.test("we take tahoe's invite", async (t) => {
    const cwd = temporaryDirectory(t);
    const made = await tahoe(t, url, ["create-client", "--introducer", FURL, "--shares-needed=1", "--shares-happy=2", "--shares-total=4", "node"], { cwd }).ended;
    t.equal(made.status, 0, "node", made);
    const inviting = tahoe(t, url, ["--node-directory", "node", "invite", "bob"], { cwd });
    const [, code] = await inviting.expect("stdout", /^Invite Code for client: (\S+)$/m);
    const received = await accept(t, url, code!, ["--format", "tahoe"]).ended;
    t.equal(received.status, 0, "accept", received);
    t.same(JSON.parse(received.stdout), { "shares-needed": "1", "shares-happy": "2", "shares-total": "4", nickname: "bob", introducer: FURL });
    t.match({ ...(await inviting.ended) }, { status: 0, stdout: /Completed successfully/ });
  });
});
