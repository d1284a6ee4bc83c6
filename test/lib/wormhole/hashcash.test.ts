import { createHash } from "node:crypto";
import t from "tap";
import { mintHashcash, verifyHashcash } from "../../../src/lib/wormhole/hashcash.ts";
import { errorCodeOf } from "../errors.ts";

const DATE = new Date("2026-03-04T23:59:59Z");
const zeros = (length: number): Uint8Array => new Uint8Array(length);

t.test("a stamp", async (t) => {
  const stamp = await mintHashcash(10, "mailbox", DATE, { random: zeros });
  t.match(stamp, /^1:10:260304:mailbox::AAAAAAAAAAAAAAAAAAAAAA==:[0-9a-f]+$/);
  t.match(createHash("sha1").update(stamp).digest("hex"), /^00[0-3]/);
  t.equal(await mintHashcash(10, "mailbox", DATE, { random: zeros }), stamp, "depends on nothing else");
  t.not(await mintHashcash(10, "mailbox", DATE), stamp, "but chance");
});

t.test("of every number of bits", async (t) => {
  for (let bits = 0; bits <= 12; bits++) {
    const stamp = await mintHashcash(bits, "mailbox", DATE);
    t.ok(verifyHashcash(stamp, bits), `${bits} bits`);
    t.equal(stamp.split(":").length, 7);
  }
});

t.test("no more bits than there are", (t) => {
  for (const stamp of ["a", "b", "1:20:1303030600:adam@cypherspace.org::McMybZIhxKXu57jd:ckvi"]) {
    const digest = createHash("sha1").update(stamp).digest("hex");
    const bits = Array.from(digest, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("").indexOf("1");
    t.ok(verifyHashcash(stamp, bits), stamp);
    t.notOk(verifyHashcash(stamp, bits + 1), stamp);
  }
  t.ok(verifyHashcash("1:20:1303030600:adam@cypherspace.org::McMybZIhxKXu57jd:ckvi", 20), "the example of its inventor");
  t.end();
});

t.test("what is too much", async (t) => {
  for (const bits of [25, 160, 1e9, -1, 1.5, Number.NaN, Infinity]) t.equal(await errorCodeOf(mintHashcash(bits, "mailbox", DATE)), "WORMHOLE_HASHCASH", `${bits} bits`);
  t.equal(await errorCodeOf(mintHashcash(1, "x".repeat(1001), DATE)), "WORMHOLE_HASHCASH");
  await t.rejects(mintHashcash(25, "mailbox", DATE), { kind: "outside", message: "server demands a stamp of 25 bits, expected 0 to 24" });
});

t.test("the work can be ended, and lets others have their turn", async (t) => {
  const controller = new AbortController();
  const reason = new Error("enough");
  setImmediate(() => controller.abort(reason));
  t.equal(await mintHashcash(24, "mailbox", DATE, { signal: controller.signal }).catch((error: unknown) => error), reason);
});
