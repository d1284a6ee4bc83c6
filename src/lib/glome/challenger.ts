import * as v from "valibot";
import { encodeBase64url, parseBase64url } from "../base64url.ts";
import { GlomeError, KeyholeError } from "../errors.ts";
import { jsonObject, parseJson } from "../json.ts";
import { encodeChallenge, MAX_CHALLENGE_TEXT_LENGTH } from "./challenge.ts";
import { TAG_LENGTH } from "./dialog.ts";
import { MAX_INDEX, publicKeyPrefix, type KeyHint, type Version } from "./handshake.ts";
import { PrivateKey } from "./private-key.ts";
import { PublicKey } from "./public-key.ts";
import { encodeMessage } from "./message.ts";
import type { Primitives } from "./primitives.ts";
import type { Request } from "./request.ts";
import { matchesTag, parseTagPrefix, TAG_TEXT_LENGTH } from "./tag-text.ts";

export interface ChallengeOptions {
  readonly version: Version;
  readonly serviceKey: PublicKey;
  readonly request: Request;
  /** Names the service key by index (0 to 127); by its prefix byte where left out. */
  readonly index?: number | undefined;
  /** Bytes of the message tag to send along, 0 to 32. */
  readonly messageTagLength: number;
  /** Fewest characters an authcode may have, 10 to 44. */
  readonly minAuthcodeLength: number;
}

/** What the machine that asks keeps until the answer comes, for one attempt. */
export interface PendingChallenge {
  readonly challenge: string;
  readonly clientKey: PrivateKey;
  readonly serviceKey: PublicKey;
  readonly tagged: Uint8Array;
  readonly minAuthcodeLength: number;
}

/**
 * Makes the challenge of a machine that asks to be let in.
 *
 * @param clientKey - a fresh ephemeral key
 * @throws {GlomeError} CHALLENGE_…, GLOME_LOW_ORDER_KEY
 */
export function makeChallenge(options: ChallengeOptions, clientKey: PrivateKey): PendingChallenge {
  const { version, serviceKey, request, messageTagLength, minAuthcodeLength } = options;
  checkRange("index", options.index ?? 0, MAX_INDEX);
  checkRange("message tag length", messageTagLength, TAG_LENGTH);
  const message = encodeMessage(request, version);
  const messageTag = clientKey.exchange(serviceKey).tag(message.tagged);
  const handshake = {
    keyHint: keyHint(options),
    clientKey: clientKey.publicKey,
    messageTagPrefix: messageTag.subarray(0, messageTagLength),
  };
  const challenge = encodeChallenge(version, handshake, message.text);
  if (challenge.length > MAX_CHALLENGE_TEXT_LENGTH) {
    throw new GlomeError("CHALLENGE_TOO_LONG", `challenge is ${challenge.length} characters, expected at most ${MAX_CHALLENGE_TEXT_LENGTH}`, { hint: "name host and action more briefly" });
  }
  return { challenge, clientKey, serviceKey, tagged: message.tagged, minAuthcodeLength };
}

function checkRange(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new RangeError(`${name} is ${value}, expected 0 to ${max}`);
}

function keyHint({ version, serviceKey, index }: ChallengeOptions): KeyHint {
  const byte = publicKeyPrefix(serviceKey, version);
  if (version === "v1") return { kind: "index-or-prefix", value: index ?? byte };
  return index === undefined ? { kind: "prefix", byte } : { kind: "index", index };
}

/**
 * Whether an authcode, perhaps cut short, answers the challenge. A code that
 * is too short, too long or no code at all is a wrong one.
 *
 * @param minLength - fewest characters to accept, where more than the challenge says
 */
export function checkAuthcode(pending: PendingChallenge, code: string, minLength = 0): boolean {
  try {
    const prefix = parseTagPrefix(code, Math.max(pending.minAuthcodeLength, minLength));
    return matchesTag(prefix, pending.clientKey.exchange(pending.serviceKey).expectedTag(pending.tagged));
  } catch (error) {
    if (error instanceof GlomeError && error.code.startsWith("GLOME_TAG_")) return false;
    throw error;
  }
}

const STATE_FORMAT = "keyhole-challenge-1";

const State = jsonObject({
  format: v.literal(STATE_FORMAT),
  challenge: v.string(),
  clientPrivateKey: v.string(),
  servicePublicKey: v.string(),
  tagged: v.string(),
  minAuthcodeLength: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(TAG_TEXT_LENGTH)),
});

/** The contents of a state file; bytes are base64url. They are secret. */
export function encodeState(pending: PendingChallenge): string {
  const state: v.InferOutput<typeof State> = {
    format: STATE_FORMAT,
    challenge: pending.challenge,
    clientPrivateKey: encodeBase64url(pending.clientKey.exportBytes()),
    servicePublicKey: encodeBase64url(pending.serviceKey.bytes),
    tagged: encodeBase64url(pending.tagged),
    minAuthcodeLength: pending.minAuthcodeLength,
  };
  return `${JSON.stringify(state)}\n`;
}

/** @throws {GlomeError} CHALLENGE_STATE */
export function parseState(text: string, primitives: Primitives): PendingChallenge {
  try {
    const state = parseJson(State, text);
    return {
      challenge: state.challenge,
      clientKey: new PrivateKey(parseBase64url(state.clientPrivateKey), primitives),
      serviceKey: new PublicKey(parseBase64url(state.servicePublicKey)),
      tagged: parseBase64url(state.tagged),
      minAuthcodeLength: state.minAuthcodeLength,
    };
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    // Not the reason: it could quote the key.
    throw new GlomeError("CHALLENGE_STATE", "state file is not one that keyhole challenge new wrote", {
      hint: "give the file that --state named when the challenge was made",
    });
  }
}
