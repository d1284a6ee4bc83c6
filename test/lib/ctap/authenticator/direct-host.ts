import { createHash } from "node:crypto";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import type { Touch } from "../../../../src/lib/ctap/authenticator/approval.ts";
import { Authenticator } from "../../../../src/lib/ctap/authenticator/authenticator.ts";
import { cborMap, encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { keyAgreement, pinProtocol, type PinProtocolNumber } from "../../../../src/lib/ctap/pin-protocol.ts";
import type { Store } from "../../../../src/lib/ctap/authenticator/state.ts";
import { encodeUtf8 } from "../../../../src/lib/text.ts";

/** Of a map. */
export type Entry = readonly [CborValue, CborValue];

export interface Answer {
  readonly status: number;
  /** Empty where there is none. */
  readonly map: CborMap;
}

/** A token as a host holds it. */
export interface HostToken {
  readonly protocol: PinProtocolNumber;
  prove(...message: readonly Uint8Array[]): Uint8Array;
}

export interface TokenOptions {
  readonly protocol?: PinProtocolNumber;
  readonly permissions?: number;
  readonly rpId?: string;
}

export const RP_ID = "example.com";
export const CLIENT_DATA_HASH = sha256("client data");
export const ES256 = -7;

export function sha256(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(data).digest());
}

/** Talks CTAP2 to an authenticator with nothing between them, and approves every touch. */
export class DirectHost {
  readonly authenticator: Authenticator;
  /** All that were asked for. */
  readonly touches: Touch[] = [];
  nowMs = 0;

  constructor(store?: Store) {
    this.authenticator = new Authenticator({ ...(store === undefined ? {} : { store }), now: () => this.nowMs });
  }

  raw(request: Uint8Array, channel = 1): Answer {
    const conversation = this.authenticator.cbor(request, channel);
    for (;;) {
      const { value, done } = conversation.next();
      if (done === true) return { status: value[0]!, map: value.length > 1 ? asMap(parseCbor(value.subarray(1)).value) : new Map() };
      this.touches.push(value);
    }
  }

  msg(apdu: Uint8Array): Uint8Array {
    const conversation = this.authenticator.msg(apdu);
    for (;;) {
      const { value, done } = conversation.next();
      if (done === true) return value;
      this.touches.push(value);
    }
  }

  call(command: number, params?: CborMap, channel = 1): Answer {
    return this.raw(concatBytes(Uint8Array.of(command), params === undefined ? new Uint8Array() : encodeCbor(params)), channel);
  }

  /** @throws where the answer is not CTAP2_OK */
  ok(command: number, params?: CborMap): CborMap {
    const { status, map } = this.call(command, params);
    if (status !== 0) throw new Error(`command ${command} was answered with 0x${status.toString(16)}`);
    return map;
  }

  info(): CborMap {
    return this.ok(0x04);
  }

  option(name: string): CborValue {
    return asMap(this.info().get(0x04)).get(name);
  }

  setPin(pin: string, protocol: PinProtocolNumber = 2): Answer {
    const tunnel = this.tunnel(protocol);
    const newPin = tunnel.encrypt(padded(pin));
    return this.call(0x06, tunnel.request(0x03, [0x04, tunnel.prove(newPin)], [0x05, newPin]));
  }

  changePin(pin: string, next: string, protocol: PinProtocolNumber = 2): Answer {
    const tunnel = this.tunnel(protocol);
    const newPin = tunnel.encrypt(padded(next));
    const hash = tunnel.encrypt(pinHash(pin));
    return this.call(0x06, tunnel.request(0x04, [0x04, tunnel.prove(newPin, hash)], [0x05, newPin], [0x06, hash]));
  }

  /** @returns the token, or the status of the refusal */
  token(pin: string, { protocol = 2, permissions, rpId }: TokenOptions = {}): HostToken | number {
    const tunnel = this.tunnel(protocol);
    const subcommand = permissions === undefined ? 0x05 : 0x09;
    const { status, map } = this.call(0x06, tunnel.request(subcommand, [0x06, tunnel.encrypt(pinHash(pin))], [0x09, permissions], [0x0a, rpId]));
    if (status !== 0) return status;
    const bytes = tunnel.decrypt(asBytes(map.get(0x02)));
    return { protocol, prove: (...message) => pinProtocol(protocol).authenticate(bytes, concatBytes(...message)) };
  }

  /** @throws where there is none */
  mustToken(pin: string, options: TokenOptions = {}): HostToken {
    const token = this.token(pin, options);
    if (typeof token === "number") throw new Error(`no token: 0x${token.toString(16)}`);
    return token;
  }

  retries(): CborMap {
    return this.ok(0x06, cborMap([0x02, 0x01]));
  }

  /** What host and card agree on. */
  tunnel(protocol: PinProtocolNumber) {
    const ours = keyAgreement(protocol);
    const theirs = asMap(this.ok(0x06, cborMap([0x01, protocol], [0x02, 0x02])).get(0x01));
    const secret = ours.sharedSecret(theirs);
    const rules = pinProtocol(protocol);
    return {
      publicKey: ours.publicKey,
      encrypt: (plain: Uint8Array) => rules.encrypt(secret, plain),
      decrypt: (cipher: Uint8Array) => rules.decrypt(secret, cipher),
      prove: (...message: readonly Uint8Array[]) => rules.authenticate(secret, concatBytes(...message)),
      request: (subcommand: number, ...more: readonly (readonly [number, CborValue])[]) => cborMap([0x01, protocol], [0x02, subcommand], [0x03, ours.publicKey], ...more),
    };
  }

  makeCredential({ token, ...options }: MakeOptions = {}): Answer {
    return this.call(0x01, makeParams(options, token));
  }

  getAssertion({ token, ...options }: GetOptions = {}): Answer {
    return this.call(0x02, getParams(options, token));
  }

  /** @returns the id of a new credential */
  mustMake(options: MakeOptions = {}): Uint8Array {
    const { status, map } = this.makeCredential(options);
    if (status !== 0) throw new Error(`makeCredential was answered with 0x${status.toString(16)}`);
    return credentialIdOf(asBytes(map.get(0x02)));
  }
}

export interface MakeOptions {
  readonly rpId?: string;
  readonly userId?: Uint8Array;
  readonly userName?: string;
  readonly algorithms?: readonly number[];
  readonly exclude?: readonly Uint8Array[];
  readonly extensions?: CborMap;
  readonly options?: CborMap;
  readonly token?: HostToken;
  readonly enterprise?: number;
}

export interface GetOptions {
  readonly rpId?: string;
  readonly allow?: readonly Uint8Array[];
  readonly extensions?: CborMap;
  readonly options?: CborMap;
  readonly token?: HostToken;
}

export const DISCOVERABLE = cborMap(["rk", true]);

function makeParams({ rpId = RP_ID, userId = Uint8Array.of(1, 2, 3, 4), userName = "alice", algorithms = [ES256], exclude, extensions, options, enterprise }: MakeOptions, token?: HostToken): CborMap {
  return cborMap(
    [0x01, CLIENT_DATA_HASH],
    [0x02, cborMap(["id", rpId], ["name", "Example"])],
    [0x03, cborMap(["id", userId], ["name", userName], ["displayName", userName])],
    [0x04, algorithms.map((alg) => cborMap(["alg", alg], ["type", "public-key"]))],
    [0x05, exclude?.map(descriptor)],
    [0x06, extensions],
    [0x07, options],
    [0x08, token?.prove(CLIENT_DATA_HASH)],
    [0x09, token?.protocol],
    [0x0a, enterprise],
  );
}

function getParams({ rpId = RP_ID, allow, extensions, options }: GetOptions, token?: HostToken): CborMap {
  return cborMap(
    [0x01, rpId],
    [0x02, CLIENT_DATA_HASH],
    [0x03, allow?.map(descriptor)],
    [0x04, extensions],
    [0x05, options],
    [0x06, token?.prove(CLIENT_DATA_HASH)],
    [0x07, token?.protocol],
  );
}

export function descriptor(id: Uint8Array): CborMap {
  return cborMap(["id", id], ["type", "public-key"]);
}

/** rpIdHash(32) | flags(1) | counter(4) | aaguid(16) | length(2) | id */
export function credentialIdOf(authData: Uint8Array): Uint8Array {
  return authData.subarray(55, 55 + authData[54]!);
}

export function asMap(value: CborValue): CborMap {
  if (!isCborMap(value)) throw new TypeError("not a map");
  return value;
}

export function asBytes(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError("not a byte string");
  return value;
}

function pinHash(pin: string): Uint8Array {
  return sha256(pin).subarray(0, 16);
}

function padded(pin: string): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set(encodeUtf8(pin));
  return bytes;
}
