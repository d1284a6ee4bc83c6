import { diagnose, type Diagnosis } from "./diagnosis.ts";
import { hasOption, type GetInfo } from "./get-info.ts";
import { triesLeft, type PinRetries } from "./pin-retries.ts";

/** Options that have libraries look for a PIN/UV protocol. */
const ASKING = ["uv", "clientPin", "bioEnroll", "alwaysUv"];

const PIN_UV_AUTH_PROTOCOLS = 0x06;

/**
 * A card that can verify its user, say by a fingerprint, and lists neither
 * PIN/UV protocol 1 nor 2. Common libraries give up on it: python-fido2 with
 * "No compatible PIN/UV protocols supported!".
 *
 * @returns nothing where all is well
 */
export function diagnosePinUv(info: GetInfo): Diagnosis | undefined {
  const asking = ASKING.filter((name) => hasOption(info, name));
  const listed = info.raw.get(PIN_UV_AUTH_PROTOCOLS);
  const protocols = Array.isArray(listed) ? info.pinUvAuthProtocols : [];
  if (asking.length === 0 || protocols.includes(1) || protocols.includes(2)) return undefined;
  const list = protocols.length === 0 ? "none" : `only ${protocols.join(", ")}`;
  return diagnose("pin-uv-protocols", `${asking.join(", ")} set, and of PIN/UV protocols ${list} listed; python-fido2 then says "No compatible PIN/UV protocols supported!"`, wayRound(info));
}

/**
 * A PIN that the card does not take, however right it is.
 *
 * @returns nothing where it takes one
 */
export function diagnosePinRetries({ retries, needsPowerCycle }: PinRetries): Diagnosis | undefined {
  if (retries === 0) return diagnose("pin-blocked");
  return needsPowerCycle ? diagnose("pin-power-cycle", triesLeft(retries)) : undefined;
}

function wayRound(info: GetInfo): string {
  if (hasOption(info, "uv")) return "send makeCredential and getAssertion without pinUvAuthParam and with the option uv true, as --uv required does; the card then verifies its user itself";
  return "send makeCredential and getAssertion without pinUvAuthParam and without the option uv, as --uv discouraged does";
}
