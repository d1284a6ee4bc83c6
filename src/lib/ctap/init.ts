import { copyBytes } from "../bytes.ts";
import { CtapError } from "../errors.ts";

/** What a card says of itself when it gives a channel. Source: CTAP 2.1 §11.2.9.1.3. */
export interface InitResponse {
  /** 8 bytes; the ones that were sent. */
  readonly nonce: Uint8Array;
  readonly channel: number;
  /** Of CTAPHID: 2. */
  readonly protocolVersion: number;
  /** major.minor.build of the device, as its maker counts. */
  readonly deviceVersion: readonly [number, number, number];
  readonly capabilities: Capabilities;
}

export interface Capabilities {
  readonly byte: number;
  readonly wink: boolean;
  /** CTAP2. */
  readonly cbor: boolean;
  /** CTAP1. */
  readonly msg: boolean;
}

export const NONCE_LENGTH = 8;
const RESPONSE_LENGTH = 17;
const CAN_WINK = 0x01;
const CAN_CBOR = 0x04;
const CANNOT_MSG = 0x08;

/**
 * nonce(8) | channel(4) | protocol version(1) | device version(3) | capabilities(1)
 *
 * @throws {CtapError} CTAP_INIT
 */
export function parseInitResponse(data: Uint8Array): InitResponse {
  if (data.length < RESPONSE_LENGTH) {
    throw new CtapError("CTAP_INIT", `answer to INIT is ${data.length} bytes, expected ${RESPONSE_LENGTH}`, { kind: "outside" });
  }
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return {
    nonce: copyBytes(data.subarray(0, NONCE_LENGTH)),
    channel: view.getUint32(8),
    protocolVersion: view.getUint8(12),
    deviceVersion: [view.getUint8(13), view.getUint8(14), view.getUint8(15)],
    capabilities: parseCapabilities(view.getUint8(16)),
  };
}

function parseCapabilities(byte: number): Capabilities {
  return { byte, wink: (byte & CAN_WINK) !== 0, cbor: (byte & CAN_CBOR) !== 0, msg: (byte & CANNOT_MSG) === 0 };
}

/** The reverse of `parseInitResponse`, for a card. */
export function encodeInitResponse({ nonce, channel, protocolVersion, deviceVersion, capabilities }: InitResponse): Uint8Array {
  const data = new Uint8Array(RESPONSE_LENGTH);
  const view = new DataView(data.buffer);
  data.set(nonce);
  view.setUint32(8, channel);
  data.set([protocolVersion, ...deviceVersion, capabilities.byte], 12);
  return data;
}

/** What a card can, as one byte and by name. */
export function capabilities({ wink, cbor, msg }: Omit<Capabilities, "byte">): Capabilities {
  const byte = (wink ? CAN_WINK : 0) | (cbor ? CAN_CBOR : 0) | (msg ? 0 : CANNOT_MSG);
  return { byte, wink, cbor, msg };
}
