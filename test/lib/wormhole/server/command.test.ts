import fc from "fast-check";
import t from "tap";
import { MAX_NAME_LENGTH, parseFrame, type Command } from "../../../../src/lib/wormhole/server/command.ts";

function command(value: unknown): Command {
  return parseFrame(JSON.stringify(value)).command;
}

t.test("commands", (t) => {
  const cases: readonly (readonly [object, Command])[] = [
    [{ type: "ping", ping: 3 }, { type: "ping", ping: 3 }],
    [{ type: "ping", ping: null }, { type: "ping", ping: null }],
    [{ type: "bind", appid: "a", side: "s" }, { type: "bind", appid: "a", side: "s", watch: false }],
    [{ type: "bind", appid: "", side: "", client_version: 7 }, { type: "bind", appid: "", side: "", watch: false }],
    [{ type: "bind", appid: "a", side: "s", keyhole: { watch: true } }, { type: "bind", appid: "a", side: "s", watch: true }],
    [{ type: "bind", appid: "a", side: "s", keyhole: { watch: "yes" } }, { type: "bind", appid: "a", side: "s", watch: false }],
    [{ type: "bind", appid: "a", side: "s", keyhole: [] }, { type: "bind", appid: "a", side: "s", watch: false }],
    [{ type: "list", more: "than asked" }, { type: "list" }],
    [{ type: "allocate" }, { type: "allocate" }],
    [{ type: "claim", nameplate: "007" }, { type: "claim", nameplate: "007" }],
    [{ type: "claim", nameplate: "1".repeat(40) }, { type: "claim", nameplate: "1".repeat(40) }],
    [{ type: "release" }, { type: "release", nameplate: undefined }],
    [{ type: "release", nameplate: "x" }, { type: "release", nameplate: "x" }],
    [{ type: "open", mailbox: "__proto__" }, { type: "open", mailbox: "__proto__" }],
    [{ type: "add", phase: "pake", body: "7b7d" }, { type: "add", phase: "pake", body: "7b7d", id: undefined }],
    [{ type: "add", phase: "0", body: "", id: "zz" }, { type: "add", phase: "0", body: "", id: '"zz"' }],
    [{ type: "add", phase: "0", body: "not hex", id: [1, { "\0": "\ud800" }] }, { type: "add", phase: "0", body: "not hex", id: '[1,{"\\u0000":"\\ud800"}]' }],
    [{ type: "close" }, { type: "close", mailbox: undefined, mood: undefined }],
    [{ type: "close", mailbox: "m", mood: "happy" }, { type: "close", mailbox: "m", mood: "happy" }],
    [{ type: "close", mood: 7 }, { type: "close", mailbox: undefined, mood: undefined }],
    [{ type: "bogus" }, { type: "unknown" }],
    [{ type: 7 }, { type: "unknown" }],
    [{ type: null }, { type: "unknown" }],
    [{ type: ["ping"] }, { type: "unknown" }],
    [{ type: "leave" }, { type: "unknown" }],
    [{ type: "invalid" }, { type: "unknown" }],
    [{ type: "submit-permissions", method: "none" }, { type: "unknown" }],
  ];
  for (const [message, expected] of cases) t.same(command(message), expected, JSON.stringify(message));
  t.end();
});

t.test("fields that are missing or wrong", (t) => {
  const tooLong = "x".repeat(MAX_NAME_LENGTH + 1);
  const cases: readonly (readonly [object, string])[] = [
    [{ type: "ping" }, "ping requires 'ping'"],
    [{ type: "bind", side: "s" }, "bind requires 'appid'"],
    [{ type: "bind", appid: "a" }, "bind requires 'side'"],
    [{ type: "bind", appid: 7, side: "s" }, "appid must be a string of at most 256 characters"],
    [{ type: "bind", appid: tooLong, side: "s" }, "appid must be a string of at most 256 characters"],
    [{ type: "bind", appid: "a", side: null }, "side must be a string of at most 256 characters"],
    [{ type: "bind", appid: "a", side: "a\0b" }, "side must be a string of at most 256 characters"],
    [{ type: "bind", appid: "\ud800", side: "s" }, "appid must be a string of at most 256 characters"],
    [{ type: "claim" }, "claim requires 'nameplate'"],
    ...[7, null, "", "abc", "-1", "1 ", "1\n", "٣", "1".repeat(41), ["1"]].map((nameplate) => [{ type: "claim", nameplate }, "nameplate must be 1 to 40 digits"] as const),
    [{ type: "release", nameplate: 7 }, "nameplate must be a string"],
    [{ type: "release", nameplate: null }, "nameplate must be a string"],
    [{ type: "open" }, "open requires 'mailbox'"],
    [{ type: "open", mailbox: {} }, "mailbox must be a string of at most 256 characters"],
    [{ type: "open", mailbox: tooLong }, "mailbox must be a string of at most 256 characters"],
    [{ type: "add", body: "00" }, "missing 'phase'"],
    [{ type: "add", phase: "0" }, "missing 'body'"],
    [{ type: "add", phase: 0, body: "00" }, "phase must be a string of at most 256 characters"],
    [{ type: "add", phase: "0", body: 0 }, "body must be a string of hex digits"],
    [{ type: "add", phase: "0", body: "\0" }, "body must be a string of hex digits"],
    [{ type: "add", phase: "0", body: "00", id: tooLong }, "id must be at most 256 characters"],
    [{ type: "close", mailbox: 7 }, "mailbox must be a string of at most 256 characters"],
  ];
  for (const [message, error] of cases) t.match(command(message), { type: "invalid", error }, JSON.stringify(message).slice(0, 100));
  t.end();
});

t.test("what is no command", (t) => {
  for (const text of ["", "x", "{", '{"type":"ping"', "{}}", "undefined", "'", `${"[".repeat(100_000)}${"]".repeat(100_000)}`]) {
    t.match(parseFrame(text), { command: { type: "malformed", error: "not JSON, or nested too deeply" }, ack: undefined, orig: text.slice(0, 1000) }, text.slice(0, 30));
  }
  for (const value of [null, true, 7, "x", [], [{ type: "ping" }]]) {
    t.same(parseFrame(JSON.stringify(value)), { command: { type: "malformed", error: "not a JSON object" }, ack: undefined, orig: value }, JSON.stringify(value));
  }
  for (const text of ["{}", '{"x":1}', '{"__proto__":{"type":"ping","ping":1}}']) {
    const frame = parseFrame(text);
    t.same(frame.command, { type: "malformed", error: "missing 'type'" }, text);
    t.equal(frame.ack, undefined);
    t.equal(JSON.stringify(frame.orig), text);
  }
  t.end();
});

t.test("every command is acknowledged, with its id", (t) => {
  t.equal(parseFrame('{"type":"list"}').ack, null);
  t.equal(parseFrame('{"type":"bogus","id":"b1"}').ack, "b1");
  t.same(parseFrame('{"type":"add","id":[1]}').ack, [1]);
  t.end();
});

t.test("what comes back with an error", (t) => {
  t.same(parseFrame('{"type":"bogus","a":[1,2]}').orig, { type: "bogus", a: [1, 2] });
  t.equal(parseFrame(JSON.stringify({ type: "bogus", a: "x".repeat(100_000) })).orig, null, "not so much");
  t.equal(parseFrame(`{"type":"ping","ping":1e999}`).command.type, "ping");
  t.end();
});

t.test("no frame makes it throw, and what it takes can be stored", (t) => {
  const value = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.record({ type: fc.constantFrom("ping", "bind", "list", "allocate", "claim", "release", "open", "add", "close", "x"), id: fc.jsonValue(), ping: fc.jsonValue(), appid: fc.jsonValue(), side: fc.jsonValue(), nameplate: fc.jsonValue(), mailbox: fc.jsonValue(), phase: fc.jsonValue(), body: fc.jsonValue(), mood: fc.jsonValue() }, { requiredKeys: ["type"] }).map((message) => JSON.stringify(message)),
    fc.record({ type: fc.constantFrom("bind", "open", "add", "close"), appid: fc.string({ unit: "binary" }), side: fc.string({ unit: "binary" }), mailbox: fc.string({ unit: "binary" }), phase: fc.string({ unit: "binary" }), body: fc.string({ unit: "binary" }), mood: fc.string({ unit: "binary" }) }).map((message) => JSON.stringify(message)),
  );
  fc.assert(
    fc.property(value, (text) => {
      const { command, orig } = parseFrame(text);
      JSON.stringify(orig);
      if (command.type === "invalid" || command.type === "malformed" || command.type === "ping") return true;
      return Object.values(command).every((field) => typeof field !== "string" || (!field.includes("\0") && Buffer.from(field).toString() === field));
    }),
    { numRuns: 500 },
  );
  t.end();
});
