import t from "tap";
import { Journal } from "../../../src/lib/wormhole/journal.ts";
import type { WormholeState } from "../../../src/lib/wormhole/state.ts";
import { issuerState } from "./driver.ts";

const BASE = issuerState();

function state(nextSend: number): WormholeState {
  return { ...BASE, nextSend };
}

t.test("without a place to write to, everything is let out at once", (t) => {
  let count = 0;
  new Journal(undefined, () => undefined).write(state(1), () => count++);
  t.equal(count, 1);
  t.end();
});

t.test("nothing is let out before it is written, and in order", async (t) => {
  const log: string[] = [];
  const save = async ({ nextSend }: WormholeState): Promise<void> => {
    log.push(`begin ${nextSend}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
    log.push(`end ${nextSend}`);
  };
  const journal = new Journal(save, () => undefined);
  for (const n of [1, 2, 3]) journal.write(state(n), () => log.push(`out ${n}`));
  await journal.settle();
  t.same(log, ["begin 1", "end 1", "out 1", "begin 3", "end 3", "out 2", "out 3"], "the last stands for those that gathered");
  journal.write({ ...state(3), connection: { ...BASE.connection, stage: "bound" } }, () => log.push("out 4"));
  t.equal(log.at(-1), "out 4", "what was said over a connection is not written");
  journal.write(state(5), () => log.push("out 5"));
  await journal.settle();
  t.same(log.slice(-3), ["begin 5", "end 5", "out 5"]);
});

t.test("what is let out may lead to more", async (t) => {
  const log: number[] = [];
  const journal = new Journal(
    () => Promise.resolve(),
    () => undefined,
  );
  journal.write(state(1), () => journal.write(state(2), () => log.push(2)));
  await journal.settle();
  t.same(log, [2]);
});

t.test("where writing fails, nothing is let out any more", async (t) => {
  const failures: unknown[] = [];
  const log: number[] = [];
  const journal = new Journal(
    () => Promise.reject(new Error("full")),
    (error) => failures.push(error),
  );
  journal.write(state(1), () => log.push(1));
  await journal.settle();
  t.match(failures, [{ message: "full" }]);
  t.same(log, []);
});
