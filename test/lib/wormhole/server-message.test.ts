import fc from "fast-check";
import t from "tap";
import { encodeClientMessage } from "../../../src/lib/wormhole/client-message.ts";
import { parseServerMessage } from "../../../src/lib/wormhole/server-message.ts";
import { errorCode } from "../errors.ts";

function parse(message: unknown): unknown {
  return parseServerMessage(JSON.stringify(message));
}

t.test("what servers say", (t) => {
  for (const [message, parsed] of [
    [{ type: "welcome", welcome: {} }, { type: "welcome", permission: "none" }],
    [{ type: "welcome", welcome: { motd: "m", error: "e", current_cli_version: "0.1" }, server_tx: 1.5 }, { type: "welcome", motd: "m", error: "e", permission: "none" }],
    [{ type: "welcome", welcome: { motd: null, error: 5 } }, { type: "welcome", error: "5", permission: "none" }],
    [{ type: "welcome", welcome: { motd: "x".repeat(20_000) } }, { type: "welcome", motd: "x".repeat(10_000), permission: "none" }],
    [{ type: "welcome", welcome: { "permission-required": null } }, { type: "welcome", permission: "none" }],
    [{ type: "welcome", welcome: { "permission-required": { hashcash: { bits: 20, resource: "r" } } } }, { type: "welcome", permission: { bits: 20, resource: "r" } }],
    [{ type: "welcome", welcome: { "permission-required": { hashcash: { bits: "20", resource: "r" } } } }, { type: "welcome", permission: "unknown" }],
    [{ type: "nameplates", nameplates: [{ id: "1" }, { id: "02", words: "pgp" }, { id: 3 }, { id: "x" }, { id: "1".repeat(41) }, null, 5, [], {}] }, { type: "nameplates", nameplates: ["1", "02"] }],
    [{ type: "allocated", nameplate: "12" }, { type: "allocated", nameplate: "12" }],
    [{ type: "claimed", mailbox: "m" }, { type: "claimed", mailbox: "m" }],
    [{ type: "released" }, { type: "released" }],
    [{ type: "closed", extra: [] }, { type: "closed" }],
    [{ type: "pong", pong: 3 }, { type: "pong" }],
    [{ type: "message", side: "s", phase: "0", body: "00Ff", id: null }, { type: "message", side: "s", phase: "0", body: "00ff" }],
    [{ type: "message", side: "s", phase: "0", body: "0" }, { type: "message", side: "s", phase: "0", body: undefined }],
    [{ type: "message", side: "s", phase: "0" }, { type: "message", side: "s", phase: "0", body: undefined }],
    [{ type: "message", side: 1, phase: "0", body: "" }, { type: "other" }],
    [{ type: "message", side: "s", phase: null, body: "" }, { type: "other" }],
    [{ type: "message", side: "s".repeat(1001), phase: "0", body: "" }, { type: "other" }],
    [{ type: "message", body: "" }, { type: "other" }],
    [{ type: "error", error: "crowded", orig: { type: "claim" } }, { type: "error", error: "crowded", command: "claim" }],
    [{ type: "error", error: { a: 1 } }, { type: "error", error: '{"a":1}', command: undefined }],
    [{ type: "error" }, { type: "error", error: "an error that it does not name", command: undefined }],
    [{ type: "keyhole-notice", notice: "crowded" }, { type: "notice", notice: "crowded" }],
    [{ type: "keyhole-notice", notice: "silent-claim", at: 1 }, { type: "notice", notice: "silent-claim" }],
    [{ type: "keyhole-notice", notice: "new" }, { type: "other" }],
    [{ type: "ack", id: "x" }, { type: "other" }],
    [{ type: "constructor" }, { type: "other" }],
    [{ type: "" }, { type: "other" }],
  ] as const) {
    t.strictSame(parse(message), parsed, JSON.stringify(message).slice(0, 120));
  }
  t.end();
});

t.test("what no mailbox server says", (t) => {
  for (const text of ["", "x", "null", "[]", "5", '"x"', "{", "{}", '{"type":5}', '{"__proto__":{"type":"closed"}}', "[".repeat(1_000_000), `{"type":"ack","id":${"[".repeat(100)}${"]".repeat(100)}}`]) {
    t.equal(errorCode(() => parseServerMessage(text)), "WORMHOLE_SERVER_MESSAGE", text.slice(0, 40));
  }
  for (const message of [
    { type: "welcome" },
    { type: "welcome", welcome: [] },
    { type: "nameplates" },
    { type: "nameplates", nameplates: {} },
    { type: "allocated" },
    { type: "allocated", nameplate: 5 },
    { type: "allocated", nameplate: "" },
    { type: "allocated", nameplate: "5\u001b[2J" },
    { type: "allocated", nameplate: "1".repeat(41) },
    { type: "claimed" },
    { type: "claimed", mailbox: null },
    { type: "claimed", mailbox: "" },
    { type: "claimed", mailbox: "m".repeat(1001) },
  ]) {
    t.equal(errorCode(() => parse(message)), "WORMHOLE_SERVER_MESSAGE", JSON.stringify(message).slice(0, 80));
  }
  t.end();
});

t.test("any text is read or refused on purpose", (t) => {
  const types = fc.constantFrom("welcome", "nameplates", "allocated", "claimed", "message", "released", "closed", "pong", "error", "keyhole-notice", "ack");
  const names = ["welcome", "nameplates", "nameplate", "mailbox", "side", "phase", "body", "error", "orig", "notice", "motd", "permission-required", "hashcash", "bits", "resource", "none", "id"];
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, fc.constantFrom(null, true, 0, -1, 1e309, "", "00", "5"), fc.string(), fc.array(tie("any"), { maxLength: 3 }), fc.dictionary(fc.constantFrom(...names), tie("any"), { maxKeys: 4 })),
  })).any;
  const message = fc.tuple(types, fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 6 })).map(([type, fields]) => JSON.stringify({ ...fields, type }));
  fc.assert(
    fc.property(fc.oneof(message, fc.json(), fc.string()), (text) => {
      const code = errorCode(() => parseServerMessage(text));
      return code === undefined || code === "WORMHOLE_SERVER_MESSAGE";
    }),
    { numRuns: 1000 },
  );
  t.end();
});

t.test("what a client says", (t) => {
  t.equal(encodeClientMessage({ type: "claim", nameplate: "7" }), '{"type":"claim","nameplate":"7"}');
  t.equal(encodeClientMessage({ type: "bind", appid: "a", side: "s", client_version: ["keyhole", "1"] }), '{"type":"bind","appid":"a","side":"s","client_version":["keyhole","1"]}');
  t.end();
});
