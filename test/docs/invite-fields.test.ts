import { readFileSync } from "node:fs";
import t from "tap";
import { accept, create, eventsOf, invite, startMailbox } from "../support/invite.ts";
import { temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { checkFields, listsWith, type Fields } from "./documented-fields.ts";
import { namesOf } from "./mdoc.ts";

// The same as fields.test.ts, for invites.

const OUTPUT = "OUTPUT FORMAT";
const CAPABILITY = "URI:DIR2-RO:any:any";

t.test("invite create and invite accept", async (t) => {
  const cwd = temporaryDirectory(t);
  writeFiles(cwd, { personal: `${CAPABILITY}\n` });
  const { url } = await startMailbox(t);

  const folder = await create(t, url, ["--json", "--format", "magic-folder", "--text", JSON.stringify({ collective: CAPABILITY })]);
  await accept(t, url, ["--format", "magic-folder", "--personal", "personal", folder.code], { cwd });
  const refused = await create(t, url, ["--json", "--format", "text", "--text", "no JSON"]);
  await accept(t, url, [refused.code]);
  const local = invite(t, ["create", "--json", "--local", "--listen", "127.0.0.1:0", "--ttl", "1s", "--count", "2", "--text", "{}"]);
  const lines = invite(t, ["create", "--json", "--mailbox", url, "--ttl", "1s", "--lines"], { input: "{}\n" });
  const endings = await Promise.all([folder.program.ended, refused.program.ended, local.ended, lines.ended]);
  checkFields(t, endings.flatMap(eventsOf), "keyhole-invite-create.1", OUTPUT);

  const received: Fields[] = [];
  for (const words of [[], ["--out", "received"]]) {
    const { code } = await create(t, url, ["--text", "{}"]);
    const { stdout } = await accept(t, url, ["--json", ...words, code], { cwd });
    received.push(JSON.parse(stdout) as Fields);
  }
  checkFields(t, received, "keyhole-invite-accept.1", OUTPUT);
});

t.test("events", (t) => {
  const [documented = []] = listsWith("Ql", "keyhole-invite.1", "What becomes of a code");
  const [, names = ""] = /export type EventName = (.*);/.exec(readFileSync("src/lib/invite/events.ts", "utf8")) ?? [];
  t.same(namesOf(documented, "Ql"), [...names.matchAll(/"([a-z-]+)"/g)].map(([, name]) => name));
  t.end();
});

t.test("invite mailbox", async (t) => {
  const mailbox = invite(t, ["mailbox", "--json", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
  const [line] = await mailbox.expect("stdout", /^.*\n/);
  checkFields(t, [JSON.parse(line) as Fields], "keyhole-invite-mailbox.1", OUTPUT);
  mailbox.kill("SIGTERM");
  await mailbox.ended;
});
