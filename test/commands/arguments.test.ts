import t from "tap";
import { parseWords } from "../../src/commands/command-line.ts";
import { COMMANDS, optionsOf } from "../../src/commands/table.ts";
import { protocol } from "../support/glome-vectors.ts";
import { commandNamed } from "./words.ts";

const login = commandNamed("login");
const tag = commandNamed("tag");
const verify = commandNamed("verify");

t.test("numbers are plain decimal, as no two tools read others alike", (t) => {
  const counter = (text: string): number => parseWords(tag, ["--counter", text], {}).number("counter", 0, 255);
  for (const { argument } of protocol.counter_argument_cases) {
    if (/^(0|[1-9][0-9]*)$/.test(argument) && Number(argument) < 256) t.equal(counter(argument), Number(argument), argument);
    else t.throws(() => counter(argument), { code: "USAGE_NUMBER", message: /^--counter is .*, expected a decimal number from 0 to 255$/ }, JSON.stringify(argument));
  }
  for (const text of ["-0", "00", "1e2", "1.0", " 1", "1\n", "１", "0b1", "0o7", "1_0", "NaN", "Infinity", "99999999999999999999"]) t.throws(() => counter(text), { code: "USAGE_NUMBER" }, JSON.stringify(text));
  t.equal(parseWords(verify, ["--min-tag-length", "44"], {}).number("min-tag-length", 2, 44), 44);
  for (const text of ["1", "45"]) t.throws(() => parseWords(verify, ["--min-tag-length", text], {}).number("min-tag-length", 2, 44), { code: "USAGE_NUMBER", message: /from 2 to 44/ });
  t.end();
});

t.test("the command line comes first, then the environment, then the default", (t) => {
  const env = { KEYHOLE_KEYRING: "from-env", KEYHOLE_POLICY: "" };
  const args = parseWords(login, [], env);
  t.equal(args.optional("keyring"), "from-env");
  t.equal(args.optional("policy"), undefined, "an empty variable is none");
  t.equal(args.optional("length"), "44", "the default");
  t.equal(args.optional("audit"), undefined);
  t.equal(args.isGiven("keyring"), false);
  t.equal(parseWords(login, ["--keyring", "k"], env).optional("keyring"), "k");
  t.equal(parseWords(login, ["--keyring="], env).optional("keyring"), "", "an empty value is given");
  t.equal(parseWords(login, ["--length", "10"], { KEYHOLE_LENGTH: "20" }).optional("length"), "10");
  t.equal(parseWords(login, [], { KEYHOLE_LENGTH: "20" }).optional("length"), "44", "no variable that the table does not name");
  t.end();
});

t.test("of an option given several times the last counts, or all", (t) => {
  const args = parseWords(login, ["-k", "a", "--length=10", "--key", "b", "--length", "20", "--json", "--json"], {});
  t.equal(args.optional("length"), "20");
  t.same(args.all("key"), ["a", "b"]);
  t.same(args.all("keyring"), []);
  t.equal(args.flag("json"), true);
  t.equal(args.flag("batch"), false);
  t.end();
});

t.test("what must be given", (t) => {
  const args = parseWords(verify, [], {});
  t.throws(() => args.required("key"), { code: "USAGE_MISSING", message: "verify needs --key FILE", hint: "see keyhole verify --help" });
  t.throws(() => args.required("tag"), { code: "USAGE_MISSING", message: "verify needs --tag TAG" });
  t.equal(args.required("counter"), "0");
  t.throws(() => args.flag("batch"), RangeError, "an option that the command does not have is a mistake of ours");
  t.end();
});

t.test("the table is sound", (t) => {
  t.equal(new Set(COMMANDS.map(({ name }) => name)).size, COMMANDS.length);
  const variables = new Map<string, string>();
  for (const command of COMMANDS) {
    for (const { name, env, choices, default: byDefault, value, many } of optionsOf(command)) {
      if (env !== undefined) {
        t.match(env, /^KEYHOLE_[A-Z_]+$/);
        t.equal(variables.get(env) ?? name, name, `${env} stands for one option`);
        variables.set(env, name);
      }
      t.ok(value !== undefined || (choices ?? byDefault ?? env ?? many) === undefined, `${command.name} --${name}: a flag has none of these`);
      t.ok(choices === undefined || byDefault === undefined || choices.includes(byDefault), `${command.name} --${name}: its default is a choice`);
    }
    const optional = command.positionals.map((positional) => positional.optional === true);
    t.same(optional, optional.toSorted((a, b) => Number(a) - Number(b)), `${command.name}: what may be left out comes last`);
    t.ok(command.examples.length > 0, `${command.name}: has an example`);
    t.ok(command.examples.every((example) => example.includes(`keyhole ${command.name}`)));
  }
  t.end();
});
