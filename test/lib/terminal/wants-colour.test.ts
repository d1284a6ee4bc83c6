import t from "tap";
import { wantsColour } from "../../../src/lib/terminal/wants-colour.ts";

t.test("colour is for terminals, and NO_COLOR has the last word", (t) => {
  const cases = [
    [true, {}, true],
    [false, {}, false],
    [true, { TERM: "dumb" }, false],
    [true, { TERM: "xterm" }, true],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "0" }, false],
    [true, { NO_COLOR: "" }, true],
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "false" }, false],
    [false, { FORCE_COLOR: "3", TERM: "dumb" }, true],
    [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ] as const;
  for (const [isTerminal, env, expected] of cases) t.equal(wantsColour(isTerminal, env), expected, JSON.stringify([isTerminal, env]));
  t.end();
});
