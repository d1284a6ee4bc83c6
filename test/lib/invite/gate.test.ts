import t from "tap";
import { Gate } from "../../../src/lib/invite/gate.ts";

t.test("so many at a time, in order", async (t) => {
  const gate = new Gate(2);
  const entered: number[] = [];
  const leave: (() => void)[] = [];
  const come = async (who: number): Promise<void> => {
    leave[who] = await gate.enter();
    entered.push(who);
  };
  const all = [0, 1, 2, 3, 4].map(come);
  await Promise.all(all.slice(0, 2));
  t.same(entered, [0, 1]);
  leave[1]!();
  leave[1]!();
  await all[2];
  t.same(entered, [0, 1, 2], "leaving twice lets in one");
  leave[0]!();
  leave[2]!();
  await Promise.all(all);
  t.same(entered, [0, 1, 2, 3, 4]);
  leave[3]!();
  leave[4]!();
  await come(5);
  t.equal(entered.at(-1), 5);
});
