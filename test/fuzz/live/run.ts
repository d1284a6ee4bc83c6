import { LIVE_TARGETS } from "./targets.ts";

// One live target in a process of its own; the driver is scripts/fuzz.mjs.
//
//   node --expose-gc run.mjs NAME SEED SHARE

const [name, seed, share] = process.argv.slice(2);
const target = LIVE_TARGETS.find((one) => one.name === name);
if (target === undefined) throw new RangeError(`no such target: ${name ?? ""}`);

const begin = performance.now();
let result: object;
try {
  result = await target.run({ seed: Number(seed), count: Math.ceil(target.count / Number(share)) });
} catch (error) {
  result = { count: 0, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
process.send?.({ ...result, seconds: (performance.now() - begin) / 1000 }, () => process.exit());
