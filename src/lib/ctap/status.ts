import { CtapError, type ErrorKind } from "../errors.ts";

interface Status {
  /** As the specification names it. */
  readonly name: string;
  readonly meaning: string;
  readonly hint?: string;
  /** `no` where the card or the person refused, rather than failed. */
  readonly kind?: ErrorKind;
}

const TOUCH_SOONER = "run it again and touch the card when it blinks";
const HINT_BLOCKED = "unplug the card, plug it in again, and try once more";

/**
 * The status bytes of CTAP2, and of CTAPHID_ERROR, which are the same up to 0x0B.
 * Source: CTAP 2.1 §8.2, "Status codes", and §11.2.9.1.6.
 */
const STATUS: ReadonlyMap<number, Status> = new Map<number, Status>([
  [0x01, { name: "CTAP1_ERR_INVALID_COMMAND", meaning: "card does not know this command" }],
  [0x02, { name: "CTAP1_ERR_INVALID_PARAMETER", meaning: "card does not take a parameter of this command" }],
  [0x03, { name: "CTAP1_ERR_INVALID_LENGTH", meaning: "card does not take a message of this length" }],
  [0x04, { name: "CTAP1_ERR_INVALID_SEQ", meaning: "card missed a packet of the message", hint: "run it again; if it happens often, look at the USB cable, hub or proxy" }],
  [0x05, { name: "CTAP1_ERR_TIMEOUT", meaning: "card gave up waiting", hint: "run it again" }],
  [0x06, { name: "CTAP1_ERR_CHANNEL_BUSY", meaning: "card is busy with another program", hint: "let the other program end, often a browser with a prompt open" }],
  [0x0a, { name: "CTAP1_ERR_LOCK_REQUIRED", meaning: "card is locked by another program", hint: "wait up to 10 s and run it again" }],
  [0x0b, { name: "CTAP1_ERR_INVALID_CHANNEL", meaning: "card does not know this channel", hint: "it was reset or plugged in again; run it again" }],
  [0x11, { name: "CTAP2_ERR_CBOR_UNEXPECTED_TYPE", meaning: "card found another CBOR type than it expects" }],
  [0x12, { name: "CTAP2_ERR_INVALID_CBOR", meaning: "card cannot read the CBOR" }],
  [0x14, { name: "CTAP2_ERR_MISSING_PARAMETER", meaning: "card misses a parameter" }],
  [0x15, { name: "CTAP2_ERR_LIMIT_EXCEEDED", meaning: "something is longer or more than the card takes" }],
  [0x17, { name: "CTAP2_ERR_FP_DATABASE_FULL", meaning: "card has no room for another fingerprint", hint: "keyhole ctap bio delete removes one" }],
  [0x18, { name: "CTAP2_ERR_LARGE_BLOB_STORAGE_FULL", meaning: "card has no room for this blob", hint: "keyhole ctap blobs delete removes one" }],
  [0x19, { name: "CTAP2_ERR_CREDENTIAL_EXCLUDED", meaning: "card already holds one of the excluded credentials", kind: "no" }],
  [0x21, { name: "CTAP2_ERR_PROCESSING", meaning: "card is still at work" }],
  [0x22, { name: "CTAP2_ERR_INVALID_CREDENTIAL", meaning: "credential is not one of this card" }],
  [0x23, { name: "CTAP2_ERR_USER_ACTION_PENDING", meaning: "card waits for its user" }],
  [0x24, { name: "CTAP2_ERR_OPERATION_PENDING", meaning: "card has not ended the operation before" }],
  [0x25, { name: "CTAP2_ERR_NO_OPERATIONS", meaning: "card has nothing under way" }],
  [0x26, { name: "CTAP2_ERR_UNSUPPORTED_ALGORITHM", meaning: "card has none of the algorithms", hint: "keyhole ctap info shows which it has" }],
  [0x27, { name: "CTAP2_ERR_OPERATION_DENIED", meaning: "card was not touched in time, or its user refused", hint: TOUCH_SOONER, kind: "no" }],
  [0x28, { name: "CTAP2_ERR_KEY_STORE_FULL", meaning: "card has no room for another discoverable credential", hint: "keyhole ctap credentials delete removes one" }],
  [0x2b, { name: "CTAP2_ERR_UNSUPPORTED_OPTION", meaning: "card does not have an option that was asked for", hint: "keyhole ctap info shows which it has" }],
  [0x2c, { name: "CTAP2_ERR_INVALID_OPTION", meaning: "card does not take an option here" }],
  [0x2d, { name: "CTAP2_ERR_KEEPALIVE_CANCEL", meaning: "operation was cancelled", kind: "no" }],
  [0x2e, { name: "CTAP2_ERR_NO_CREDENTIALS", meaning: "card has no credential for this", kind: "no" }],
  [0x2f, { name: "CTAP2_ERR_USER_ACTION_TIMEOUT", meaning: "card was not touched in time", hint: TOUCH_SOONER, kind: "no" }],
  [0x30, { name: "CTAP2_ERR_NOT_ALLOWED", meaning: "card does not allow this now", kind: "no" }],
  [0x31, { name: "CTAP2_ERR_PIN_INVALID", meaning: "PIN is wrong", hint: "keyhole ctap pin retries shows how many attempts are left", kind: "no" }],
  [0x32, { name: "CTAP2_ERR_PIN_BLOCKED", meaning: "PIN is blocked for good after too many wrong ones", hint: "only keyhole ctap reset makes the card usable again, and it erases its credentials", kind: "no" }],
  [0x33, { name: "CTAP2_ERR_PIN_AUTH_INVALID", meaning: "card does not accept the proof of PIN or user verification", kind: "no" }],
  [0x34, { name: "CTAP2_ERR_PIN_AUTH_BLOCKED", meaning: "card takes no PIN until it was without power", hint: HINT_BLOCKED, kind: "no" }],
  [0x35, { name: "CTAP2_ERR_PIN_NOT_SET", meaning: "card has no PIN", hint: "keyhole ctap pin set gives it one", kind: "no" }],
  [0x36, { name: "CTAP2_ERR_PUAT_REQUIRED", meaning: "card wants a PIN or user verification for this", hint: "give --pin-file FILE, or --uv required", kind: "no" }],
  [0x37, { name: "CTAP2_ERR_PIN_POLICY_VIOLATION", meaning: "PIN does not fit the card's policy", hint: "keyhole ctap info shows the least length; the card may refuse simple PINs too", kind: "no" }],
  [0x39, { name: "CTAP2_ERR_REQUEST_TOO_LARGE", meaning: "request is longer than the card takes" }],
  [0x3a, { name: "CTAP2_ERR_ACTION_TIMEOUT", meaning: "card was not touched in time", hint: TOUCH_SOONER, kind: "no" }],
  [0x3b, { name: "CTAP2_ERR_UP_REQUIRED", meaning: "card wants a touch for this", kind: "no" }],
  [0x3c, { name: "CTAP2_ERR_UV_BLOCKED", meaning: "the card's own user verification is blocked", hint: "use the PIN, which frees it", kind: "no" }],
  [0x3d, { name: "CTAP2_ERR_INTEGRITY_FAILURE", meaning: "checksum does not fit the data" }],
  [0x3e, { name: "CTAP2_ERR_INVALID_SUBCOMMAND", meaning: "card does not know this subcommand" }],
  [0x3f, { name: "CTAP2_ERR_UV_INVALID", meaning: "the card did not recognise its user", hint: "try again", kind: "no" }],
  [0x40, { name: "CTAP2_ERR_UNAUTHORIZED_PERMISSION", meaning: "token does not have the permission for this", kind: "no" }],
  [0x7f, { name: "CTAP1_ERR_OTHER", meaning: "card failed and does not say why" }],
]);

const FIRST_EXTENSION = 0xe0;
const FIRST_VENDOR = 0xf0;

/** `CTAP2_ERR_PIN_INVALID`; of a byte that has no name, the range it is in and the byte. */
export function statusName(status: number): string {
  if (status === 0) return "CTAP2_OK";
  const known = STATUS.get(status);
  if (known !== undefined) return known.name;
  if (status >= FIRST_VENDOR) return "CTAP2_ERR_VENDOR";
  return status >= FIRST_EXTENSION ? "CTAP2_ERR_EXTENSION" : "CTAP2_ERR_UNKNOWN";
}

/** @param status - of a CTAP2 answer or a CTAPHID_ERROR, not 0 */
export function statusError(status: number): CtapError {
  const known = STATUS.get(status);
  const hex = `0x${status.toString(16).padStart(2, "0")}`;
  const details = { kind: known?.kind ?? "outside", ...(known?.hint === undefined ? {} : { hint: known.hint }) };
  return new CtapError(statusName(status), `${known?.meaning ?? "card failed with a status that has no known meaning"} (${hex})`, details);
}

/** The reverse of `statusError`, for statuses that have a name of their own. */
export function statusOf(error: CtapError): number | undefined {
  return [...STATUS].find(([, { name }]) => name === error.code)?.[0];
}

/** Whether an error is the answer of a card with this status. */
export function isStatus(error: unknown, status: number): boolean {
  return error instanceof CtapError && error.code === statusName(status);
}
