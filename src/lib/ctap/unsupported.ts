import { CtapError } from "../errors.ts";

/**
 * @param action - what was to be done: `manage credentials`
 * @param missing - what getInfo lacks: `the option credMgmt`
 */
export function unsupported(action: string, missing: string): CtapError {
  return new CtapError("CTAP_UNSUPPORTED", `card cannot ${action}: it does not have ${missing}`, { kind: "outside", hint: "keyhole ctap info shows what it has" });
}
