import { createHash } from "node:crypto";
import { concatBytes, copyBytes, equalBytes, wipe } from "../../bytes.ts";
import { KeyholeError } from "../../errors.ts";
import { parseUtf8 } from "../../text.ts";
import { ok, okMap } from "./answer.ts";
import { isBytes, isMap, isText, isUnsigned, type Parameters } from "./parameters.ts";
import { parsePinProtocol, PERMISSION, PinToken } from "./pin-token.ts";
import { Refusal, STATUS } from "./refusal.ts";
import type { Context } from "./session.ts";
import { MAX_PIN_RETRIES, type Pin } from "./state.ts";
import { openTunnel, type Tunnel } from "./tunnel.ts";

/** Wrong PINs in a row after which the card wants to be without power. Source: CTAP 2.1 §6.5.5.7. */
const MAX_WRONG_PINS = 3;

const PADDED_PIN_LENGTH = 64;
const PIN_HASH_LENGTH = 16;

// Keys of the request.
const PROTOCOL = 0x01;
const SUBCOMMAND = 0x02;
const KEY_AGREEMENT = 0x03;
const PARAM = 0x04;
const NEW_PIN = 0x05;
const PIN_HASH = 0x06;
const PERMISSIONS = 0x09;
const RP_ID = 0x0a;

/** authenticatorClientPIN. Source: CTAP 2.1 §6.5. */
export function clientPin(context: Context, params: Parameters): Uint8Array {
  const subcommand = params.required(SUBCOMMAND, isUnsigned);
  switch (subcommand) {
    case 0x01:
      return okMap([0x03, context.state.pinRetries], [0x04, needsPowerCycle(context) ? true : undefined]);
    case 0x02:
      return okMap([0x01, context.session.keyAgreement(parsePinProtocol(params.optional(PROTOCOL, isUnsigned))).publicKey]);
    case 0x03:
      return setPin(context, params);
    case 0x04:
      return changePin(context, params);
    case 0x05:
      return getPinToken(context, params);
    case 0x09:
      return getTokenWithPermissions(context, params);
    default:
      throw new Refusal(STATUS.invalidSubcommand); // those for verification on the card among them
  }
}

function setPin(context: Context, params: Parameters): Uint8Array {
  const tunnel = openTunnel(context, params.optional(PROTOCOL, isUnsigned), params.required(KEY_AGREEMENT, isMap));
  const newPin = params.required(NEW_PIN, isBytes);
  const proof = params.required(PARAM, isBytes);
  if (context.state.pin !== undefined || !tunnel.verify(newPin, proof)) throw new Refusal(STATUS.pinAuthInvalid);
  keepPin(context, tunnel.decrypt(newPin));
  return ok();
}

function changePin(context: Context, params: Parameters): Uint8Array {
  const tunnel = openTunnel(context, params.optional(PROTOCOL, isUnsigned), params.required(KEY_AGREEMENT, isMap));
  const newPin = params.required(NEW_PIN, isBytes);
  const pinHash = params.required(PIN_HASH, isBytes);
  const proof = params.required(PARAM, isBytes);
  requirePin(context);
  if (!tunnel.verify(concatBytes(newPin, pinHash), proof)) throw new Refusal(STATUS.pinAuthInvalid);
  checkPin(context, tunnel, pinHash);
  keepPin(context, tunnel.decrypt(newPin));
  return ok();
}

/** As in CTAP 2.0, without permissions: for a credential or an assertion, of whatever relying party comes first. */
function getPinToken(context: Context, params: Parameters): Uint8Array {
  if (params.map.has(PERMISSIONS) || params.map.has(RP_ID)) throw new Refusal(STATUS.invalidParameter);
  return issueToken(context, params, PERMISSION.makeCredential | PERMISSION.getAssertion, undefined);
}

const FOR_ONE_RP = PERMISSION.makeCredential | PERMISSION.getAssertion;

function getTokenWithPermissions(context: Context, params: Parameters): Uint8Array {
  const permissions = params.required(PERMISSIONS, isUnsigned);
  const rpId = params.optional(RP_ID, isText);
  if (permissions === 0) throw new Refusal(STATUS.invalidParameter);
  if ((permissions & PERMISSION.bioEnrollment) !== 0) throw new Refusal(STATUS.unauthorizedPermission);
  if ((permissions & FOR_ONE_RP) !== 0 && rpId === undefined) throw new Refusal(STATUS.missingParameter);
  return issueToken(context, params, permissions, rpId);
}

function issueToken(context: Context, params: Parameters, permissions: number, rpId: string | undefined): Uint8Array {
  const tunnel = openTunnel(context, params.optional(PROTOCOL, isUnsigned), params.required(KEY_AGREEMENT, isMap));
  const pinHash = params.required(PIN_HASH, isBytes);
  requirePin(context);
  checkPin(context, tunnel, pinHash);
  if (context.state.forcePinChange) throw new Refusal(STATUS.pinPolicyViolation);
  const token = new PinToken(tunnel.protocol, permissions, rpId, context.nowMs);
  context.session.token = token;
  return okMap([0x02, tunnel.encrypt(token.bytes)]);
}

function needsPowerCycle({ session }: Context): boolean {
  return session.wrongPins >= MAX_WRONG_PINS;
}

/** @throws {Refusal} where there is no PIN, or none is taken now */
function requirePin(context: Context): Pin {
  const { pin, pinRetries } = context.state;
  if (pin === undefined) throw new Refusal(STATUS.pinNotSet);
  if (pinRetries === 0) throw new Refusal(STATUS.pinBlocked);
  if (needsPowerCycle(context)) throw new Refusal(STATUS.pinAuthBlocked);
  return pin;
}

/** Counts the try before it looks, so that nothing is won by cutting it short. */
function checkPin(context: Context, tunnel: Tunnel, encryptedHash: Uint8Array): void {
  const { state, session } = context;
  const pin = requirePin(context);
  state.pinRetries -= 1;
  session.wrongPins += 1;
  if (!isRight(pin, tunnel, encryptedHash)) {
    session.renewKeyAgreements();
    if (state.pinRetries === 0) throw new Refusal(STATUS.pinBlocked);
    throw new Refusal(needsPowerCycle(context) ? STATUS.pinAuthBlocked : STATUS.pinInvalid);
  }
  state.pinRetries = MAX_PIN_RETRIES;
  session.wrongPins = 0;
}

function isRight(pin: Pin, tunnel: Tunnel, encryptedHash: Uint8Array): boolean {
  try {
    return equalBytes(tunnel.decrypt(encryptedHash), pin.hash);
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** @param padded - UTF-8, filled up with zeros */
function keepPin({ state, session }: Context, padded: Uint8Array): void {
  if (padded.length !== PADDED_PIN_LENGTH) throw new Refusal(STATUS.invalidParameter);
  const end = padded.indexOf(0);
  const pin = end < 0 ? padded : padded.subarray(0, end);
  const length = codePoints(pin);
  if (end < 0 || length < state.minPinLength) throw new Refusal(STATUS.pinPolicyViolation);
  const hash = copyBytes(createHash("sha256").update(pin).digest().subarray(0, PIN_HASH_LENGTH));
  wipe(padded);
  // A change that is demanded must be one.
  if (state.forcePinChange && state.pin !== undefined && equalBytes(hash, state.pin.hash)) throw new Refusal(STATUS.pinPolicyViolation);
  state.pin = { hash, length };
  state.pinRetries = MAX_PIN_RETRIES;
  state.forcePinChange = false;
  session.token = undefined;
}

function codePoints(pin: Uint8Array): number {
  try {
    return Array.from(parseUtf8(pin, "PIN")).length;
  } catch (error) {
    if (error instanceof KeyholeError) throw new Refusal(STATUS.pinPolicyViolation);
    throw error;
  }
}
