/** The status bytes that this authenticator answers with. Source: CTAP 2.1 §8.2. */
export const STATUS = {
  ok: 0x00,
  invalidCommand: 0x01,
  invalidParameter: 0x02,
  invalidLength: 0x03,
  invalidSequence: 0x04,
  unexpectedType: 0x11,
  invalidCbor: 0x12,
  missingParameter: 0x14,
  limitExceeded: 0x15,
  largeBlobStorageFull: 0x18,
  credentialExcluded: 0x19,
  unsupportedAlgorithm: 0x26,
  operationDenied: 0x27,
  keyStoreFull: 0x28,
  unsupportedOption: 0x2b,
  invalidOption: 0x2c,
  noCredentials: 0x2e,
  userActionTimeout: 0x2f,
  notAllowed: 0x30,
  pinInvalid: 0x31,
  pinBlocked: 0x32,
  pinAuthInvalid: 0x33,
  pinAuthBlocked: 0x34,
  pinNotSet: 0x35,
  puatRequired: 0x36,
  pinPolicyViolation: 0x37,
  requestTooLarge: 0x39,
  integrityFailure: 0x3d,
  invalidSubcommand: 0x3e,
  unauthorizedPermission: 0x40,
  other: 0x7f,
} as const;

/** Ends a command with a status; never leaves the authenticator. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`status 0x${status.toString(16).padStart(2, "0")}`);
    this.name = "Refusal";
    this.status = status;
  }
}
