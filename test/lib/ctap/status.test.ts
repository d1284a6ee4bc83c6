import t from "tap";
import { isStatus, statusError, statusName } from "../../../src/lib/ctap/status.ts";

/** CTAP 2.1 §8.2, and how each counts: did the card or the person say no, or did something fail? */
const NO: Readonly<Record<string, number>> = {
  CTAP2_ERR_CREDENTIAL_EXCLUDED: 0x19,
  CTAP2_ERR_OPERATION_DENIED: 0x27,
  CTAP2_ERR_KEEPALIVE_CANCEL: 0x2d,
  CTAP2_ERR_NO_CREDENTIALS: 0x2e,
  CTAP2_ERR_USER_ACTION_TIMEOUT: 0x2f,
  CTAP2_ERR_NOT_ALLOWED: 0x30,
  CTAP2_ERR_PIN_INVALID: 0x31,
  CTAP2_ERR_PIN_BLOCKED: 0x32,
  CTAP2_ERR_PIN_AUTH_INVALID: 0x33,
  CTAP2_ERR_PIN_AUTH_BLOCKED: 0x34,
  CTAP2_ERR_PIN_NOT_SET: 0x35,
  CTAP2_ERR_PUAT_REQUIRED: 0x36,
  CTAP2_ERR_PIN_POLICY_VIOLATION: 0x37,
  CTAP2_ERR_UV_BLOCKED: 0x3c,
  CTAP2_ERR_UV_INVALID: 0x3f,
};
const FAILED: Readonly<Record<string, number>> = {
  CTAP1_ERR_INVALID_COMMAND: 0x01,
  CTAP1_ERR_INVALID_PARAMETER: 0x02,
  CTAP1_ERR_INVALID_LENGTH: 0x03,
  CTAP1_ERR_INVALID_SEQ: 0x04,
  CTAP1_ERR_TIMEOUT: 0x05,
  CTAP1_ERR_CHANNEL_BUSY: 0x06,
  CTAP1_ERR_LOCK_REQUIRED: 0x0a,
  CTAP1_ERR_INVALID_CHANNEL: 0x0b,
  CTAP2_ERR_CBOR_UNEXPECTED_TYPE: 0x11,
  CTAP2_ERR_INVALID_CBOR: 0x12,
  CTAP2_ERR_MISSING_PARAMETER: 0x14,
  CTAP2_ERR_LIMIT_EXCEEDED: 0x15,
  CTAP2_ERR_FP_DATABASE_FULL: 0x17,
  CTAP2_ERR_LARGE_BLOB_STORAGE_FULL: 0x18,
  CTAP2_ERR_PROCESSING: 0x21,
  CTAP2_ERR_INVALID_CREDENTIAL: 0x22,
  CTAP2_ERR_UNSUPPORTED_ALGORITHM: 0x26,
  CTAP2_ERR_KEY_STORE_FULL: 0x28,
  CTAP2_ERR_UNSUPPORTED_OPTION: 0x2b,
  CTAP2_ERR_INVALID_OPTION: 0x2c,
  CTAP2_ERR_REQUEST_TOO_LARGE: 0x39,
  CTAP2_ERR_INTEGRITY_FAILURE: 0x3d,
  CTAP2_ERR_INVALID_SUBCOMMAND: 0x3e,
  CTAP1_ERR_OTHER: 0x7f,
};

t.test("every status has the specification's name and the exit status that goes with it", (t) => {
  for (const [kind, statuses] of [["no", NO], ["outside", FAILED]] as const) {
    for (const [name, status] of Object.entries(statuses)) {
      const error = statusError(status);
      t.equal(statusName(status), name);
      t.match(error, { code: name, kind }, name);
      t.ok(isStatus(error, status));
    }
  }
  t.equal(statusName(0), "CTAP2_OK");
  t.end();
});

t.test("a byte without a name still says which it is", (t) => {
  for (let status = 1; status < 0x100; status++) {
    const { message, code, hint } = statusError(status);
    t.ok(message.endsWith(`(0x${status.toString(16).padStart(2, "0")})`), message);
    t.match(code, /^CTAP[12]_ERR_[A-Z0-9_]+$/);
    t.match(message, /^[A-Za-z][^\n.]*\)$/);
    if (hint !== undefined) t.match(hint, /^[a-z][^\n]*[^.]$/);
  }
  t.equal(statusName(0xf1), "CTAP2_ERR_VENDOR");
  t.equal(statusName(0xe0), "CTAP2_ERR_EXTENSION");
  t.equal(statusName(0x50), "CTAP2_ERR_UNKNOWN");
  t.equal(statusError(0xf1).kind, "outside");
  t.end();
});

t.test("an error is of its own status alone", (t) => {
  t.notOk(isStatus(statusError(0x31), 0x32));
  t.notOk(isStatus(new Error("CTAP2_ERR_PIN_INVALID"), 0x31));
  t.end();
});
