import { readFileSync } from "node:fs";
import t from "tap";
import { MailboxClient, type Frame } from "../../../support/mailbox-client.ts";
import { startServer } from "./live.ts";

// What magic-wormhole's own server said, recorded; ours says the same but for
// what it makes up, and for a nameplate that newer ones refuse as well.

interface Transcript {
  readonly appid: string;
  readonly sides: Readonly<Record<string, string>>;
  readonly transcript: readonly { readonly conn: string; readonly dir: "client" | "server"; readonly msg: Frame }[];
}

const { appid, sides, transcript } = JSON.parse(readFileSync("test/vectors/wormhole/mailbox-transcript.json", "utf8")) as Transcript;

const NOT_BOUND = "F";
/** It claims "abc". */
const NEW_RULE = "E";

await t.test("the transcript of the reference server", async (t) => {
  const { url } = await startServer(t);
  const clients = new Map<string, MailboxClient>();
  const names = new Map<unknown, unknown>();
  const translate = (message: Frame): Frame => JSON.parse(JSON.stringify(message), (_, value: unknown) => names.get(value) ?? value) as Frame;
  for (const { conn, dir, msg } of transcript) {
    let client = clients.get(conn);
    if (client === undefined) {
      client = await MailboxClient.connect(t, url);
      clients.set(conn, client);
      if (conn !== NOT_BOUND) client.send({ type: "bind", appid, side: sides[conn] });
    }
    if (dir === "client") {
      client.send(translate(msg));
      continue;
    }
    const { server_tx, server_rx, ...said } = await client.next();
    t.type(server_tx, "number");
    t.type(server_rx, msg.type === "message" ? "number" : "undefined");
    for (const name of ["mailbox", "nameplate"]) if (msg[name] !== undefined && said[name] !== undefined) names.set(msg[name], said[name]);
    const name = `${conn}: ${JSON.stringify(msg)}`;
    if (msg.type === "welcome") t.match(said, { type: "welcome", welcome: { "your-address": { port: Number, ipv4: "127.0.0.1" } } }, name);
    else if (conn === NEW_RULE && msg.type === "claimed") t.same(said, { type: "error", error: "nameplate must be 1 to 40 digits", orig: { type: "claim", nameplate: "abc" } }, name);
    else t.same(said, translate(msg), name);
  }
});
