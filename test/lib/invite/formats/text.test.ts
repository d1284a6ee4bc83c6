import { readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import { startDialog } from "../../../../src/lib/invite/formats/format.ts";
import { jsonFormat } from "../../../../src/lib/invite/formats/json.ts";
import { textFormat } from "../../../../src/lib/invite/formats/text.ts";
import { parseUtf8 } from "../../../../src/lib/text.ts";
import { message, playBoth, playIssuer, playReceiver, stored, verified, written } from "./play.ts";

interface Exchange {
  readonly appid: string;
  readonly messages: readonly { readonly side: string; readonly phase: string; readonly plaintext_utf8: string }[];
}

const exchange = JSON.parse(readFileSync("test/vectors/wormhole/full-exchange-text.json", "utf8")) as Exchange;
const [offer, answer] = exchange.messages.filter(({ phase }) => phase === "0").map(({ plaintext_utf8 }) => plaintext_utf8);

t.test("an exchange of magic-wormhole", (t) => {
  t.equal(textFormat.appid, exchange.appid);
  const issuer = playIssuer(textFormat, "hello", verified(), stored(0), message(answer));
  t.same(issuer.sent.map((text) => JSON.parse(text) as unknown), [JSON.parse(offer!)]);
  t.same(issuer.outcome, { type: "delivered" });

  const receiver = playReceiver(textFormat, "", verified(), message(offer), written, stored(0));
  t.same(receiver.sent.map((text) => JSON.parse(text) as unknown), [JSON.parse(answer!)]);
  t.same([receiver.payload, receiver.outcome], ["hello", { type: "accepted" }]);
  t.end();
});

t.test("nothing is sent before the other side is verified, and no acknowledgement before the payload is written", (t) => {
  t.same(playIssuer(textFormat, "hello").sent, []);
  t.same(playReceiver(textFormat, "", verified(), message(offer)).sent, []);
  t.end();
});

t.test("any text comes over as it is", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const { issuer, receiver, payload } = playBoth(textFormat, text);
      return issuer?.type === "delivered" && receiver?.type === "accepted" && payload === text;
    }),
  );
  fc.assert(fc.property(fc.json(), (text) => playBoth(jsonFormat, ` ${text}\n`).payload === ` ${text}\n`));
  t.end();
});

t.test("what the sender is answered", (t) => {
  const refused = (reason: string): object => ({ type: "refused", reason });
  for (const [value, outcome] of [
    [{ error: "no, thanks" }, refused("no, thanks")],
    [{ error: "" }, refused("no reason given")],
    [{ error: { code: 3 } }, refused('{"code":3}')],
    [{ error: "x".repeat(10_000) }, refused("x".repeat(500))],
    [{ answer: { message_ack: "ok" }, extra: [1] }, { type: "delivered" }],
    [{ answer: { message_ack: "ok" }, error: "after all not" }, refused("after all not")],
    [{ answer: { message_ack: "no" } }, refused("the answer is not an acknowledgement")],
    [{ answer: {} }, refused("the answer is not an acknowledgement")],
    [{ answer: null }, refused("the answer is not an acknowledgement")],
    [{ answer: { file_ack: "ok" } }, refused("the answer is not an acknowledgement")],
    [{ offer: { message: "mine" } }, refused("the receiver sends too")],
    [{ unknown: 1 }, undefined],
    [{ transit: { "abilities-v1": [] } }, undefined],
    ["", refused("the answer is not a JSON object")],
    ["null", refused("the answer is not a JSON object")],
    ["[]", refused("the answer is not a JSON object")],
    ['{"answer":', refused("the answer is not a JSON object")],
  ] as const) {
    t.same(playIssuer(textFormat, "hello", verified(), message(value)).outcome, outcome, JSON.stringify(value).slice(0, 60));
  }
  t.same(playIssuer(textFormat, "hello", verified(), { type: "message", plaintext: Uint8Array.of(0xff) }).outcome, refused("the answer is not a JSON object"), "bytes that are no text");
  t.end();
});

t.test("what the receiver is offered", (t) => {
  const unusable = (reason: string): object => ({ sent: [JSON.stringify({ error: reason })], payload: undefined, outcome: { type: "unusable", reason } });
  for (const [value, played] of [
    [{ error: "changed my mind" }, { sent: [], payload: undefined, outcome: { type: "refused", reason: "changed my mind" } }],
    [{ offer: { file: { filename: "a", filesize: 1 } } }, unusable("a file is offered, and this side takes text only")],
    [{ offer: { directory: {} } }, unusable("a directory is offered, and this side takes text only")],
    [{ offer: {} }, unusable("something unknown is offered, and this side takes text only")],
    [{ offer: null }, unusable("something unknown is offered, and this side takes text only")],
    [{ offer: { message: 7 } }, unusable("something unknown is offered, and this side takes text only")],
    ['{"offer":{"message":"\\ud800"}}', unusable("the payload holds half a surrogate pair, which no text can")],
    ["nonsense", unusable("the message is not a JSON object")],
    [{ transit: {} }, { sent: [], payload: undefined, outcome: undefined }],
    [{ transit: {}, offer: { message: "m" } }, { sent: [], payload: "m", outcome: undefined }],
    [{ offer: { message: "" } }, { sent: [], payload: "", outcome: undefined }],
  ] as const) {
    t.same(playReceiver(textFormat, "", verified(), message(value)), played, JSON.stringify(value));
  }
  t.equal(playReceiver(textFormat, "", verified(), message({ offer: { message: "first" } }), message({ offer: { message: "second" } })).payload, "first");
  t.end();
});

t.test("json", (t) => {
  t.throws(() => jsonFormat.encodeOffer("\ufeff{}"), { code: "INVITE_PAYLOAD", kind: "input", message: "the payload begins with a byte order mark, which JSON has not" });
  for (const text of ["{}", ' {"a": [1, "\\u0000"]}\n', "null", '"text"', "0"]) t.equal(playReceiver(jsonFormat, "", verified(), message({ offer: { message: text } })).payload, text);
  for (const text of ["", "hello", "{", "{}{}", "{'a': 1}", "NaN"]) {
    t.throws(() => jsonFormat.encodeOffer(text), { code: "INVITE_PAYLOAD", kind: "input", message: "the payload is not JSON" });
    t.same(playReceiver(jsonFormat, "", verified(), message({ offer: { message: text } })), {
      sent: ['{"error":"the payload is not JSON"}'],
      payload: undefined,
      outcome: { type: "unusable", reason: "the payload is not JSON" },
    });
  }
  t.end();
});

t.test("refusals", (t) => {
  for (const encode of [textFormat.encodeIssuerRefusal, textFormat.encodeReceiverRefusal]) t.equal(parseUtf8(encode("why"), "message"), '{"error":"why"}');
  t.same(startDialog("secret"), { stage: "start", payload: "secret" });
  t.end();
});
