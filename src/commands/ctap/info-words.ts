import { encodeHex } from "../../lib/bytes.ts";

/** Options that a card may have without their being set. Source: CTAP 2.1 §6.4, "Option IDs". */
const CAN_BE_UNSET: ReadonlySet<string> = new Set(["clientPin", "uv", "ep", "bioEnroll", "userVerificationMgmtPreview", "alwaysUv"]);

/** What an option of getInfo says, in words. */
export function describeOption(name: string, value: boolean): string {
  if (CAN_BE_UNSET.has(name)) return value ? "supported and set" : "supported, not set";
  return value ? "supported" : "not supported";
}

/** Source: FIDO Registry of Predefined Values §3.1, "User Verification Methods". */
const MODALITIES: readonly (readonly [number, string])[] = [
  [0x0001, "presence"],
  [0x0002, "fingerprint"],
  [0x0004, "passcode"],
  [0x0008, "voiceprint"],
  [0x0010, "faceprint"],
  [0x0020, "location"],
  [0x0040, "eyeprint"],
  [0x0080, "pattern"],
  [0x0100, "handprint"],
  [0x0200, "none"],
  [0x0400, "all of them"],
  [0x0800, "external passcode"],
  [0x1000, "external pattern"],
];

/** How a card verifies its user, in words. */
export function describeModality(bits: number): string {
  const names = MODALITIES.flatMap(([bit, name]) => ((bits & bit) === 0 ? [] : [name]));
  return [...names, `(0x${bits.toString(16)})`].join(", ").replace(/, \(/, " (");
}

/** Of 16 bytes. Source: RFC 9562 §4. */
export function formatUuid(bytes: Uint8Array): string {
  return encodeHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
