import t from "tap";
import { keyhole } from "../support/keyhole.ts";
import { checkFields, type Fields } from "./documented-fields.ts";

// The same as fields.test.ts, for codes of invites.

const OUTPUT = "OUTPUT FORMAT";

function runJson(...words: readonly string[]): Fields {
  return JSON.parse(keyhole(["invite", ...words, "--json"]).stdout) as Fields;
}

t.test("invite code check", (t) => {
  const page = "keyhole-invite-code.1";
  const wrong = runJson("code", "check", "7-gitarist-revenge");
  checkFields(t, [wrong], page, OUTPUT);
  checkFields(t, wrong.unknown as Fields[], page, OUTPUT, 1);
  t.end();
});

t.test("invite words", (t) => {
  checkFields(t, [runJson("words")], "keyhole-invite-words.1", OUTPUT);
  t.end();
});
