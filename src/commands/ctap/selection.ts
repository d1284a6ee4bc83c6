import { Ctap2 } from "../../lib/ctap/ctap2.ts";
import { isCtap21 } from "../../lib/ctap/get-info.ts";
import { unsupported } from "../../lib/ctap/unsupported.ts";
import type { Arguments } from "../arguments.ts";
import { writeJson, writeResult } from "../io.ts";
import { EXIT_OK } from "../report.ts";
import { withCard } from "./card.ts";

/** keyhole ctap selection */
export function selection(args: Arguments): Promise<number> {
  return withCard(args, async ({ device, transact }) => {
    const ctap2 = new Ctap2(device, transact);
    if (!device.init.capabilities.cbor || !isCtap21(await ctap2.getInfo())) throw unsupported("wait for a selection", "the version FIDO_2_1");
    await ctap2.selection();
    if (args.flag("json")) writeJson({ device: device.transport.name, selected: true });
    else writeResult("the card was touched\n");
    return EXIT_OK;
  });
}
