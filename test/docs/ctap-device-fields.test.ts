import t from "tap";
import { interfaceToJson } from "../../src/commands/ctap/list.ts";
import { reportToJson } from "../../src/commands/ctap/probe.ts";
import { listHidInterfaces } from "../../src/lib/ctap/hid-interfaces.ts";
import { probeDevice } from "../../src/lib/ctap/probe-device.ts";
import { BAD_CARDS } from "../support/bad-cards.ts";
import { ctap } from "../support/ctap.ts";
import { good, scriptedNode, udpCard } from "../support/hid-card.ts";
import { temporaryDirectory } from "../support/keyhole.ts";
import { FIDO_DESCRIPTOR, makeSysfs } from "../support/sysfs.ts";
import { checkFields, type Fields } from "./documented-fields.ts";

// The same as ctap-fields.test.ts, for the commands that look for a card.

const OUTPUT = "OUTPUT FORMAT";

const cwd = temporaryDirectory(t);
makeSysfs(cwd, [{ number: 0, descriptor: FIDO_DESCRIPTOR, serial: "1", usb: { port: "1-1", manufacturer: "Maker", product: "Card" } }]);

async function runJson(...words: readonly string[]): Promise<Fields> {
  const [outcome] = await ctap(cwd, [...words, "--json"]);
  return JSON.parse(outcome!.stdout) as Fields;
}

/** As it is written and read. */
function throughJson(value: object): Fields {
  return JSON.parse(JSON.stringify(value)) as Fields;
}

t.test("list", async (t) => {
  checkFields(t, [{ error: {}, ...(await runJson("list")) }], "keyhole-ctap-list.1", OUTPUT, 0);
  const interfaces = await listHidInterfaces({ root: cwd, mayOpen: () => false });
  checkFields(t, interfaces.map(interfaceToJson).map(throughJson), "keyhole-ctap-list.1", OUTPUT, 1);
});

t.test("probe", async (t) => {
  const page = "keyhole-ctap-probe.1";
  checkFields(t, [await runJson("probe", "--device", "virtual:")], page, OUTPUT, 0);
  const interfaces = await listHidInterfaces({ root: cwd });
  const report = throughJson(reportToJson(await probeDevice(undefined, { hid: { list: () => Promise.resolve(interfaces), open: () => Promise.resolve(scriptedNode(good)) } })));
  checkFields(t, [report.device as Fields], page, OUTPUT, 1);
  checkFields(t, report.steps as Fields[], page, OUTPUT, 2);
  checkFields(t, [report.diagnosis as Fields], page, OUTPUT, 3);
});

t.test("ping, wink and selection", async (t) => {
  const port = await udpCard(t, BAD_CARDS["changing what PING carries"]!.script());
  checkFields(t, [await runJson("ping", "--device", "virtual:"), await runJson("ping", "--count", "1", "--device", `udp:127.0.0.1:${port}`)], "keyhole-ctap-ping.1", OUTPUT);
  checkFields(t, [await runJson("wink", "--device", "virtual:")], "keyhole-ctap-wink.1", OUTPUT);
  checkFields(t, [await runJson("selection", "--device", "virtual:")], "keyhole-ctap-selection.1", OUTPUT);
});
