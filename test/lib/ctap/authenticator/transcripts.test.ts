import { X509Certificate } from "node:crypto";
import t, { type Test } from "tap";
import { concatBytes } from "../../../../src/lib/bytes.ts";
import { parseAuthenticatorData } from "../../../../src/lib/ctap/authenticator-data.ts";
import { cborMap, encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../../../src/lib/ctap/cbor.ts";
import { parseCosePublicKey, verifySignature } from "../../../../src/lib/ctap/cose.ts";
import { HID_COMMAND } from "../../../../src/lib/ctap/packet.ts";
import { keyAgreement, pinProtocol, type PinProtocol, type PinProtocolNumber } from "../../../../src/lib/ctap/pin-protocol.ts";
import { exchangesOf, recordedSteps, type Exchange, type RecordedStep } from "../recorded.ts";
import { bytes, hex } from "../vectors.ts";
import { asBytes, asMap } from "./direct-host.ts";
import { WiredHost } from "./wired-host.ts";

// What hosts have said to real firmware is said to the authenticator here, and
// what it answers must have the same statuses and the same fields. Secrets and
// credential ids are those of the card, so that they are put into the requests
// anew.

/** Where it answers otherwise than the firmware, and why. */
const DIFFERENCES: Readonly<Record<string, number>> = {
  // It has makeCredUvNotRqd, as the other firmware.
  "solo1 makeCredential-without-pin": 0x00,
  // 0xF1 is a status of vendors.
  "canokey unknown-cbor-command": 0x01,
};

/** A pair of the firmware's and ours. */
interface Both<Kind> {
  readonly recorded: Kind;
  readonly ours: Kind;
}

const GET_PIN_TOKEN = 0x05;
const GET_TOKEN_WITH_PERMISSIONS = 0x09;
const CREDENTIAL_MANAGEMENT = 0x04;

class Replay {
  readonly #t: Test;
  readonly #step: RecordedStep;
  readonly #card: CardMemory;

  constructor(t: Test, step: RecordedStep, card: CardMemory) {
    this.#t = t;
    this.#step = step;
    this.#card = card;
  }

  /** The request as a host of ours would send it. */
  request({ command, data }: Exchange["request"]): Uint8Array {
    if (command === HID_COMMAND.msg) return this.#msg(data);
    if (command !== HID_COMMAND.cbor || data.length === 1) return data;
    const params = this.#withIds(asMap(parseCbor(data.subarray(1)).value));
    return concatBytes(data.subarray(0, 1), encodeCbor(this.#withSecrets(data[0]!, asMap(params))));
  }

  /** With the length of the key handle where the extended APDU has it. */
  #msg(apdu: Uint8Array): Uint8Array {
    if (apdu[1] !== 0x02) return apdu;
    const handle = apdu.subarray(72, 72 + apdu[71]!);
    const ours = this.#card.ids.get(hex(handle)) ?? handle;
    const length = 65 + ours.length;
    return concatBytes(apdu.subarray(0, 5), Uint8Array.of(length >> 8, length & 0xff), apdu.subarray(7, 71), Uint8Array.of(ours.length), ours, apdu.subarray(-2));
  }

  #withIds(value: CborValue): CborValue {
    if (value instanceof Uint8Array) return this.#card.ids.get(hex(value)) ?? value;
    if (isCborMap(value)) return new Map([...value].map(([key, entry]) => [key, this.#withIds(entry)]));
    return Array.isArray(value) ? (value as readonly CborValue[]).map((entry) => this.#withIds(entry)) : value;
  }

  #withSecrets(command: number, params: CborMap): CborMap {
    const set = (...entries: readonly (readonly [number, CborValue])[]): CborMap => new Map([...params, ...entries]);
    switch (command) {
      case 0x01:
        return params.has(8) ? set([8, this.#proof(params.get(9), asBytes(params.get(8)), asBytes(params.get(1)))]) : params;
      case 0x02:
        return params.has(4) ? set([4, this.#hmacSecret(asMap(params.get(4)))]) : params;
      case 0x06:
        return this.#clientPin(params);
      case 0x0a: {
        const inner = params.get(2);
        const message = concatBytes(Uint8Array.of(Number(params.get(1))), inner === undefined ? new Uint8Array() : encodeCbor(inner));
        return params.has(4) ? set([4, this.#proof(params.get(3), asBytes(params.get(4)), message)]) : params;
      }
      default:
        return params;
    }
  }

  #proof(protocol: CborValue, recorded: Uint8Array, message: Uint8Array): Uint8Array {
    const rules = pinProtocol(protocol as PinProtocolNumber);
    const { token } = this.#card;
    // Ids of credentials are in the message, and they are not the same.
    if (message.length <= 35) this.#t.same(rules.authenticate(token!.recorded, message), recorded, "the firmware's proof");
    return rules.authenticate(token!.ours, message);
  }

  #clientPin(params: CborMap): CborMap {
    const peer = params.get(3);
    if (peer === undefined) return params;
    const rules = pinProtocol(params.get(1) as PinProtocolNumber);
    const secret = this.#agree(rules, asMap(peer));
    const newPin = this.#again(rules, secret, params.get(5));
    const pinHash = this.#again(rules, secret, params.get(6));
    const proof = newPin === undefined ? undefined : rules.authenticate(secret.ours, concatBytes(newPin, pinHash ?? new Uint8Array()));
    const again = new Map([...params, [4, proof], [5, newPin], [6, pinHash]]);
    // Before CTAP 2.1 any token was good for credential management.
    const needsPermission = this.#step.step.startsWith("getPinToken-cm") && params.get(2) === GET_PIN_TOKEN;
    return needsPermission ? new Map([...again, [2, GET_TOKEN_WITH_PERMISSIONS], [9, CREDENTIAL_MANAGEMENT]]) : again;
  }

  #hmacSecret(extensions: CborMap): CborMap {
    const input = asMap(extensions.get("hmac-secret"));
    const rules = pinProtocol((input.get(4) ?? 1) as PinProtocolNumber);
    const secret = this.#agree(rules, asMap(input.get(1)));
    const salts = this.#again(rules, secret, input.get(2))!;
    return new Map([...extensions, ["hmac-secret", new Map<CborValue, CborValue>([...input, [2, salts], [3, rules.authenticate(secret.ours, salts)]])]]);
  }

  /** The secrets of the host's recorded key with either card's. */
  #agree(rules: PinProtocol, peer: CborMap): Both<Uint8Array> {
    const keys = this.#step.host_ephemeral_private_keys!.map((scalar) => keyAgreement(rules.number, bytes(scalar)));
    const key = keys.find(({ publicKey }) => hex(encodeCbor(publicKey)) === hex(encodeCbor(peer)))!;
    const { recorded, ours } = this.#card.keyAgreement!;
    this.#card.rules = rules;
    this.#card.secret = { recorded: key.sharedSecret(recorded), ours: key.sharedSecret(ours) };
    return this.#card.secret;
  }

  #again(rules: PinProtocol, secret: Both<Uint8Array>, cipher: CborValue): Uint8Array | undefined {
    return cipher === undefined ? undefined : rules.encrypt(secret.ours, rules.decrypt(secret.recorded, asBytes(cipher)));
  }

  /** Checks an answer that is CTAP2_OK, and keeps what later requests need. */
  learn(request: Uint8Array, answer: Both<CborMap>): void {
    const clientDataHash = request.length > 1 ? asMap(parseCbor(request.subarray(1)).value).get(request[0] === 0x01 ? 1 : 2) : undefined;
    const { recorded, ours } = answer;
    switch (request[0]) {
      case 0x01:
        this.#card.learnCredential(recorded, ours);
        this.#t.ok(this.#card.verify(ours, clientDataHash, asMap(ours.get(3)).get("sig")), "the attestation is right");
        break;
      case 0x02:
      case 0x08:
        this.#card.clientDataHash = clientDataHash ?? this.#card.clientDataHash;
        this.#t.ok(this.#card.verify(ours, this.#card.clientDataHash, ours.get(3)), "the assertion is right");
        this.#checkHmacSecret(ours);
        break;
      case 0x06:
        if (ours.has(1)) this.#card.keyAgreement = { recorded: asMap(recorded.get(1)), ours: asMap(ours.get(1)) };
        if (ours.has(2)) this.#learnToken(asBytes(recorded.get(2)), asBytes(ours.get(2)));
        break;
    }
  }

  #learnToken(recorded: Uint8Array, ours: Uint8Array): void {
    const { rules, secret } = this.#card;
    this.#card.token = { recorded: rules!.decrypt(secret!.recorded, recorded), ours: rules!.decrypt(secret!.ours, ours) };
    if (this.#step.decrypted_token !== undefined) this.#t.equal(hex(this.#card.token.recorded), this.#step.decrypted_token, "the firmware's token");
    this.#t.equal(this.#card.token.ours.length, 32);
  }

  #checkHmacSecret(answer: CborMap): void {
    const output = parseAuthenticatorData(asBytes(answer.get(2))).extensions?.get("hmac-secret");
    const { rules, secret } = this.#card;
    if (output !== undefined) this.#t.equal(rules!.decrypt(secret!.ours, asBytes(output)).length, 32);
  }
}

/** What is known of the two cards. */
class CardMemory {
  /** Ours, by the firmware's. */
  readonly ids = new Map<string, Uint8Array>();
  /** By our id. */
  readonly #keys = new Map<string, CborMap>();
  keyAgreement: Both<CborMap> | undefined;
  rules: PinProtocol | undefined;
  secret: Both<Uint8Array> | undefined;
  token: Both<Uint8Array> | undefined;
  clientDataHash: CborValue;

  learnCredential(recorded: CborMap, ours: CborMap): void {
    const attested = parseAuthenticatorData(asBytes(ours.get(2))).attested!;
    this.ids.set(hex(parseAuthenticatorData(asBytes(recorded.get(2))).attested!.credentialId), attested.credentialId);
    this.#keys.set(hex(attested.credentialId), attested.publicKey);
  }

  /** Whether a signature over authenticator data is by the key of its credential. */
  verify(answer: CborMap, clientDataHash: CborValue, signature: CborValue): boolean {
    const authData = asBytes(answer.get(2));
    const id = parseAuthenticatorData(authData).attested?.credentialId ?? asBytes(asMap(answer.get(1)).get("id"));
    const key = parseCosePublicKey(this.#keys.get(hex(id))!);
    return verifySignature(-7, key, concatBytes(authData, asBytes(clientDataHash)), asBytes(signature));
  }
}

/** 05 | public key(65) | length(1) | key handle | certificate | signature | status word(2) */
function parseRegistration(answer: Uint8Array) {
  const handleEnd = 67 + answer[66]!;
  const certificateEnd = handleEnd + 4 + ((answer[handleEnd + 2]! << 8) | answer[handleEnd + 3]!);
  return {
    point: answer.subarray(1, 66),
    handle: answer.subarray(67, handleEnd),
    certificate: answer.subarray(handleEnd, certificateEnd),
    signature: answer.subarray(certificateEnd, -2),
  };
}

function checkMsg(t: Test, request: Uint8Array, recorded: Uint8Array, ours: Uint8Array, card: CardMemory): void {
  t.equal(hex(ours.subarray(-2)), hex(recorded.subarray(-2)), "the status word");
  if (ours.length === 2) return;
  const [challenge, application] = [request.subarray(7, 39), request.subarray(39, 71)];
  if (request[1] === 0x01) {
    const { point, handle, certificate, signature } = parseRegistration(ours);
    card.ids.set(hex(parseRegistration(recorded).handle), handle);
    card.clientDataHash = point;
    t.ok(verifySignature(-7, new X509Certificate(certificate).publicKey, concatBytes(Uint8Array.of(0), application, challenge, handle, point), signature), "the registration is right");
  } else if (request[1] === 0x02) {
    const point = asBytes(card.clientDataHash);
    const key = parseCosePublicKey(cborMap([1, 2], [3, -7], [-1, 1], [-2, point.slice(1, 33)], [-3, point.slice(33)]));
    t.ok(verifySignature(-7, key, concatBytes(application, ours.subarray(0, 5), challenge), ours.subarray(5, -2)), "the signature is right");
  } else {
    t.same(ours, recorded);
  }
}

for (const name of ["solo1", "canokey"]) {
  t.test(`what was said to ${name}`, (t) => {
    const host = new WiredHost();
    const channel = host.open();
    const card = new CardMemory();
    for (const step of recordedSteps(name)) {
      t.test(step.step, (t) => {
        const replay = new Replay(t, step, card);
        for (const exchange of exchangesOf(step)) {
          const { command } = exchange.request;
          if (command === HID_COMMAND.init) continue; // with its own channel
          const request = replay.request(exchange.request);
          const answer = host.ask(channel, command, request);
          const recorded = exchange.answer;
          t.equal(answer.command, recorded.command);
          if (command === HID_COMMAND.msg) checkMsg(t, request, recorded.data, answer.data, card);
          else if (command !== HID_COMMAND.cbor) t.same(answer.data, recorded.data);
          else {
            t.equal(answer.data[0], DIFFERENCES[`${name} ${step.step}`] ?? recorded.data[0], `the status of command ${request[0]!}`);
            if (answer.data.length === 1 || recorded.data.length === 1) continue;
            const both = { recorded: asMap(parseCbor(recorded.data.subarray(1)).value), ours: asMap(parseCbor(answer.data.subarray(1)).value) };
            const missing = [...both.recorded.keys()].filter((key) => !both.ours.has(key));
            t.same(missing, [], "has the fields of the firmware's answer");
            if (request[0] !== 0x04) t.same([...both.ours.keys()], [...both.recorded.keys()], "and no others");
            replay.learn(request, both);
          }
        }
        t.end();
      });
    }
    t.end();
  });
}
