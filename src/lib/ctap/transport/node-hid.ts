import { CtapError } from "../../errors.ts";

type NodeHid = typeof import("node-hid");

/**
 * node-hid, which is native code, is loaded only where a HID device is used.
 *
 * @param load - for tests
 * @throws {CtapError} CTAP_HID_LIBRARY
 */
export async function loadNodeHid(load: () => Promise<{ readonly default: NodeHid }> = () => import("node-hid")): Promise<NodeHid> {
  try {
    const hid = await load();
    // The native part is loaded at the first call.
    hid.default.getHidapiVersion();
    return hid.default;
  } catch (error) {
    throw new CtapError("CTAP_HID_LIBRARY", `node-hid cannot be loaded: ${firstLine(error)}`, {
      kind: "outside",
      hint: "on Linux it needs the libraries libusb 1.0 and libudev: apt install libusb-1.0-0 libudev1, or dnf install libusb1 systemd-libs",
      cause: error,
    });
  }
}

function firstLine(error: unknown): string {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return line;
}
