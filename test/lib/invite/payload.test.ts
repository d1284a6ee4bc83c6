import t from "tap";
import { FORMATS } from "../../../src/lib/invite/formats/formats.ts";
import { checkPayload, MAX_LARGE_LENGTH, MAX_PLAINTEXT_LENGTH, parsePayloadLine } from "../../../src/lib/invite/payload.ts";

const ENVELOPE = '{"offer":{"message":""}}'.length;

t.test("length of the message, not of the payload", (t) => {
  const fits = "x".repeat(MAX_PLAINTEXT_LENGTH - ENVELOPE);
  checkPayload(FORMATS.text, fits, false);
  t.throws(() => void checkPayload(FORMATS.text, `${fits}x`, false), { code: "INVITE_TOO_LARGE", kind: "input", message: /16001 bytes, expected at most 16000/ });
  t.throws(() => void checkPayload(FORMATS.text, '"'.repeat(8000), false), { code: "INVITE_TOO_LARGE" }, "quotes take two bytes each");
  t.throws(() => void checkPayload(FORMATS.text, "ä".repeat(8000), false), { code: "INVITE_TOO_LARGE" }, "and so does ä");
  checkPayload(FORMATS.text, `${fits}x`, true);
  t.throws(() => void checkPayload(FORMATS.text, "x".repeat(MAX_LARGE_LENGTH), true), { code: "INVITE_TOO_LARGE", kind: "input", message: /expected at most 4000000/ });
  t.end();
});

t.test("a payload of the wrong format", (t) => {
  t.throws(() => void checkPayload(FORMATS.json, "secret", false), { code: "INVITE_PAYLOAD", kind: "input", message: /^(?!.*secret)/ });
  t.end();
});

t.test("lines", (t) => {
  t.equal(parsePayloadLine("json", ' {"a": 1}'), ' {"a": 1}');
  t.equal(parsePayloadLine("text", '"two\\nlines"'), "two\nlines");
  t.throws(() => parsePayloadLine("json", "{"), { code: "INVITE_PAYLOAD", message: "the payload is not JSON", hint: /^each line is one JSON document; / });
  for (const line of ["", "two lines", "{}", "7"]) t.throws(() => parsePayloadLine("text", line), { code: "INVITE_PAYLOAD", kind: "input" });
  t.end();
});
