/**
 * Who asks for what: the decoded message of a challenge. Bytes that are not
 * UTF-8 stand as the lone surrogates of `decodeUtf8`.
 */
export interface Request {
  /** Empty where the challenge names none, which by RFD 001 means a host name. */
  readonly hostType: string;
  readonly host: string;
  readonly action: string;
}

/**
 * Something in a challenge that no canonical encoder writes. Clients that write
 * it exist, so it is said and not refused.
 */
export interface Oddity {
  /** Stable name. */
  readonly code: string;
  readonly message: string;
}
