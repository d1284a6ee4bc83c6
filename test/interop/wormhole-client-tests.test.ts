import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import t from "tap";
import * as v from "valibot";
import { temporaryDirectory } from "../support/keyhole.ts";
import { installed } from "./support/installed.ts";
import { Mailbox } from "./support/mailboxes.ts";
import { Program } from "./support/program.ts";

// magic-wormhole's own tests of its client, pointed at Keyhole's mailbox
// server. Which of them are left out, and why, says wormhole_client_tests.py.

const MODULES = ["wormhole.test.test_wormhole", "wormhole.test.test_cli", "wormhole.test.dilate.test_api", "wormhole.test.dilate.test_full"];

const Result = v.object({ test: v.string(), outcome: v.string(), reason: v.string() });

const { url } = await Mailbox.start(t, "keyhole");
const directory = temporaryDirectory(t);
const results = join(directory, "results");
const python = installed("wormhole/bin/python");
const tests = new Program(t, [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "wormhole_client_tests", "--pyargs", ...MODULES], {
  cwd: directory,
  env: { MAILBOX: url, RESULTS: results, PATH: `${dirname(python)}:${process.env.PATH}`, PYTHONPATH: resolve("test/interop"), PYTHONDONTWRITEBYTECODE: "1" },
  isUnbounded: true,
});
const { status, stdout } = await tests.ended;

let count = 0;
for (const line of readFileSync(results, "utf8").trimEnd().split("\n")) {
  const { test, outcome, reason } = v.parse(Result, JSON.parse(line));
  if (outcome === "excluded") {
    t.comment(`left out: ${test}, which ${reason}`);
    continue;
  }
  t.equal(outcome, "passed", test, { reason });
  count += 1;
}
t.equal(count, 66, "tests in all");
t.equal(status, 0, "pytest", { stdout: stdout.slice(-5000) });
