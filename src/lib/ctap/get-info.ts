import { Answer, BOOLEAN, BYTES, bytesOfLength, INTEGER, listOf, MAP, mapOf, TEXT, UNSIGNED, type Kind } from "./answer.ts";
import { AAGUID_LENGTH } from "./authenticator-data.ts";
import type { CborOddity } from "./cbor-check.ts";
import { isCborMap, parseCbor, type CborMap, type CborValue } from "./cbor.ts";
import { CtapError } from "../errors.ts";

// Source: CTAP 2.1 and 2.2 §6.4, "authenticatorGetInfo".

/** What a card says it can and has. What it leaves out has the specification's default, or is undefined. */
export interface GetInfo {
  /** The answer as it came, unknown keys and all. */
  readonly raw: CborMap;
  /** What is not canonical in it. */
  readonly oddities: readonly CborOddity[];
  /** `FIDO_2_0`, `FIDO_2_1_PRE`, `FIDO_2_1`, `U2F_V2`, …; none where it does not say. */
  readonly versions: readonly string[];
  readonly extensions: readonly string[];
  /** 16 bytes; zeros where it does not say. */
  readonly aaguid: Uint8Array;
  /** true: supported and set; false: supported, not set; missing: not supported. */
  readonly options: ReadonlyMap<string, boolean>;
  /** In bytes; 1024 where it does not say. */
  readonly maxMsgSize: number;
  /** In the card's order of preference; [1] where it does not say and has PINs. */
  readonly pinUvAuthProtocols: readonly number[];
  readonly maxCredentialCountInList: number | undefined;
  /** In bytes. */
  readonly maxCredentialIdLength: number | undefined;
  readonly transports: readonly string[];
  /** In the card's order of preference; none where it does not say. */
  readonly algorithms: readonly Algorithm[];
  /** In bytes. */
  readonly maxSerializedLargeBlobArray: number | undefined;
  /** The PIN must be changed before it is of use. */
  readonly forcePinChange: boolean;
  /** In Unicode code points; 4 where it does not say. */
  readonly minPinLength: number;
  /** In Unicode code points; 63 where it does not say. */
  readonly maxPinLength: number;
  readonly firmwareVersion: number | bigint | undefined;
  /** In bytes. */
  readonly maxCredBlobLength: number | undefined;
  readonly maxRpIdsForSetMinPinLength: number;
  readonly preferredPlatformUvAttempts: number | undefined;
  /** Bits of the FIDO registry of predefined values, §3.1. */
  readonly uvModality: number | bigint | undefined;
  readonly certifications: ReadonlyMap<string, number> | undefined;
  readonly remainingDiscoverableCredentials: number | undefined;
  readonly vendorPrototypeConfigCommands: readonly (number | bigint)[];
  /** ["packed"] where it does not say. */
  readonly attestationFormats: readonly string[];
  readonly uvCountSinceLastPinEntry: number | undefined;
  readonly longTouchForReset: boolean;
  readonly encIdentifier: Uint8Array | undefined;
  readonly transportsForReset: readonly string[];
  readonly pinComplexityPolicy: boolean | undefined;
  readonly pinComplexityPolicyUrl: Uint8Array | undefined;
  readonly encCredStoreState: Uint8Array | undefined;
  readonly authenticatorConfigCommands: readonly number[];
}

/** A way to sign that a card offers. */
export interface Algorithm {
  /** `public-key`. */
  readonly type: string;
  /** As in COSE. */
  readonly alg: number;
}

/** The names of the answer's keys, as the specification writes them. */
export const GET_INFO_NAMES: ReadonlyMap<number, string> = new Map([
  [0x01, "versions"],
  [0x02, "extensions"],
  [0x03, "aaguid"],
  [0x04, "options"],
  [0x05, "maxMsgSize"],
  [0x06, "pinUvAuthProtocols"],
  [0x07, "maxCredentialCountInList"],
  [0x08, "maxCredentialIdLength"],
  [0x09, "transports"],
  [0x0a, "algorithms"],
  [0x0b, "maxSerializedLargeBlobArray"],
  [0x0c, "forcePINChange"],
  [0x0d, "minPINLength"],
  [0x0e, "firmwareVersion"],
  [0x0f, "maxCredBlobLength"],
  [0x10, "maxRPIDsForSetMinPINLength"],
  [0x11, "preferredPlatformUvAttempts"],
  [0x12, "uvModality"],
  [0x13, "certifications"],
  [0x14, "remainingDiscoverableCredentials"],
  [0x15, "vendorPrototypeConfigCommands"],
  [0x16, "attestationFormats"],
  [0x17, "uvCountSinceLastPinEntry"],
  [0x18, "longTouchForReset"],
  [0x19, "encIdentifier"],
  [0x1a, "transportsForReset"],
  [0x1b, "pinComplexityPolicy"],
  [0x1c, "pinComplexityPolicyURL"],
  [0x1d, "maxPINLength"],
  [0x1e, "encCredStoreState"],
  [0x1f, "authenticatorConfigCommands"],
]);

const DEFAULT_MAX_MSG_SIZE = 1024;

/** Source: CTAP 2.1 §6.5.1. */
const DEFAULT_MIN_PIN_LENGTH = 4;
const DEFAULT_MAX_PIN_LENGTH = 63;

const NO_AAGUID = new Uint8Array(AAGUID_LENGTH);

/**
 * @param bytes - the answer, without its status
 * @throws {CtapError} CTAP_CBOR; CTAP_ANSWER where it is no map, or a known value is of another type
 */
export function parseGetInfo(bytes: Uint8Array): GetInfo {
  const { value, oddities } = parseCbor(bytes);
  if (!isCborMap(value)) throw new CtapError("CTAP_ANSWER", "answer to getInfo is another CBOR type, expected a map", { kind: "outside" });
  const answer = new Answer(value, "getInfo");
  const options = answer.optional(0x04, mapOf(BOOLEAN)) ?? new Map<string, boolean>();
  return {
    raw: value,
    oddities,
    versions: answer.optional(0x01, listOf(TEXT)) ?? [],
    extensions: answer.optional(0x02, listOf(TEXT)) ?? [],
    aaguid: answer.optional(0x03, bytesOfLength(AAGUID_LENGTH)) ?? NO_AAGUID,
    options,
    maxMsgSize: answer.optional(0x05, UNSIGNED) ?? DEFAULT_MAX_MSG_SIZE,
    pinUvAuthProtocols: answer.optional(0x06, listOf(UNSIGNED)) ?? (options.has("clientPin") ? [1] : []),
    maxCredentialCountInList: answer.optional(0x07, UNSIGNED),
    maxCredentialIdLength: answer.optional(0x08, UNSIGNED),
    transports: answer.optional(0x09, listOf(TEXT)) ?? [],
    algorithms: answer.optional(0x0a, listOf(ALGORITHM)) ?? [],
    maxSerializedLargeBlobArray: answer.optional(0x0b, UNSIGNED),
    forcePinChange: answer.optional(0x0c, BOOLEAN) ?? false,
    minPinLength: answer.optional(0x0d, UNSIGNED) ?? DEFAULT_MIN_PIN_LENGTH,
    maxPinLength: answer.optional(0x1d, UNSIGNED) ?? DEFAULT_MAX_PIN_LENGTH,
    firmwareVersion: answer.optional(0x0e, LONG),
    maxCredBlobLength: answer.optional(0x0f, UNSIGNED),
    maxRpIdsForSetMinPinLength: answer.optional(0x10, UNSIGNED) ?? 0,
    preferredPlatformUvAttempts: answer.optional(0x11, UNSIGNED),
    uvModality: answer.optional(0x12, LONG),
    certifications: answer.optional(0x13, mapOf(UNSIGNED)),
    remainingDiscoverableCredentials: answer.optional(0x14, UNSIGNED),
    vendorPrototypeConfigCommands: answer.optional(0x15, listOf(LONG)) ?? [],
    attestationFormats: answer.optional(0x16, listOf(TEXT)) ?? ["packed"],
    uvCountSinceLastPinEntry: answer.optional(0x17, UNSIGNED),
    longTouchForReset: answer.optional(0x18, BOOLEAN) ?? false,
    encIdentifier: answer.optional(0x19, BYTES),
    transportsForReset: answer.optional(0x1a, listOf(TEXT)) ?? [],
    pinComplexityPolicy: answer.optional(0x1b, BOOLEAN),
    pinComplexityPolicyUrl: answer.optional(0x1c, BYTES),
    encCredStoreState: answer.optional(0x1e, BYTES),
    authenticatorConfigCommands: answer.optional(0x1f, listOf(UNSIGNED)) ?? [],
  };
}

/** Whether an option is supported and set. */
export function hasOption(info: GetInfo, name: string): boolean {
  return info.options.get(name) === true;
}

/** Whether an option is supported, set or not. */
export function supportsOption(info: GetInfo, name: string): boolean {
  return info.options.has(name);
}

/** Whether the card speaks the final CTAP 2.1 or a later one, rather than its preview alone. */
export function isCtap21(info: GetInfo): boolean {
  return info.versions.some((version) => /^FIDO_2_[1-9]\d*$/.test(version));
}

/** An integer of up to 64 bits. */
const LONG: Kind<number | bigint> = {
  name: "an unsigned integer",
  read: (value) => UNSIGNED.read(value) ?? (typeof value === "bigint" && value >= 0n ? value : undefined),
};

const ALGORITHM: Kind<Algorithm> = {
  name: "a map of type and alg",
  read: (value: CborValue) => {
    const map = MAP.read(value);
    const type = TEXT.read(map?.get("type"));
    const alg = INTEGER.read(map?.get("alg"));
    return type === undefined || alg === undefined ? undefined : { type, alg };
  },
};
