import { checkMinPinLength, enableEnterpriseAttestation, isAlwaysUv, isEnterpriseAttestation, setAlwaysUv, setMinPinLength, type MinPinLength } from "../../lib/ctap/authenticator-config.ts";
import { UsageError } from "../../lib/errors.ts";
import type { Arguments } from "../arguments.ts";
import { withManagedCard } from "./managed-card.ts";
import { writeOutcome } from "./outcome.ts";

/** Source: CTAP 2.1 §6.4, minPINLength, and §6.5.1. */
const MIN_LENGTH = 4;
const MAX_LENGTH = 63;

/** keyhole ctap config always-uv */
export async function configAlwaysUv(args: Arguments): Promise<number> {
  const isOn = readState(args, ["on", "off"]) === "on";
  return withManagedCard(args, { permission: "acfg", check: isAlwaysUv }, async ({ ctap2, info, authorise }) => {
    const changed = isAlwaysUv(info) !== isOn;
    if (changed) await setAlwaysUv(ctap2, isOn, await authorise());
    return writeOutcome(args, { alwaysUv: isOn, changed }, `always-uv ${changed ? "is now" : "was already"} ${isOn ? "on" : "off"}`);
  });
}

/** keyhole ctap config enterprise-attestation */
export async function configEnterpriseAttestation(args: Arguments): Promise<number> {
  readState(args, ["on"]);
  return withManagedCard(args, { permission: "acfg", check: isEnterpriseAttestation }, async ({ ctap2, info, authorise }) => {
    const changed = !isEnterpriseAttestation(info);
    if (changed) await enableEnterpriseAttestation(ctap2, await authorise());
    return writeOutcome(args, { enterpriseAttestation: true, changed }, `enterprise-attestation ${changed ? "is now" : "was already"} on`);
  });
}

/** keyhole ctap config min-pin-length */
export async function configMinPinLength(args: Arguments): Promise<number> {
  const wanted: MinPinLength = { length: readLength(args), rpIds: args.all("rp-id"), forceChange: args.flag("force-change") };
  if (wanted.rpIds?.includes("") === true) throw new UsageError("USAGE_EMPTY", "--rp-id is empty", { hint: args.usageHint });
  return withManagedCard(args, { permission: "acfg", check: (info) => checkMinPinLength(info, wanted) }, async ({ ctap2, authorise }) => {
    await setMinPinLength(ctap2, wanted, await authorise());
    const { minPinLength, forcePinChange } = await ctap2.getInfo();
    return writeOutcome(args, { minPinLength, forcePinChange }, `PIN needs at least ${minPinLength} characters${forcePinChange ? ", and must be changed before its next use" : ""}`);
  });
}

/** @throws {UsageError} USAGE_STATE */
function readState(args: Arguments, states: readonly string[]): string {
  const [state = ""] = args.positionals;
  if (states.includes(state)) return state;
  throw new UsageError("USAGE_STATE", `${args.command.name} takes ${JSON.stringify(state)} for no state, expected ${states.join(" or ")}`, { hint: args.usageHint });
}

/** @throws {UsageError} USAGE_NUMBER */
function readLength(args: Arguments): number {
  const [text = ""] = args.positionals;
  const length = Number(text);
  if (/^[1-9][0-9]*$/.test(text) && length >= MIN_LENGTH && length <= MAX_LENGTH) return length;
  throw new UsageError("USAGE_NUMBER", `N is ${JSON.stringify(text)}, expected a decimal number from ${MIN_LENGTH} to ${MAX_LENGTH}`, { hint: args.usageHint });
}
