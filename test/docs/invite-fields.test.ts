import { readFileSync } from "node:fs";
import t from "tap";
import { encodeUtf8 } from "../../src/lib/text.ts";
import { accept, create, eventsOf, invite, receiver, startMailbox } from "../support/invite.ts";
import { temporaryDirectory } from "../support/keyhole.ts";
import { checkFields, listsWith, type Fields } from "./documented-fields.ts";
import { namesOf } from "./mdoc.ts";

// The same as fields.test.ts, for invites.

const FOLDER = JSON.stringify({ collective: "URI:DIR2-RO:fake:x" });

t.test("events", async (t) => {
  const { url } = await startMailbox(t);
  const events: Fields[] = [];

  const folder = await create(t, url, ["--json", "--format", "magic-folder", "--text", FOLDER]);
  await accept(t, url, ["--format", "magic-folder", folder.code]);
  events.push(...eventsOf(await folder.program.ended));

  const refused = await create(t, url, ["--json", "--text", "{}"]);
  (await receiver(t, url, refused.code)).send(encodeUtf8('{"error":"no"}'));
  events.push(...eventsOf(await refused.program.ended));

  const local = (words: readonly string[], input = ""): Promise<readonly Fields[]> => invite(t, ["create", "--json", "--local", "--ttl", "1s", ...words], { input }).ended.then(eventsOf);
  events.push(...(await local(["--lines"], "{}\n")), ...(await local(["--count", "2", "--text", "{}"])));

  t.ok(events.every(({ event }) => typeof event === "string"));
  checkFields(t, events, "keyhole-invite-create.1", "OUTPUT FORMAT");
});

t.test("what was received", async (t) => {
  const directory = temporaryDirectory(t);
  const { url } = await startMailbox(t);
  const results: Fields[] = [];
  for (const words of [[], ["--out", "f"]]) {
    const { code } = await create(t, url, ["--text", "{}"]);
    results.push(JSON.parse((await accept(t, url, ["--json", ...words, code], { cwd: directory })).stdout) as Fields);
  }
  checkFields(t, results, "keyhole-invite-accept.1", "OUTPUT FORMAT");
});

t.test("the events that there are", (t) => {
  const [documented = []] = listsWith("Ql", "keyhole-invite.1", "What becomes of a code");
  const [, names = ""] = /export type EventName = (.*);/.exec(readFileSync("src/lib/invite/events.ts", "utf8")) ?? [];
  t.same(namesOf(documented, "Ql"), [...names.matchAll(/"([a-z-]+)"/g)].map(([, name]) => name));
  t.end();
});

t.test("invite mailbox", async (t) => {
  const mailbox = invite(t, ["mailbox", "--json", "--listen", "127.0.0.1:0", "--db", ":memory:"]);
  const [line] = await mailbox.expect("stdout", /^.*\n/);
  checkFields(t, [JSON.parse(line) as Fields], "keyhole-invite-mailbox.1", "OUTPUT FORMAT");
  mailbox.kill("SIGTERM");
  await mailbox.ended;
});
