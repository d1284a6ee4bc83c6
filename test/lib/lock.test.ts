import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import builtinFs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { withLock } from "../../src/lib/lock.ts";
import { listing, temporaryDirectory } from "../support/keyhole.ts";
import { startAtOnce, startModule } from "./processes.ts";

/** A process that has ended, and whose number no other has yet. */
function deadPid(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}

/** Where process numbers of this test count, as a lock says it. */
const here = (() => {
  const directory = fs.mkdtempSync(join(tmpdir(), "keyhole-test-"));
  const path = join(directory, "f");
  const [space = ""] = withLock(path, () => fs.readFileSync(`${path}.lock`, "utf8")).split(":");
  fs.rmdirSync(directory);
  return space;
})();

const owner = (space: string, pid: number): string => `${space}:${pid}:0011223344556677`;

t.test("the lock lasts as long as the work, and its result is returned", (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, "f");
  const during = withLock(path, () => listing(directory));
  t.same(during, ["f.lock"], "one file beside the locked one, which need not exist");
  t.same(listing(directory), []);
  t.throws(
    () =>
      withLock(path, () => {
        throw new RangeError("of the work");
      }),
    { message: "of the work" },
  );
  t.same(listing(directory), [], "also where the work fails");
  t.end();
});

t.test("where there can be no lock, nothing is done", (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(join(directory, "file"), "");
  for (const path of [join(directory, "missing", "f"), join(directory, "file", "f"), join(directory, "n".repeat(250))]) {
    t.throws(() => withLock(path, () => t.fail("it ran")), { code: "FILE_WRITE", kind: "outside" });
  }
  t.same(listing(directory), ["file"]);
  t.end();
});

t.test("a lock whose owner has died is no lock", (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(join(directory, "f.lock"), owner(here, deadPid()));
  t.equal(
    withLock(join(directory, "f"), () => 42),
    42,
  );
  t.same(listing(directory), []);
  t.end();
});

t.test("who comes too late to a dead owner's lock does not take away the next one", (t) => {
  const directory = temporaryDirectory(t);
  const lock = join(directory, "f.lock");
  fs.writeFileSync(lock, owner(here, deadPid()));

  // Between a look at the lock and the next step another process, which lives,
  // takes it, and lets it go some looks later.
  const { linkSync, openSync } = builtinFs;
  let looks = 0;
  let isReleased = false;
  const replace = (changes: Partial<typeof builtinFs>): void => {
    Object.assign(builtinFs, changes);
    syncBuiltinESMExports();
  };
  t.teardown(() => void replace({ linkSync, openSync }));
  replace({
    linkSync: (from, to) => {
      if (looks === 0) {
        fs.rmSync(lock);
        fs.writeFileSync(lock, owner(here, process.pid));
        looks = 1;
      }
      linkSync(from, to);
    },
    openSync: (path, flags, mode) => {
      if (path === lock && looks > 0 && ++looks === 4) {
        isReleased = fs.existsSync(lock);
        fs.rmSync(lock, { force: true });
      }
      return openSync(path, flags, mode);
    },
  });
  t.equal(
    withLock(join(directory, "f"), () => isReleased),
    true,
    "it waits until that process has done",
  );
  t.same(listing(directory), []);
  t.end();
});

/** Adds one to the number in `f`, in steps that others could come between. */
const ADD_ONE = 'const n = Number(fs.readFileSync("f", "utf8")); for (const end = performance.now() + Math.random(); performance.now() < end; ); fs.writeFileSync("f", String(n + 1));';

/** As often as a worker adds one. */
const ROUNDS = 30;

t.test("of many processes one at a time has the lock, though some of them die with it", async (t) => {
  const directory = temporaryDirectory(t);
  fs.writeFileSync(join(directory, "f"), "0");
  const work = `import fs from "node:fs"; const work = () => { ${ADD_ONE} };`;
  // After its turn a worker leaves the lock of somebody who has died, if it can.
  const leave = `try { fs.writeFileSync("f.lock", "${owner(here, deadPid())}" + process.pid + i, { flag: "wx" }); } catch {}`;
  const steady = `${work} for (let i = 0; i < ${ROUNDS}; i++) { lib.withLock("f", work); ${leave} }`;
  const dying = `${work} lib.withLock("f", () => process.kill(process.pid, "SIGKILL"));`;
  const results = await startAtOnce("lock.js", [steady, dying, steady, dying, steady], directory);
  t.same(
    results.map(({ status, signal }) => signal ?? status),
    [0, "SIGKILL", 0, "SIGKILL", 0],
  );
  t.equal(fs.readFileSync(join(directory, "f"), "utf8"), String(3 * ROUNDS));
  withLock(join(directory, "f"), () => 0);
  t.notOk(fs.existsSync(join(directory, "f.lock")), "and the last of those locks is none either");
});

for (const [name, contents] of [
  ["a living process", owner(here, process.pid)],
  ["another machine", owner(`${here}1`, deadPid())],
  ["somebody who left no name", ""],
  ["somebody who is not keyhole", `${owner(here, deadPid())}\n`],
] as const) {
  t.test(`the lock of ${name} is waited for`, async (t) => {
    const directory = temporaryDirectory(t);
    const lock = join(directory, "f.lock");
    fs.writeFileSync(lock, contents);
    const waiting = startModule("lock.js", `import fs from "node:fs"; fs.writeFileSync("begun", ""); lib.withLock("f", () => fs.writeFileSync("done", ""));`, directory);
    while (!fs.existsSync(join(directory, "begun"))) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 150));
    t.equal(fs.readFileSync(lock, "utf8"), contents, "it stays");
    t.notOk(fs.existsSync(join(directory, "done")));
    fs.rmSync(lock);
    t.equal((await waiting).status, 0);
    t.same(listing(directory), ["begun", "done"]);
  });
}
