import t from "tap";
import * as v from "valibot";
import { jsonObject, parseJson } from "../../src/lib/json.ts";

const Schema = jsonObject({ name: v.string(), list: v.exactOptional(v.array(jsonObject({ n: v.number() }))) });

t.test("what fits the shape is returned", (t) => {
  t.same(parseJson(Schema, '{"name":"a","list":[{"n":1}]}'), { name: "a", list: [{ n: 1 }] });
  t.end();
});

t.test("what does not fit is refused, and the error says where", (t) => {
  const cases = [
    ["", /^is not JSON$/],
    ["{", /^is not JSON$/],
    ['{"name":"a"} x', /^is not JSON$/],
    ["null", /null/],
    ["[]", /./],
    ["{}", /lacks the field "name"/],
    ['{"name":1}', /field "name" is 1, expected string/],
    ['{"name":"a","nmae":"b"}', /unknown field "nmae"/],
    ['{"name":"a","list":[{"n":1},{"n":"2"}]}', /"list\.1\.n"/],
    ['{"name":"a","list":[{"n":1,"m":2}]}', /unknown field "list\.0\.m"/],
  ] as const;
  for (const [text, message] of cases) t.throws(() => parseJson(Schema, text), { code: "JSON", message }, text);
  t.end();
});

t.test("a list is not an object without fields", (t) => {
  const Settings = jsonObject({ policy: v.exactOptional(v.string()) });
  t.same(parseJson(Settings, "{}"), {});
  t.throws(() => parseJson(Settings, "[]"), { code: "JSON" });
  t.throws(() => parseJson(Schema, '{"name":"a","list":[[]]}'), { code: "JSON" });
  t.end();
});
