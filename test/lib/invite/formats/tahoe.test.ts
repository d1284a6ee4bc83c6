import { readFileSync } from "node:fs";
import t from "tap";
import { tahoeFormat } from "../../../../src/lib/invite/formats/tahoe.ts";
import { message, playBoth, playIssuer, playReceiver, stored, verified, written } from "./play.ts";

interface Exchange {
  readonly appid: string;
  readonly messages: readonly { readonly side: string; readonly phase: string; readonly plaintext_utf8: string }[];
}

const exchange = JSON.parse(readFileSync("test/vectors/wormhole/full-exchange-tahoe-invite.json", "utf8")) as Exchange;
const [server = "", client = "", configuration = ""] = exchange.messages.filter(({ phase }) => /^\d/.test(phase)).map(({ plaintext_utf8 }) => plaintext_utf8);

t.test("an exchange of Tahoe-LAFS", (t) => {
  t.equal(tahoeFormat.appid, exchange.appid);
  const issuer = playIssuer(tahoeFormat, configuration, verified(), stored(0), message(client), stored(1));
  t.same(issuer.sent.map((text) => JSON.parse(text) as unknown), [JSON.parse(server), JSON.parse(configuration)]);
  t.same(issuer.outcome, { type: "handed-over" });

  const receiver = playReceiver(tahoeFormat, "", verified(), message(server), stored(0), message(configuration), written);
  t.same(receiver.sent.map((text) => JSON.parse(text) as unknown), [JSON.parse(client)]);
  t.same([receiver.payload, receiver.outcome], [configuration, { type: "accepted" }], "as it came, byte for byte");

  t.same(playBoth(tahoeFormat, configuration), { issuer: { type: "handed-over" }, receiver: { type: "accepted" }, payload: configuration });
  t.end();
});

t.test("the configuration goes to a client alone, and is handed over when the server has it", (t) => {
  t.equal(playIssuer(tahoeFormat, configuration, verified(), stored(0)).sent.length, 1);
  t.equal(playIssuer(tahoeFormat, configuration, verified(), stored(0), message(client)).outcome, undefined);
  for (const [value, reason] of [
    [{}, "the other side lacks the ability client-v1"],
    [{ abilities: [] }, "the other side lacks the ability client-v1"],
    [{ abilities: { "server-v1": {} } }, "the other side lacks the ability client-v1"],
    [{ error: "no" }, "no"],
    ["nonsense", "the introduction is not a JSON object"],
  ] as const) {
    const { sent, outcome } = playIssuer(tahoeFormat, configuration, verified(), message(value));
    t.same([sent.length, outcome], [1, { type: "refused", reason }], JSON.stringify(value));
  }
  t.end();
});

t.test("what the receiver gets", (t) => {
  for (const [values, outcome] of [
    [[{ abilities: { "client-v1": {} } }], { type: "unusable", reason: "the other side lacks the ability server-v1" }],
    [["[]"], { type: "unusable", reason: "the introduction is not a JSON object" }],
    [[{ error: "no" }], { type: "refused", reason: "no" }],
    [[server, "[]"], { type: "unusable", reason: "the configuration is not a JSON object" }],
    [[server, "{"], { type: "unusable", reason: "the configuration is not a JSON object" }],
  ] as const) {
    const { payload, outcome: found } = playReceiver(tahoeFormat, "", verified(), ...values.map(message));
    t.same([payload, found], [undefined, outcome], JSON.stringify(values));
  }
  t.equal(playReceiver(tahoeFormat, "", verified(), message(server), message({ more: 1 })).payload, '{"more":1}', "fields that are not known here");
  t.end();
});

t.test("what can be issued", (t) => {
  const good = { "shares-needed": "3", "shares-happy": 7, "shares-total": "10" };
  tahoeFormat.encodeOffer(JSON.stringify(good));
  for (const [payload, message] of [
    ["{", "the payload is not JSON"],
    ["[]", "the payload is not an object"],
    [JSON.stringify({ ...good, "shares-needed": null }), "the payload lacks shares-needed"],
    [JSON.stringify({ ...good, "shares-total": undefined }), "the payload lacks shares-total"],
    [JSON.stringify({ ...good, "shares-happy": 1.5 }), "the payload lacks shares-happy"],
    [JSON.stringify({ ...good, introducer: 1 }), "the payload has a value for introducer that is not text"],
    [JSON.stringify({ ...good, nickname: [] }), "the payload has a value for nickname that is not text"],
  ] as const) {
    t.throws(() => tahoeFormat.encodeOffer(payload), { code: "INVITE_PAYLOAD", kind: "input", message });
  }
  t.end();
});
