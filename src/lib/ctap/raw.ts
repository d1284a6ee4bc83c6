import { concatBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";
import { describeStatusWord, STATUS_WORD } from "./apdu.ts";
import { cborToJson, formatCbor } from "./cbor-text.ts";
import type { CborItem } from "./cbor.ts";
import type { CtapDevice, TransactOptions } from "./device.ts";
import { HID_COMMAND } from "./packet.ts";
import { statusError, statusName, statusOf } from "./status.ts";
import { describeStatus, readBody } from "./trace/interpret.ts";
import { showMessage } from "./trace/show-message.ts";
import { interpretU2f } from "./trace/u2f.ts";
import { encodeUnpaddedBase64url } from "./unpadded-base64url.ts";

/** Bytes to send as they are. */
export type RawRequest =
  /** @param command - of CTAP2 */
  | { readonly kind: "cbor"; readonly command: number; readonly params: Uint8Array }
  | { readonly kind: "msg"; readonly apdu: Uint8Array }
  /** @param command - of CTAPHID */
  | { readonly kind: "hid"; readonly command: number; readonly data: Uint8Array };

export interface RawAnswer {
  readonly response: Uint8Array;
  /** Of CTAP2 a byte, of CTAP1 two; CTAPHID has none. */
  readonly status?: number;
  readonly statusName?: string;
  /** What the status says; nothing where all went well. */
  readonly failure?: CtapError;
  /** What it says, in lines that are safe to show in a terminal. */
  readonly lines: readonly string[];
  /** The same for programs. */
  readonly json: object;
}

/** The card wants a touch, or does not know the key handle. */
const REFUSALS: readonly number[] = [STATUS_WORD.conditionsNotSatisfied, STATUS_WORD.wrongData];

/** The message of CTAPHID that a request is sent as. */
export function encodeRequest(request: RawRequest): { readonly command: number; readonly data: Uint8Array } {
  switch (request.kind) {
    case "cbor":
      return { command: HID_COMMAND.cbor, data: concatBytes(Uint8Array.of(request.command), request.params) };
    case "msg":
      return { command: HID_COMMAND.msg, data: request.apdu };
    case "hid":
      return { command: request.command, data: request.data };
  }
}

/**
 * Sends bytes that may be anything and decodes the answer.
 *
 * @throws {CtapError} CTAP_ANSWER where there is no status; what `CtapDevice.transact` throws
 */
export async function sendRaw(device: CtapDevice, request: RawRequest, options: TransactOptions): Promise<RawAnswer> {
  const { command, data } = encodeRequest(request);
  let response: Uint8Array;
  try {
    response = await device.transact(command, data, options);
  } catch (error) {
    const status = error instanceof CtapError ? statusOf(error) : undefined;
    if (status === undefined) throw error;
    return readHidError(status);
  }
  switch (request.kind) {
    case "cbor":
      return readCtap2(response);
    case "msg":
      return readU2f(data, response);
    case "hid":
      return { response, lines: showMessage("from-card", { command, data: response }), json: {} };
  }
}

/** The card answered with CTAPHID_ERROR instead. */
function readHidError(status: number): RawAnswer {
  const response = Uint8Array.of(status);
  return { response, status, statusName: statusName(status), failure: statusError(status), lines: showMessage("from-card", { command: HID_COMMAND.error, data: response }), json: {} };
}

function readCtap2(response: Uint8Array): RawAnswer {
  const [status] = response;
  if (status === undefined) throw noStatus(response);
  const body = readBody(response.subarray(1));
  return {
    response,
    status,
    statusName: statusName(status),
    ...(status === 0 ? {} : { failure: statusError(status) }),
    lines: [describeStatus(status), ...(body === undefined ? [] : bodyLines(body))],
    json: body === undefined ? {} : bodyToJson(body),
  };
}

function bodyLines(body: CborItem | CtapError): readonly string[] {
  if (body instanceof CtapError) return [`problem: ${body.message}`];
  return [formatCbor(body.value), ...body.oddities.map(({ offset, message }) => `not canonical: ${message}, at byte ${offset}`)];
}

function bodyToJson(body: CborItem | CtapError): object {
  if (body instanceof CtapError) return { problem: body.message };
  const { value, oddities } = body;
  return { decoded: cborToJson(value), diagnostic: formatCbor(value), ...(oddities.length === 0 ? {} : { oddities }) };
}

function readU2f(apdu: Uint8Array, response: Uint8Array): RawAnswer {
  const command = HID_COMMAND.msg;
  const message = { command, data: response, request: { command, data: apdu } };
  const { statusWord, parts = [] } = response.length < 2 ? {} : (interpretU2f("from-card", message) ?? {});
  if (statusWord === undefined) throw noStatus(response);
  return {
    response,
    status: statusWord,
    statusName: describeStatusWord(statusWord),
    ...(statusWord === STATUS_WORD.noError ? {} : { failure: statusWordFailure(statusWord) }),
    lines: showMessage("from-card", message),
    json: { decoded: Object.fromEntries(parts.map(({ name, bytes }) => [name, encodeUnpaddedBase64url(bytes)])) },
  };
}

function statusWordFailure(statusWord: number): CtapError {
  return new CtapError("CTAP_STATUS_WORD", `card answered ${describeStatusWord(statusWord)}`, { kind: REFUSALS.includes(statusWord) ? "no" : "outside" });
}

function noStatus(response: Uint8Array): CtapError {
  return new CtapError("CTAP_ANSWER", `answer is ${response.length} bytes, expected a status at least`, { kind: "outside" });
}
