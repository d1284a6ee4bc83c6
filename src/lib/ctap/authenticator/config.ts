import { concatBytes } from "../../bytes.ts";
import { encodeCbor } from "../cbor.ts";
import { ok } from "./answer.ts";
import { checkRpId } from "./entities.ts";
import { MAX_MIN_PIN_LENGTH_RP_IDS } from "./get-info.ts";
import { isFlag, isList, isMap, isText, isUnsigned, type Parameters } from "./parameters.ts";
import { PERMISSION, readProof, requireToken } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context } from "./session.ts";
import type { State } from "./state.ts";

const COMMAND = 0x0d;
const SUBCOMMAND_PARAMS = 0x02;
const MAX_MIN_PIN_LENGTH = 63;

/** authenticatorConfig. Source: CTAP 2.1 §6.11. */
export function config(context: Context, params: Parameters): Uint8Array {
  const subcommand = params.required(0x01, isUnsigned);
  if (subcommand < 0x01 || subcommand > 0x03) throw new Refusal(STATUS.invalidSubcommand);
  authorise(context, params, subcommand);
  const { state } = context;
  switch (subcommand) {
    case 0x01:
      throw new Refusal(STATUS.notAllowed); // enterprise attestation stays off
    case 0x02:
      state.alwaysUv = !state.alwaysUv;
      return ok();
    default:
      setMinPinLength(state, params.inner(SUBCOMMAND_PARAMS));
      return ok();
  }
}

/** Without a PIN there is nothing to be authorised by. */
function authorise(context: Context, params: Parameters, subcommand: number): void {
  if (context.state.pin === undefined) return;
  const inner = params.optional(SUBCOMMAND_PARAMS, isMap);
  const message = concatBytes(new Uint8Array(32).fill(0xff), Uint8Array.of(COMMAND, subcommand), inner === undefined ? new Uint8Array() : encodeCbor(inner));
  requireToken(context, readProof(params, 0x03, 0x04), message, PERMISSION.authenticatorConfig);
}

/** Source: CTAP 2.1 §6.11.4. */
function setMinPinLength(state: State, params: Parameters): void {
  const length = params.optional(0x01, isUnsigned) ?? state.minPinLength;
  const rpIds = params.optional(0x02, isList)?.map((value) => {
    if (!isText(value)) throw new Refusal(STATUS.unexpectedType);
    return checkRpId(value);
  });
  const mustChange = params.optional(0x03, isFlag) ?? false;
  if (length < state.minPinLength || length > MAX_MIN_PIN_LENGTH) throw new Refusal(STATUS.pinPolicyViolation);
  if (mustChange && state.pin === undefined) throw new Refusal(STATUS.pinNotSet);
  if (rpIds !== undefined && rpIds.length > MAX_MIN_PIN_LENGTH_RP_IDS) throw new Refusal(STATUS.keyStoreFull);
  state.minPinLength = length;
  if (rpIds !== undefined) state.minPinLengthRpIds = rpIds;
  if (mustChange || (state.pin !== undefined && state.pin.length < length)) state.forcePinChange = true;
}
