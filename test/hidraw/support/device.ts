import type { TestContext } from "node:test";
import { openUhid } from "../../../src/lib/ctap/authenticator/uhid.ts";
import type { HidIdentity } from "../../../src/lib/ctap/authenticator/uhid-event.ts";

/** Usage page 0xFF00, usage 1: reports of 64 bytes in and out, as vendors have them for their own tools. */
export const VENDOR_REPORT_DESCRIPTOR = Uint8Array.from(Buffer.from("0600ff0901a1010920150026ff007508954081020921150026ff00750895409102c0", "hex"));

/** A HID device that never answers. */
export interface MuteDevice {
  readonly node: string;
  /** What was sent to it. */
  readonly reports: readonly Uint8Array[];
}

/** Plugs one in, up to the end of the test; a FIDO one, unless its descriptor is given. */
export async function plugInDevice(t: TestContext, identity: HidIdentity, reportDescriptor?: Uint8Array): Promise<MuteDevice> {
  const door = await openUhid({ identity, ...(reportDescriptor === undefined ? {} : { reportDescriptor }) });
  t.after(() => door.close());
  const reports: Uint8Array[] = [];
  door.onReport = (report) => reports.push(report);
  return { node: door.name.slice("hidraw:".length), reports };
}
