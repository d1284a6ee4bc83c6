import t from "tap";
import { checkFailure, keyhole, listing, shell, temporaryDirectory } from "../support/keyhole.ts";

t.test("the tour shows each step with the command that a person would type, and leaves nothing behind", (t) => {
  const cwd = temporaryDirectory(t);
  const { status, stdout, stderr } = keyhole(["demo"], { cwd, env: { TMPDIR: cwd } });
  t.same([status, stderr], [0, ""]);
  for (const command of ["genkey", "pubkey", "challenge new", "login --show", "login --key", "challenge check"]) {
    t.match(stdout, new RegExp(`^\\$ keyhole ${command} `, "m"), command);
  }
  t.match(stdout, /v2\/[A-Za-z0-9_=-]+\/serial:rack-7\/reboot\//, "the challenge");
  t.match(stdout, /^Host: +rack-7$/m, "the request");
  t.match(stdout, /^[A-Za-z0-9_-]{12}$/m, "the authcode");
  t.same(listing(cwd), []);
  t.end();
});

t.test("--json", (t) => {
  const { status, stdout } = keyhole(["demo", "--json"]);
  t.equal(status, 0);
  t.match(stdout, /^\{[^\n]*\}\n$/);
  t.match(JSON.parse(stdout), { steps: [{ command: /^keyhole genkey/ }] });
  t.end();
});

t.test("what the person has configured does not matter", (t) => {
  const cwd = temporaryDirectory(t);
  t.equal(keyhole(["demo", "--json"], { cwd, env: { KEYHOLE_POLICY: "absent", KEYHOLE_AUDIT: "audit", KEYHOLE_KEYRING: "absent", TMPDIR: cwd } }).status, 0);
  t.same(listing(cwd), []);
  t.end();
});

t.test("a tour that fails leaves nothing behind", (t) => {
  const cwd = temporaryDirectory(t);
  checkFailure(t, shell("keyhole demo >/dev/full", { cwd, env: { TMPDIR: cwd } }), 3, /standard output cannot be written/, "standard output is full");
  t.same(listing(cwd), []);
  t.end();
});
