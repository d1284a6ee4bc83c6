import { CtapError, type KeyholeError } from "../errors.ts";
import { diagnose, type Diagnosis, type DiagnosisCode } from "./diagnosis.ts";
import type { ProbeStepName } from "./probe-steps.ts";
import { formatChannel, Traffic } from "./traffic.ts";

/** What errors of the driver and of the transports mean. */
const CODES: ReadonlyMap<string, DiagnosisCode> = new Map<string, DiagnosisCode>([
  ["CTAP_NO_DEVICE", "no-device"],
  ["USAGE_SEVERAL_DEVICES", "several-devices"],
  ["CTAP_NODE_MISSING", "node-missing"],
  ["CTAP_PERMISSION", "permission-denied"],
  ["CTAP_VENDOR_INTERFACE", "vendor-interface"],
  ["CTAP_HID_LIBRARY", "hid-library"],
  ["CTAP_UNREACHABLE", "unreachable"],
  ["CTAP_PORT", "port-in-use"],
  ["CTAP_DEVICE_LOST", "lost"],
  ["CTAP_INIT", "bad-init"],
  ["CTAP_INCOMPLETE", "cut-off"],
  ["CTAP_SEQUENCE", "framing"],
  ["CTAP_MESSAGE_LENGTH", "framing"],
  ["CTAP_REPORT_LENGTH", "framing"],
  ["CTAP_COMMAND", "wrong-command"],
  ["CTAP_QUBES", "qubes-proxy"],
  ["CTAP_USER_TIMEOUT", "keepalive-forever"],
  ["CTAP_KEEPALIVE_FOREVER", "keepalive-forever"],
  ["CTAP1_ERR_CHANNEL_BUSY", "busy"],
]);

const REFUSALS: ReadonlyMap<ProbeStepName, DiagnosisCode> = new Map<ProbeStepName, DiagnosisCode>([
  ["ping", "ping-refused"],
  ["wink", "wink-refused"],
  ["pin-retries", "pin-retries-refused"],
  ["u2f-version", "u2f-refused"],
]);

/** Those whose errors say nothing more. */
const SAID: readonly DiagnosisCode[] = ["cut-off", "keepalive-forever", "qubes-proxy"];

/**
 * What an error of a step means, in the light of what else the card sent.
 */
export function diagnoseError(step: ProbeStepName, error: KeyholeError, traffic = new Traffic()): Diagnosis {
  if (error.code === "CTAP_NO_ANSWER") return diagnoseSilence(step, traffic);
  if (isRefusal(error)) return diagnose(REFUSALS.get(step) ?? "hid-error", describeError(error));
  const code = CODES.get(error.code) ?? "failed";
  if (code === "busy") return diagnose(code, traffic.describeOthers());
  const diagnosis = diagnose(code, SAID.includes(code) ? undefined : error.message);
  // What is wrong on this side of the wire says all itself.
  const isOfMachine = diagnosis.status >= 2 && code !== "lost";
  return isOfMachine ? { ...diagnosis, message: error.message, hint: error.hint ?? diagnosis.hint } : diagnosis;
}

/** Whether an error says something about a card, rather than about a file or the command line. */
export function isDiagnosed(error: KeyholeError): boolean {
  return error instanceof CtapError || CODES.has(error.code);
}

/** Whether the card did answer, by an error of CTAPHID or with too little, so that it can be asked something else. */
export function isRefusal({ code }: KeyholeError): boolean {
  return code === "CTAP_ANSWER" || (/^CTAP[12]_ERR_/.test(code) && !CODES.has(code));
}

export function describeError({ code, message }: KeyholeError): string {
  return `${code}, ${message}`;
}

function diagnoseSilence(step: ProbeStepName, traffic: Traffic): Diagnosis {
  const others = traffic.describeOthers();
  if (traffic.wrongChannel !== undefined) return diagnose("wrong-channel", `an answer came on ${formatChannel(traffic.wrongChannel)}`);
  if (step === "init" && traffic.hasWrongNonce) return diagnose("wrong-nonce");
  if (others !== undefined) return diagnose("busy", `it answers others, ${others}, and not us`);
  if (step !== "init") return diagnose("half-mute", `no answer to ${step}`);
  return diagnose("mute", traffic.hasLateInit ? "an answer came, but too late" : undefined);
}
