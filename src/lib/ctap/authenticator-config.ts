import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { cborMap, encodeCbor, type CborMap } from "./cbor.ts";
import { CTAP2_COMMAND, type Ctap2 } from "./ctap2.ts";
import { hasOption, type GetInfo } from "./get-info.ts";
import { notEmpty } from "./make-credential.ts";
import type { PinUvAuthToken } from "./pin-uv-auth-token.ts";
import { unsupported } from "./unsupported.ts";

// Source: CTAP 2.1 §6.11, "authenticatorConfig".

const SUBCOMMAND = { enableEnterpriseAttestation: 1, toggleAlwaysUv: 2, setMinPinLength: 3 } as const;

const EXTENSION = "minPinLength";

/** @throws {CtapError} CTAP_UNSUPPORTED where the card's configuration knows no such thing */
export function isAlwaysUv(info: GetInfo): boolean {
  return stateOf(info, "alwaysUv", "always ask for user verification");
}

/** @throws {CtapError} CTAP_UNSUPPORTED */
export function isEnterpriseAttestation(info: GetInfo): boolean {
  return stateOf(info, "ep", "attest to an enterprise");
}

function stateOf(info: GetInfo, option: string, action: string): boolean {
  checkConfig(info, action);
  const state = info.options.get(option);
  if (state === undefined) throw unsupported(action, `the option ${option}`);
  return state;
}

function checkConfig(info: GetInfo, action: string): void {
  if (!hasOption(info, "authnrCfg")) throw unsupported(action, "the option authnrCfg");
}

/**
 * Has the card ask for user verification always, or no longer.
 *
 * @param token - with the permission acfg; a card without PIN or user verification wants none
 * @throws {CtapError} CTAP_UNSUPPORTED; CTAP_CONFIG where the card says it did and did not;
 *   CTAP2_ERR_OPERATION_DENIED where the card cannot be without; as `Ctap2.call`
 */
export async function setAlwaysUv(ctap2: Ctap2, isOn: boolean, token: PinUvAuthToken | undefined): Promise<void> {
  if (isAlwaysUv(await ctap2.getInfo()) === isOn) return;
  await configure(ctap2, SUBCOMMAND.toggleAlwaysUv, undefined, token);
  if (isAlwaysUv(await ctap2.refresh()) !== isOn) throw unchanged("alwaysUv");
}

/**
 * Only a reset turns it off again.
 *
 * @param token - as for `setAlwaysUv`
 * @throws {CtapError} as `setAlwaysUv`
 */
export async function enableEnterpriseAttestation(ctap2: Ctap2, token: PinUvAuthToken | undefined): Promise<void> {
  if (isEnterpriseAttestation(await ctap2.getInfo())) return;
  await configure(ctap2, SUBCOMMAND.enableEnterpriseAttestation, undefined, token);
  if (!isEnterpriseAttestation(await ctap2.refresh())) throw unchanged("ep");
}

export interface MinPinLength {
  /** In Unicode code points, 4 to 63; not less than it is. */
  readonly length: number;
  /** Relying parties that may ask for the length; none leaves them as they are. */
  readonly rpIds?: readonly string[];
  /** Have the PIN changed before its next use. */
  readonly forceChange?: boolean;
}

/** @throws {CtapError} CTAP_UNSUPPORTED, CTAP_RP_IDS; CTAP2_ERR_PIN_POLICY_VIOLATION where it would become less */
export function checkMinPinLength(info: GetInfo, { length, rpIds = [] }: MinPinLength): void {
  const action = "set the least length of its PIN";
  checkConfig(info, action);
  if (!hasOption(info, "setMinPINLength")) throw unsupported(action, "the option setMinPINLength");
  if (rpIds.length > 0 && !info.extensions.includes(EXTENSION)) throw unsupported("tell relying parties the least length of its PIN", `the extension ${EXTENSION}`);
  if (rpIds.length > info.maxRpIdsForSetMinPinLength) throw new CtapError("CTAP_RP_IDS", `card takes ${info.maxRpIdsForSetMinPinLength} relying parties, found ${rpIds.length}`, { kind: "outside" });
  if (length < info.minPinLength) {
    throw new CtapError("CTAP2_ERR_PIN_POLICY_VIOLATION", `least length of the PIN is ${info.minPinLength}, and ${length} would be less`, { kind: "no", hint: "only keyhole ctap reset lowers it, and it erases the card" });
  }
}

/**
 * @param token - as for `setAlwaysUv`
 * @throws {CtapError} as `checkMinPinLength` and `Ctap2.call`
 */
export async function setMinPinLength(ctap2: Ctap2, request: MinPinLength, token: PinUvAuthToken | undefined): Promise<void> {
  checkMinPinLength(await ctap2.getInfo(), request);
  const { length, rpIds = [], forceChange = false } = request;
  const params = cborMap([0x01, length], [0x02, rpIds.length === 0 ? undefined : rpIds], [0x03, forceChange ? true : undefined]);
  await configure(ctap2, SUBCOMMAND.setMinPinLength, params, token);
  ctap2.forget();
}

/** Over 32 bytes FF, so that no proof for another command begins like it. */
const PROOF_PREFIX = concatBytes(new Uint8Array(32).fill(0xff), Uint8Array.of(CTAP2_COMMAND.config));

async function configure(ctap2: Ctap2, subCommand: number, params: CborMap | undefined, token: PinUvAuthToken | undefined): Promise<void> {
  const proof = token?.authenticate(concatBytes(PROOF_PREFIX, Uint8Array.of(subCommand), params === undefined ? new Uint8Array() : encodeCbor(params)));
  await ctap2.call(CTAP2_COMMAND.config, cborMap([0x01, subCommand], [0x02, notEmpty(params ?? new Map())], [0x03, token?.protocol], [0x04, proof]));
}

function unchanged(option: string): CtapError {
  return new CtapError("CTAP_CONFIG", `card says that it changed its option ${option}, and it is as before`, { kind: "outside", hint: "the card's firmware is faulty" });
}
