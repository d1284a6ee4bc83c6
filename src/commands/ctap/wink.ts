import { HID_COMMAND } from "../../lib/ctap/packet.ts";
import { unsupported } from "../../lib/ctap/unsupported.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { withCard } from "./card.ts";

/** keyhole ctap wink */
export function wink(args: Arguments): Promise<number> {
  return withCard(args, async ({ device, transact }) => {
    if (!device.init.capabilities.wink) throw unsupported("wink", "the capability WINK");
    await device.transact(HID_COMMAND.wink, new Uint8Array(), transact);
    if (args.flag("json")) writeJson({ device: device.transport.name, winked: true });
    else writeResult("the card winked\n");
    return EXIT_OK;
  });
}
