import fc from "fast-check";
import t from "tap";
import { editDistance } from "../../src/lib/edit-distance.ts";

t.test("distances", (t) => {
  const cases = [
    ["", "", 0],
    ["abc", "abc", 0],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
    ["flaw", "lawn", 2],
    ["ab", "ba", 2],
  ] as const;
  for (const [a, b, distance] of cases) t.equal(editDistance(a, b), distance, `${a} ${b}`);
  t.end();
});

t.test("is a metric", (t) => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      const distance = editDistance(a, b);
      return (distance === 0) === (a === b) && distance === editDistance(b, a) && distance <= editDistance(a, c) + editDistance(c, b) && distance >= Math.abs(a.length - b.length);
    }),
  );
  t.end();
});
