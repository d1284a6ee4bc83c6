import { readFileSync } from "node:fs";
import t from "tap";
import { describeReport } from "../../src/commands/ctap/probe.ts";
import { DIAGNOSES } from "../../src/lib/ctap/diagnosis.ts";
import type { HidInterface } from "../../src/lib/ctap/hid-interfaces.ts";
import { probeDevice, type DeviceProbeReport } from "../../src/lib/ctap/probe-device.ts";
import { BAD_CARDS } from "../support/bad-cards.ts";
import { good, scriptedNode, type Script } from "../support/hid-card.ts";
import { listsOf, namesOf, readManualPage } from "./mdoc.ts";

// docs/debugging-a-key.md shows what `probe` prints. Here the cards that it is
// about are probed, so that it stays true; times are left out.

const text = readFileSync("docs/debugging-a-key.md", "utf8");

const CARD: HidInterface = {
  path: "/dev/hidraw0",
  vendorId: 0x1050,
  productId: 0x0407,
  serial: undefined,
  vendor: "Yubico",
  product: "YubiKey",
  bus: 3,
  isUsb: true,
  usage: { page: 0xf1d0, id: 0x01 },
  kind: "fido",
  access: "granted",
};
const VENDOR: HidInterface = { ...CARD, path: "/dev/hidraw1", usage: { page: 0xff00, id: 0x01 }, kind: "vendor" };
const BACK: HidInterface = { ...CARD, path: "/dev/hidraw2" };

/** A machine with these interfaces, and after the first look others. */
function probe(script: Script, uri: string | undefined, interfaces: readonly HidInterface[], later = interfaces): Promise<DeviceProbeReport> {
  let looks = 0;
  return probeDevice(uri, {
    hid: { list: () => Promise.resolve(looks++ === 0 ? interfaces : later), open: () => Promise.resolve(scriptedNode(script)) },
    bounds: { init: 500, ping: 2000, getInfo: 500 },
  });
}

const MACHINES: Readonly<Record<string, () => Promise<DeviceProbeReport>>> = {
  "no card": () => probe(good, undefined, []),
  "a vendor interface": () => probe(good, "/dev/hidraw1", [CARD, VENDOR]),
  "another number": () => probe(good, "/dev/hidraw0", [BACK]),
  "several cards": () => probe(good, undefined, [CARD, { ...BACK, vendorId: 0x20a0, productId: 0x42b2, vendor: "Nitrokey", product: "Nitrokey 3" }]),
  "a missing node": () => probe(good, undefined, [{ ...CARD, access: "missing" }]),
  "permission denied": () => probe(good, undefined, [{ ...CARD, access: "denied" }]),
  "gone and back": () => probe(BAD_CARDS["gone at the first PING"]!.script(), undefined, [CARD], [BACK]),
};

/** Times differ, and so does the width of their column. */
function withoutTimes(report: string): string {
  return report.replace(/ +[0-9.]+ ms/g, " ms").replace(/(within|after) [0-9.]+ s/g, "$1 s");
}

t.test("what probe prints at each leaf", async (t) => {
  const blocks = [...text.matchAll(/^```probe (.*)\n([^]*?)^```$/gm)];
  t.ok(blocks.length > 15);
  await Promise.all(
    blocks.map(async ([, name = "", shown = ""]) => {
      const card = BAD_CARDS[name];
      const report = await (card === undefined ? MACHINES[name]!() : probe(card.script(), undefined, [CARD]));
      t.equal(withoutTimes(shown), withoutTimes(describeReport(report)), name);
    }),
  );
});

t.test("every diagnosis is explained", (t) => {
  const codes = Object.keys(DIAGNOSES).sort();
  t.same(codes.filter((code) => !text.includes(`\`${code}\``) && !text.includes(`diagnosis: ${code}\n`) && code !== "failed"), [], "in the text");
  const section = readManualPage("man/keyhole-ctap-probe.1").section("DIAGNOSES");
  t.same([...namesOf(listsOf(section).flat(), "Li")].sort(), codes, "in the manual");
  t.end();
});
