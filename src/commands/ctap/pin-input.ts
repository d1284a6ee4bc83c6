import { equalBytes, wipe } from "../../lib/bytes.ts";
import { choosePinProtocol, ClientPin, parsePin, PERMISSION, type PinUvAuthToken } from "../../lib/ctap/client-pin.ts";
import { Ctap2 } from "../../lib/ctap/ctap2.ts";
import { USER_TIMEOUT_MS } from "../../lib/ctap/device.ts";
import { hasOption, supportsOption, type GetInfo } from "../../lib/ctap/get-info.ts";
import type { PinProtocolNumber } from "../../lib/ctap/pin-protocol.ts";
import { triesLeft } from "../../lib/ctap/pin-retries.ts";
import { isStatus, statusError, statusName } from "../../lib/ctap/status.ts";
import { CtapError, Interrupted, UsageError } from "../../lib/errors.ts";
import { encodeUtf8 } from "../../lib/text.ts";
import type { Arguments } from "../arguments.ts";
import { canPrompt, say } from "../io.ts";
import { tellKeepalives, waiting, type Card } from "./card.ts";

/** What a card is shown for makeCredential and getAssertion. */
export interface UserVerification {
  readonly token: PinUvAuthToken | undefined;
  /** The option `uv`, for cards that verify their user without a token. */
  readonly uv: true | undefined;
}

/** A use of a credential that is to be authorised. */
export interface Use {
  readonly permission: "mc" | "ga";
  readonly rpId: string;
  /** The card may want its user verified for these though the command line does not. */
  readonly isDiscoverable?: boolean;
  readonly needsTouch?: boolean;
}

/**
 * A token for the commands that manage a card. They get one whenever the card
 * can give one, by PIN or by verifying its user itself.
 *
 * @param permissions - of `PERMISSION`, together
 * @returns nothing where the card has neither; it may do without
 * @throws {CtapError} CTAP_NO_UV where it cannot; a wrong PIN as the card's status; {UsageError} PIN_MISSING; {Interrupted}
 */
export async function authorise(card: Card, ctap2: Ctap2, args: Arguments, permissions: number, rpId?: string): Promise<PinUvAuthToken | undefined> {
  const info = await ctap2.getInfo();
  const protocol = choosePinProtocol(info, protocolOption(args));
  const way = chooseWay(info, protocol, permissions, card.pin !== undefined);
  if (way === "pin" || way === "token") return getToken(card, ctap2, args, way, protocol, permissions, rpId);
  if ((permissions & (PERMISSION.cm | PERMISSION.be)) !== 0) throw cannotVerify(info);
  return undefined;
}

/**
 * What makeCredential and getAssertion need by `--uv`, and by what the card
 * demands in any case.
 *
 * @throws as `authorise`
 */
export async function authoriseUse(card: Card, ctap2: Ctap2, args: Arguments, use: Use): Promise<UserVerification> {
  const info = await ctap2.getInfo();
  const when = args.required("uv");
  if (when === "discouraged" && !demandsUv(info, use)) return { token: undefined, uv: undefined };

  const permissions = PERMISSION[use.permission];
  const protocol = choosePinProtocol(info, protocolOption(args));
  const way = chooseWay(info, protocol, permissions, card.pin !== undefined);
  if (way === "pin" && card.pin === undefined && !demandsUv(info, use) && when === "preferred") checkCanPrompt("the card's PIN is wanted", "give --pin-file FILE, or --uv discouraged to do without it");
  if (way === "pin" || way === "token") return { token: await getToken(card, ctap2, args, way, protocol, permissions, use.rpId), uv: undefined };
  if (protocol === undefined && claimsUv(info) && !args.flag("quiet")) {
    say(`note: the card has no PIN/UV protocol that can be used; going on without a token${way === "option" ? ", by the option uv" : ""}`);
  }
  if (way === undefined && when === "required") throw cannotVerify(info);
  return { token: undefined, uv: way === "option" ? true : undefined };
}

/**
 * How a card is shown that its user agrees: by PIN, by a token for verifying
 * the user on the card, or by asking for that in the request itself.
 */
type Way = "pin" | "token" | "option";

/** @param prefersPin - where both would do */
function chooseWay(info: GetInfo, protocol: PinProtocolNumber | undefined, permissions: number, prefersPin: boolean): Way | undefined {
  const isUse = (permissions & (PERMISSION.mc | PERMISSION.ga)) !== 0;
  const hasPin = hasOption(info, "clientPin") && protocol !== undefined && !(isUse && hasOption(info, "noMcGaPermissionsWithClientPin"));
  const hasUv = hasOption(info, "uv");
  if (hasPin && prefersPin) return "pin";
  if (hasUv && hasOption(info, "pinUvAuthToken") && protocol !== undefined && allowsByUv(info, permissions)) return "token";
  if (hasUv && isUse) return "option";
  return hasPin ? "pin" : undefined;
}

/** Two permissions are given for verification on the card only by cards that say so. */
function allowsByUv(info: GetInfo, permissions: number): boolean {
  if ((permissions & PERMISSION.be) !== 0 && !hasOption(info, "uvBioEnroll")) return false;
  return (permissions & PERMISSION.acfg) === 0 || hasOption(info, "uvAcfg");
}

/** Whether the card refuses without user verification. Source: CTAP 2.1 §6.1.2 and §6.2.2. */
function demandsUv(info: GetInfo, { permission, isDiscoverable, needsTouch }: Use): boolean {
  if (hasOption(info, "alwaysUv")) return needsTouch !== false;
  const isProtected = hasOption(info, "clientPin") || hasOption(info, "uv");
  return permission === "mc" && isProtected && (isDiscoverable === true || !hasOption(info, "makeCredUvNotRqd"));
}

/** Cards of which common libraries say that they have no compatible PIN/UV protocols. */
function claimsUv(info: GetInfo): boolean {
  return ["clientPin", "uv", "bioEnroll", "alwaysUv"].some((name) => hasOption(info, name));
}

function cannotVerify(info: GetInfo): CtapError {
  const isUnset = supportsOption(info, "clientPin") && !hasOption(info, "clientPin");
  const why = isUnset ? ": it has no PIN yet" : hasOption(info, "clientPin") ? ": it has a PIN, but no PIN/UV protocol that can be used for this" : "";
  return new CtapError("CTAP_NO_UV", `card cannot verify its user${why}`, {
    kind: "no",
    hint: isUnset ? "keyhole ctap pin set gives it one" : "keyhole ctap info shows what it has",
  });
}

async function getToken(card: Card, ctap2: Ctap2, args: Arguments, way: "pin" | "token", protocol: PinProtocolNumber | undefined, permissions: number, rpId: string | undefined): Promise<PinUvAuthToken> {
  if (way === "pin") return getTokenByPin(card, ctap2, args, protocol, permissions, rpId);
  const { timeoutMs = USER_TIMEOUT_MS } = card.transact;
  const onKeepalive = tellKeepalives(args, `verify yourself on the card now, say by fingerprint (${waiting(timeoutMs)})`);
  try {
    return await new ClientPin(new Ctap2(card.device, { ...card.transact, onKeepalive }), protocol).getToken({ uv: true }, permissions, rpId);
  } catch (error) {
    const isFailure = isStatus(error, UV_INVALID) || isStatus(error, UV_BLOCKED);
    if (!isFailure || chooseWay(await ctap2.getInfo(), protocol, permissions, true) !== "pin" || !canPrompt()) throw error;
    say("the card did not recognise its user");
    return getTokenByPin(card, ctap2, args, protocol, permissions, rpId);
  }
}

const PIN_INVALID = 0x31;
const PIN_BLOCKED = 0x32;
const PIN_AUTH_BLOCKED = 0x34;
const UV_BLOCKED = 0x3c;
const UV_INVALID = 0x3f;

async function getTokenByPin(card: Card, ctap2: Ctap2, args: Arguments, protocol: PinProtocolNumber | undefined, permissions: number, rpId: string | undefined): Promise<PinUvAuthToken> {
  const clientPin = new ClientPin(ctap2, protocol);
  return withPin(card, clientPin, args, (pin) => clientPin.getToken({ pin }, permissions, rpId));
}

/** A PIN has been tried so often and no more. Source: CTAP 2.1 §6.5.1. */
const MAX_RETRIES = 8;

/**
 * Does something with the card's PIN, from `--pin-file` or the person, who is
 * told how often it may still be wrong.
 *
 * @throws {CtapError} statuses of the card, CTAP2_ERR_PIN_INVALID among them; {UsageError} PIN_MISSING; {Interrupted}
 */
export async function withPin<T>(card: Card, clientPin: ClientPin, args: Arguments, run: (pin: Uint8Array) => Promise<T>): Promise<T> {
  if (card.pin === undefined) checkCanPrompt("the card's PIN is needed", "give --pin-file FILE");
  const { retries, needsPowerCycle } = await clientPin.retries();
  if (retries === 0) throw statusError(PIN_BLOCKED);
  if (needsPowerCycle) throw withTriesLeft(statusError(PIN_AUTH_BLOCKED), retries);
  if (retries === 1 && !args.flag("quiet")) say(`warning: this is the last try; ${AFTER_THE_LAST}`);
  const typed = card.pin === undefined ? await promptPin(retries < MAX_RETRIES ? `PIN (${triesLeft(retries)}): ` : "PIN: ", card) : undefined;
  try {
    return await run(typed ?? card.pin ?? new Uint8Array());
  } catch (error) {
    if (!(error instanceof CtapError)) throw error;
    if (isStatus(error, PIN_INVALID)) throw withTriesLeft(error, (await clientPin.retries()).retries);
    // The card took power as there until now: it is this PIN that was wrong.
    if (isStatus(error, PIN_AUTH_BLOCKED)) throw withTriesLeft(error, (await clientPin.retries()).retries, "PIN is wrong, and ");
    throw error;
  } finally {
    if (typed !== undefined) wipe(typed);
  }
}

const AFTER_THE_LAST = "if the PIN is wrong then, it is blocked for good, and only a reset makes the card usable again";

function withTriesLeft(error: CtapError, retries: number, lead = ""): CtapError {
  const hint = retries === 1 ? `the next try is the last; ${AFTER_THE_LAST}` : error.code === statusName(PIN_INVALID) ? undefined : error.hint;
  return new CtapError(error.code, `${lead}${error.message}; ${triesLeft(retries)}`, { kind: error.kind, ...(hint === undefined ? {} : { hint }) });
}

export function protocolOption(args: Arguments): PinProtocolNumber | undefined {
  const text = args.optional("pin-protocol");
  return text === undefined ? undefined : text === "1" ? 1 : 2;
}

/**
 * A new PIN, typed twice, as nobody can see what was typed.
 *
 * @throws {UsageError} PIN_DIFFERS; {CtapError} CTAP_PIN; {Interrupted}
 */
export async function promptNewPin(card: Card): Promise<Uint8Array> {
  const first = await promptPin("New PIN: ", card);
  const second = await promptPin("The same again: ", card);
  const isSame = equalBytes(first, second);
  wipe(second);
  if (isSame) return first;
  wipe(first);
  throw new UsageError("PIN_DIFFERS", "the two PINs differ", { hint: "nothing was changed; try again" });
}

/**
 * @param hint - how to do without a prompt
 * @throws {UsageError} PIN_MISSING
 */
export function checkCanPrompt(need: string, hint: string): void {
  if (!canPrompt()) throw new UsageError("PIN_MISSING", `${need} and there is no terminal to ask at`, { hint });
}

async function promptPin(question: string, { transact }: Card): Promise<Uint8Array> {
  const { promptSecret } = await import("../../lib/terminal/prompt.ts");
  const answer = await promptSecret(question, transact.signal);
  if (answer === undefined) throw new Interrupted();
  return parsePin(encodeUtf8(answer));
}
