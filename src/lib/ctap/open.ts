import { CtapError, UsageError } from "../errors.ts";
import { parseDeviceUri } from "./device-uri.ts";
import { describeInterface, findInterface, listHidInterfaces, loneVendorInterfaces, type HidInterface } from "./hid-interfaces.ts";
import type { HidAccess } from "./transport/hidraw.ts";
import type { Transport } from "./transport/transport.ts";

// Each kind of transport is loaded when it is used: a card in the same process
// needs neither sockets nor native code.

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** For tests. */
  readonly hid?: HidAccess | undefined;
}

/**
 * Opens the way to a card, without sending anything to it.
 *
 * @param uri - as `parseDeviceUri` reads it; without one, the only FIDO interface of this machine
 * @throws {UsageError} USAGE_DEVICE, USAGE_SEVERAL_DEVICES;
 *   {CtapError} CTAP_NO_DEVICE, CTAP_PERMISSION, CTAP_NODE_MISSING, CTAP_VENDOR_INTERFACE, CTAP_HID_LIBRARY,
 *   CTAP_UNREACHABLE, CTAP_PORT, CTAP_DEVICE_LOST; the reason of the signal
 */
export async function openTransport(uri: string | undefined, { signal, hid = {} }: OpenOptions = {}): Promise<Transport> {
  signal?.throwIfAborted();
  const device = uri === undefined ? undefined : parseDeviceUri(uri);
  switch (device?.scheme) {
    case undefined:
    case "hidraw": {
      const { list = listHidInterfaces } = hid;
      const interfaces = await list();
      const one = device === undefined ? onlyCard(interfaces) : findInterface(device.path, interfaces);
      const { openHidraw } = await import("./transport/hidraw.ts");
      return openHidraw(one, hid);
    }
    case "udp": {
      const { openUdp } = await import("./transport/udp.ts");
      return openUdp(device, signal);
    }
    case "tcp": {
      const { openTcp } = await import("./transport/tcp.ts");
      return openTcp(device, signal);
    }
    case "virtual": {
      const { openVirtual } = await import("./authenticator/virtual.ts");
      return openVirtual(device.statePath === undefined ? {} : { statePath: device.statePath });
    }
  }
}

/**
 * The FIDO interface of this machine.
 *
 * @throws {CtapError} CTAP_NO_DEVICE; {UsageError} USAGE_SEVERAL_DEVICES
 */
export function onlyCard(interfaces: readonly HidInterface[]): HidInterface {
  const cards = interfaces.filter(({ kind }) => kind === "fido");
  const [one, ...others] = cards;
  if (one === undefined) throw noDevice(interfaces);
  if (others.length === 0) return one;
  throw new UsageError("USAGE_SEVERAL_DEVICES", `${cards.length} security keys are here: ${cards.map(describeInterface).join(", ")}`, {
    hint: `choose one, as with --device ${one.path}; keyhole ctap wink shows which is which`,
  });
}

/** @param interfaces - none of them FIDO */
export function noDevice(interfaces: readonly HidInterface[]): CtapError {
  const vendor = loneVendorInterfaces(interfaces);
  return new CtapError("CTAP_NO_DEVICE", "No CTAP HID devices found.", {
    kind: "outside",
    hint:
      vendor.length > 0
        ? `${vendor.map(describeInterface).join(", ")} is a vendor interface; if that is your card, its FIDO interface did not get here`
        : "plug the card in; in a virtual machine, pass it through; keyhole-ctap-probe(1) says more",
  });
}
