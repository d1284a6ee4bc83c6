import t from "tap";
import { accept, create, eventsOf, invite, receiver, startMailbox } from "../support/invite.ts";
import { encodeUtf8 } from "../../src/lib/text.ts";
import { temporaryDirectory } from "../support/keyhole.ts";
import { checkFields, type Fields } from "./documented-fields.ts";

// The manual names every field of what `invite create` and `invite accept`
// write with --json; here they write it.

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
