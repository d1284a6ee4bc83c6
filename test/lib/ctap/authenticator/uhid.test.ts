import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { FIDO_REPORT_DESCRIPTOR, openUhid } from "../../../../src/lib/ctap/authenticator/uhid.ts";
import { isFidoUsage, parseReportDescriptor } from "../../../../src/lib/ctap/report-descriptor.ts";

// What it does with a real kernel is in test/hidraw/.

const identity = { vendor: 0x1209, product: 1, name: "test", serial: "1" };

t.test("the report descriptor is that of a FIDO interface", (t) => {
  t.equal(FIDO_REPORT_DESCRIPTOR.length, 34);
  t.same(parseReportDescriptor(FIDO_REPORT_DESCRIPTOR).map(isFidoUsage), [true]);
  t.end();
});

t.test("a kernel without uhid", async (t) => {
  const path = join(t.testdir(), "uhid");
  await t.rejects(openUhid({ identity, path }), {
    code: "CTAP_UHID",
    kind: "outside",
    message: `${path} cannot be opened: no such file or directory`,
    hint: process.platform === "linux" ? "load the kernel's module: sudo modprobe uhid" : /Linux/,
  });
});

t.test("a file that cannot be opened", async (t) => {
  const path = join(t.testdir(), "uhid");
  mkdirSync(path);
  await t.rejects(openUhid({ identity, path }), { code: "CTAP_UHID", kind: "outside" });
});

t.test("an identity that has no room is refused before the file is opened", async (t) => {
  const path = join(t.testdir(), "uhid");
  await t.rejects(openUhid({ identity: { ...identity, name: "n".repeat(128) }, path }), new RangeError("name is 128 bytes, expected at most 127"));
});
