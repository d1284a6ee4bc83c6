import { join } from "node:path";
import t from "tap";
import { listing, temporaryDirectory, writeFiles } from "../support/keyhole.ts";
import { forEachMailbox, Mailbox } from "./support/mailboxes.ts";
import { accept, offerFile } from "./support/wormhole-peers.ts";

// What magic-wormhole can send beside texts.

await forEachMailbox(t, async (t, kind) => {
  const { url } = await Mailbox.start(t, kind);

  await t.test("a file or a directory is refused, and the sender told so", async (t) => {
    const cwd = temporaryDirectory(t);
    writeFiles(cwd, { "photo.jpg": "not text", "note.txt": "nor this" });
    // wormhole-william has no way to be kept from asking for its transit relay out in the world.
    for (const what of ["photo.jpg", "."]) {
      const { code, program } = await offerFile(t, url, join(cwd, what));
      t.match({ ...(await accept(t, url, code, ["--format", "text"]).ended) }, { status: 1, stdout: /^$/, stderr: /^error: .*(file|directory)/m }, what);
      t.match({ ...(await program.ended) }, { status: 1, stderr: /text only/ }, what);
    }
    t.same(listing(cwd), ["note.txt", "photo.jpg"]);
  });
});
