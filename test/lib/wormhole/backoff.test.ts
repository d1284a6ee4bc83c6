import fc from "fast-check";
import t from "tap";
import { backoffMs } from "../../../src/lib/wormhole/backoff.ts";

t.test("grows by half each time, up to a minute", (t) => {
  t.equal(backoffMs(0, 1), 1000);
  t.equal(backoffMs(2, 1), 2250);
  t.equal(backoffMs(10, 1), 57_665.0390625);
  t.equal(backoffMs(11, 1), 60_000);
  t.equal(backoffMs(100_000, 1), 60_000);
  t.equal(backoffMs(0, 0), 500);
  t.end();
});

t.test("never less than half of it, never more than a minute", (t) => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => backoffMs(failures, random) >= 500 && backoffMs(failures, random) <= 60_000));
  t.end();
});
