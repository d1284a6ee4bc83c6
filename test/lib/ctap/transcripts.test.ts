import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import t from "tap";
import { parseApduResponse, STATUS_WORD } from "../../../src/lib/ctap/apdu.ts";
import { verifyAssertion, verifyAttestation } from "../../../src/lib/ctap/attestation.ts";
import { isCborMap, parseCbor, type CborMap } from "../../../src/lib/ctap/cbor.ts";
import { ClientPin, PERMISSION, type PinUvAuthToken } from "../../../src/lib/ctap/client-pin.ts";
import { COSE_ALGORITHM, type CoseKey } from "../../../src/lib/ctap/cose.ts";
import { CredentialManagement } from "../../../src/lib/ctap/credential-management.ts";
import { Ctap1 } from "../../../src/lib/ctap/ctap1.ts";
import { Ctap2, CTAP2_COMMAND } from "../../../src/lib/ctap/ctap2.ts";
import { CtapDevice, type Keepalive } from "../../../src/lib/ctap/device.ts";
import type { Assertion, GetAssertionParams } from "../../../src/lib/ctap/get-assertion.ts";
import { decryptHmacSecretOutput, encodeHmacSecretInput } from "../../../src/lib/ctap/hmac-secret.ts";
import type { MakeCredentialParams } from "../../../src/lib/ctap/make-credential.ts";
import { MessageAssembler, type Message } from "../../../src/lib/ctap/message.ts";
import { HID_COMMAND, parsePacket } from "../../../src/lib/ctap/packet.ts";
import { pinProtocol, type PinProtocolNumber } from "../../../src/lib/ctap/pin-protocol.ts";
import { statusName } from "../../../src/lib/ctap/status.ts";
import { memoryPair } from "../../../src/lib/ctap/transport/memory.ts";
import type { Transport } from "../../../src/lib/ctap/transport/transport.ts";
import { errorCodeOf } from "../errors.ts";
import { exchangesOf, recordedSteps, type RecordedStep } from "./recorded.ts";
import { bytes, hex } from "./vectors.ts";

// The host's side of the conversations that python-fido2 had with two real
// firmwares, driven by our own code through the real device driver. The card
// takes exactly the reports that were recorded, and answers with those.

interface Step extends RecordedStep {
  readonly error?: string;
}

/** One request as it was recorded, and the reports that answered it. */
interface Turn {
  readonly request: Message;
  readonly asked: readonly string[];
  readonly answered: readonly string[];
}

function turnsOf({ frames }: Step): readonly Turn[] {
  const turns: { request: Message; asked: string[]; answered: string[] }[] = [];
  let assembler: MessageAssembler | undefined;
  for (const frame of frames) {
    const report = frame.slice(2);
    const turn = turns.at(-1);
    if (frame.startsWith("<")) {
      turn?.answered.push(report);
      continue;
    }
    const packet = parsePacket(bytes(report));
    if (packet.type === "init") {
      assembler = new MessageAssembler(packet.channel);
      turns.push({ request: { command: packet.command, data: new Uint8Array() }, asked: [report], answered: [] });
    } else turn?.asked.push(report);
    const message = assembler?.receive(packet);
    const last = turns.at(-1);
    if (message !== undefined && last !== undefined) last.request = message;
  }
  return turns;
}

/**
 * The one request that we write in another way: python-fido2 sends VERSION as
 * `00 03 00 00 | 00 00 00 | 00 00`, with a length of no data, where ISO 7816-4
 * §5.1 has no such field; ours ends two bytes sooner.
 */
const VERSION = { recorded: "000300000000000000", ours: "00030000000000" };

/** The card of a recording. */
class RecordedCard {
  readonly transport: Transport;
  readonly #card: ReturnType<typeof memoryPair>["card"];
  readonly #getInfo: { readonly before: Turn; readonly after: Turn };
  #turns: Turn[] = [];
  #assembler: MessageAssembler | undefined;
  #reports: string[] = [];
  #isPinSet = false;

  constructor(steps: readonly Step[]) {
    const { transport, card } = memoryPair();
    this.transport = transport;
    this.#card = card;
    card.onReport = (report) => this.#receive(report);
    const isGetInfo = ({ request }: Turn): boolean => request.command === HID_COMMAND.cbor && hex(request.data) === "04";
    const turns = steps.flatMap(turnsOf);
    const before = turns.find(isGetInfo);
    const after = turns.findLast(isGetInfo);
    assert(before !== undefined && after !== undefined && before !== after);
    this.#getInfo = { before, after };
  }

  /** From here on the card follows a step. */
  begin(step: Step): void {
    assert.deepEqual(this.#turns, [], "requests of the step before that were never sent");
    this.#turns = [...turnsOf(step)];
  }

  /** What is still to be asked in the step. */
  get left(): number {
    return this.#turns.length;
  }

  #receive(report: Uint8Array): void {
    const packet = parsePacket(report);
    if (packet.type === "init") this.#assembler = new MessageAssembler(packet.channel);
    this.#reports.push(hex(report));
    const message = this.#assembler?.receive(packet);
    if (message === undefined) return;
    const reports = this.#reports;
    this.#reports = [];
    this.#answer(message, reports);
  }

  #answer(message: Message, reports: readonly string[]): void {
    const turn = this.#turns[0];
    if (turn !== undefined && isSame(turn, message, reports)) {
      this.#turns.shift();
      if (message.command === HID_COMMAND.cbor && hex(message.data).startsWith("06a5010") && message.data[5] === 3) this.#isPinSet = true;
      this.#send(turn);
    } else if (message.command === HID_COMMAND.cbor && hex(message.data) === "04") {
      // python-fido2 asked for getInfo once and never again; we ask anew where a PIN was set.
      this.#send(this.#isPinSet ? this.#getInfo.after : this.#getInfo.before);
    } else {
      // The test fails by the answer that never comes, at once.
      this.#card.unplug();
      assert.deepEqual(reports, turn?.asked, "the recorded request");
    }
  }

  #send({ answered }: Turn): void {
    for (const report of answered) this.#card.send(bytes(report));
  }
}

function isSame({ request, asked }: Turn, message: Message, reports: readonly string[]): boolean {
  if (hex(request.data) === VERSION.recorded) return message.command === request.command && hex(message.data) === VERSION.ours;
  return asked.join() === reports.join();
}

const sha256 = (text: string): Uint8Array => new Uint8Array(createHash("sha256").update(text).digest());
const RP_ID = "example.com";
const RP = { id: RP_ID, name: "Example" };
const ALICE = { id: bytes("01020304"), name: "alice@example.com", displayName: "Alice" };
const BOB = { id: bytes("0908"), name: "bob", displayName: "Bob" };

const FIRST_PIN = new Uint8Array(Buffer.from("1234abcd"));
const SECOND_PIN = new Uint8Array(Buffer.from("zyxw9876"));
const WRONG_PIN = new Uint8Array(Buffer.from("9999"));

/** What the steps share. */
class Session {
  readonly ctap2: Ctap2;
  readonly ctap1: Ctap1;
  readonly device: CtapDevice;
  readonly keepalives: Keepalive[];
  token: PinUvAuthToken | undefined;
  pin = FIRST_PIN;
  /** Public keys by credential id in hexadecimal. */
  readonly keys = new Map<string, CoseKey>();
  /** Ids in the order in which the credentials were made. */
  readonly ids: Uint8Array[] = [];

  constructor(device: CtapDevice, keepalives: Keepalive[]) {
    const options = { onKeepalive: (status: Keepalive): void => void keepalives.push(status) };
    this.device = device;
    this.keepalives = keepalives;
    this.ctap2 = new Ctap2(device, options);
    this.ctap1 = new Ctap1(device, options);
  }

  /** With the keys and initialisation vectors that python-fido2 drew in the step. */
  clientPin(step: Step, number: PinProtocolNumber): ClientPin {
    const keys = [...(step.host_ephemeral_private_keys ?? [])];
    const ivs = exchangesOf(step).flatMap(({ request }) => initialisationVectors(request));
    return new ClientPin(this.ctap2, number, {
      privateKey: () => bytes(keys.shift() ?? assert.fail("no more private keys")),
      random: (length) => (ivs.shift() ?? assert.fail("no more initialisation vectors")).subarray(0, length),
    });
  }

  async makeCredential(change: Partial<MakeCredentialParams>): Promise<Uint8Array> {
    const params = { clientDataHash: sha256("client data 1"), rp: RP, user: ALICE, algorithms: [COSE_ALGORITHM.es256], ...change };
    const made = await this.ctap2.makeCredential(params);
    const verified = verifyAttestation(made, { rpId: RP_ID, clientDataHash: params.clientDataHash, uv: params.token !== undefined }, params.algorithms);
    assert.equal(verified.signature, "certificate");
    this.keys.set(hex(made.credential.credentialId), made.credential.publicKey);
    this.ids.push(made.credential.credentialId);
    return made.credential.credentialId;
  }

  async getAssertion(change: Partial<GetAssertionParams>): Promise<readonly Assertion[]> {
    const params = { rpId: RP_ID, clientDataHash: sha256("client data 4"), ...change };
    const assertions = await this.ctap2.getAssertion(params);
    for (const assertion of assertions) {
      const key = this.keys.get(hex(assertion.credential.id));
      assert(key !== undefined, "a credential that was made here");
      verifyAssertion(assertion, { rpId: RP_ID, clientDataHash: params.clientDataHash, up: params.options?.up !== false }, key);
    }
    return assertions;
  }
}

/** Those before the encrypted PINs and PIN hashes of a request of clientPIN, in the order in which they are drawn. */
function initialisationVectors({ command, data }: Message): readonly Uint8Array[] {
  if (command !== HID_COMMAND.cbor || data[0] !== CTAP2_COMMAND.clientPin) return [];
  const { value } = parseCbor(data.subarray(1));
  assert(isCborMap(value));
  return [value.get(5), value.get(6)].flatMap((encrypted) => (encrypted instanceof Uint8Array ? [encrypted.subarray(0, 16)] : []));
}

/** The data of the step's first request to MSG. */
function msgData(step: Step): { readonly challenge: Uint8Array; readonly application: Uint8Array; readonly keyHandle: Uint8Array } {
  const data = exchangesOf(step)[0]?.request.data.subarray(7, -2) ?? new Uint8Array();
  return { challenge: data.subarray(0, 32), application: data.subarray(32, 64), keyHandle: data.subarray(65) };
}

/** The clientDataHash of a request whose client data are not told. */
function recordedHash(step: Step, command: number, key: number): Uint8Array {
  const request = exchangesOf(step).find(({ request }) => request.command === HID_COMMAND.cbor && request.data[0] === command)?.request;
  const { value } = parseCbor(request?.data.subarray(1) ?? assert.fail());
  const hash = isCborMap(value) ? value.get(key) : undefined;
  assert(hash instanceof Uint8Array);
  return hash;
}

type Run = (session: Session, step: Step) => Promise<unknown>;

const getPinToken = (number: PinProtocolNumber, permissions: number, rpId?: string): Run => async (session, step) => {
  session.token = await session.clientPin(step, number).getToken({ pin: session.pin }, permissions, rpId);
  const expected = pinProtocol(number).authenticate(bytes(step.decrypted_token ?? ""), ALICE.id);
  assert.deepEqual(session.token.authenticate(ALICE.id), expected, "the token that was decrypted then");
};

const wrongPin = (number: PinProtocolNumber): Run => (session, step) => session.clientPin(step, number).getToken({ pin: WRONG_PIN }, PERMISSION.ga, RP_ID);

const retries = (number: PinProtocolNumber): Run => async (session, step) => {
  assert.deepEqual(await session.clientPin(step, number).retries(), { retries: 8, needsPowerCycle: false });
};

const changePin = (number: PinProtocolNumber): Run => async (session, step) => {
  await session.clientPin(step, number).changePin(FIRST_PIN, SECOND_PIN);
  session.pin = SECOND_PIN;
};

const makeCredentialWithPin: Run = (session) => session.makeCredential({ clientDataHash: sha256("client data 6"), token: session.token });

const manageCredentials: Run = async (session) => {
  const management = new CredentialManagement(session.ctap2, await session.ctap2.getInfo(), session.token);
  assert.equal((await management.metadata()).existing, 2);
  const [rp, ...others] = await management.rps();
  assert(rp !== undefined);
  assert.equal(rp.id, RP_ID);
  assert.equal(others.length, 0);
  const credentials = await management.credentials(rp.idHash);
  assert.deepEqual(credentials.map(({ user }) => user), [ALICE, BOB]);
  for (const { id, publicKey } of credentials) assert.deepEqual(publicKey, session.keys.get(hex(id)));
};

const reset: Run = (session) => session.ctap2.reset();

const RUN: Readonly<Record<string, Run>> = {
  "ping": async ({ device }) => {
    const payload = bytes("63746170".repeat(20));
    assert.deepEqual(await device.transact(HID_COMMAND.ping, payload), payload);
  },
  "wink": ({ device }) => device.transact(HID_COMMAND.wink, new Uint8Array()),
  "u2f-version": async ({ ctap1 }) => {
    assert.equal(await ctap1.version(), "U2F_V2");
  },
  "reset": reset,
  "u2f-register": async ({ ctap1 }, step) => {
    const { challenge, application } = msgData(step);
    const made = await ctap1.register(challenge, application);
    const expected = { rpId: "https://example.com", clientDataHash: challenge };
    assert.equal(verifyAttestation(made, expected, [COSE_ALGORITHM.es256]).signature, "certificate");
  },
  "u2f-check-only": async ({ ctap1 }, step) => {
    const { challenge, application, keyHandle } = msgData(step);
    assert.equal(await ctap1.check(challenge, application, keyHandle), true);
  },
  "u2f-authenticate": async ({ ctap1 }, step) => {
    const { challenge, application, keyHandle } = msgData(step);
    const { authData } = await ctap1.authenticate(challenge, application, keyHandle);
    assert.equal(authData.flags.up, true);
  },
  "u2f-bad-keyhandle": ({ ctap1 }, step) => {
    const { challenge, application, keyHandle } = msgData(step);
    return ctap1.authenticate(challenge, application, keyHandle);
  },
  "makeCredential": (session) => session.makeCredential({}),
  "makeCredential-excluded": (session) => session.makeCredential({ excludeList: [{ id: session.ids[0] ?? assert.fail() }] }),
  "makeCredential-bad-alg": (session) => session.makeCredential({ algorithms: [-999] }),
  "makeCredential-rk": (session) => session.makeCredential({ clientDataHash: sha256("client data 2"), options: { rk: true } }),
  "makeCredential-rk-2": (session) => session.makeCredential({ clientDataHash: sha256("client data 3"), user: BOB, options: { rk: true } }),
  "getAssertion-allowList": async (session) => {
    const [assertion] = await session.getAssertion({ allowList: [{ id: session.ids[0] ?? assert.fail() }] });
    assert.equal(assertion?.authData.flags.up, true);
  },
  "getAssertion-up-false": async (session) => {
    const [assertion] = await session.getAssertion({ allowList: [{ id: session.ids[0] ?? assert.fail() }], options: { up: false } });
    assert.equal(assertion?.authData.flags.up, false);
  },
  "getAssertion-unknown-cred": (session) => session.getAssertion({ allowList: [{ id: new Uint8Array(64).fill(0x77) }] }),
  "getAssertion-discoverable+next": async (session) => {
    const assertions = await session.getAssertion({ clientDataHash: sha256("client data 5") });
    assert.deepEqual(assertions.map(({ credential }) => credential.id), session.ids.slice(1, 3).reverse(), "the last made first");
    assert.deepEqual(assertions.map(({ user }) => user?.id), [BOB.id, ALICE.id]);
  },
  "getNextAssertion-none": ({ ctap2 }) => ctap2.call(CTAP2_COMMAND.getNextAssertion),
  "setPIN-proto1": (session, step) => session.clientPin(step, 1).setPin(FIRST_PIN),
  "getPINRetries-proto1": retries(1),
  "getPINRetries-proto2": retries(2),
  "getPinToken-proto1": getPinToken(1, PERMISSION.mc | PERMISSION.ga | PERMISSION.cm, RP_ID),
  "getPinToken-proto2": getPinToken(2, PERMISSION.mc | PERMISSION.ga | PERMISSION.cm, RP_ID),
  "makeCredential-pin-proto1": makeCredentialWithPin,
  "makeCredential-pin-proto2": makeCredentialWithPin,
  "wrong-pin-proto1": wrongPin(1),
  "wrong-pin-proto2": wrongPin(2),
  "getPinToken-cm-proto1": getPinToken(1, PERMISSION.cm),
  "getPinToken-cm-proto2": getPinToken(2, PERMISSION.cm),
  "credentialManagement-proto1": manageCredentials,
  "credentialManagement-proto2": manageCredentials,
  "changePIN-proto1": changePin(1),
  "changePIN-proto2": changePin(2),
  "makeCredential-without-pin": (session) => session.makeCredential({ clientDataHash: sha256("x") }),
  "selection": ({ ctap2 }) => ctap2.selection(),
  "largeBlobs-get": async ({ ctap2 }) => {
    // As many bytes as python-fido2 asked for; the card would give more at once.
    const answer = await ctap2.call(CTAP2_COMMAND.largeBlobs, new Map([[1, 960], [3, 0]]));
    assert.deepEqual(answer.get(1), bytes("8076be8b528d0075f7aae98d6fa57a6d3c"));
  },
  "hmac-secret": async (session, step) => {
    const clientPin = session.clientPin(step, 1);
    const token = await clientPin.getToken({ pin: session.pin }, PERMISSION.mc | PERMISSION.ga, RP_ID);
    const extensions: CborMap = new Map<string, number | boolean>([["hmac-secret", true], ["credProtect", 2]]);
    const id = await session.makeCredential({ clientDataHash: recordedHash(step, CTAP2_COMMAND.makeCredential, 0x01), extensions, token });
    const secret = await clientPin.shareSecret();
    assert.equal(hex(secret.bytes), step.shared_secret);
    const salt = bytes(step.salt ?? "");
    const [assertion] = await session.getAssertion({
      clientDataHash: recordedHash(step, CTAP2_COMMAND.getAssertion, 0x02),
      allowList: [{ id }],
      extensions: new Map([["hmac-secret", encodeHmacSecretInput(secret, salt)]]),
    });
    assert.equal(hex(decryptHmacSecretOutput(secret, assertion?.authData.extensions?.get("hmac-secret"), salt)), step.output);
  },
  "getInfo-final": async ({ ctap2 }) => {
    assert.equal((await ctap2.refresh()).options.get("clientPin"), true);
  },
  "unknown-cbor-command": ({ ctap2 }) => ctap2.call(0x3f),
  "unknown-hid-command": ({ device }) => device.transact(0x3e, new Uint8Array()),
  "reset-final": reset,
};

/** The code of the error that our own code must end the step with. */
function expectedCode({ step, error }: Step): string | undefined {
  // To a check of a key handle the status word that python-fido2 fails with is the answer.
  if (error === undefined || step === "u2f-check-only") return undefined;
  if (step === "u2f-bad-keyhandle") return "CTAP2_ERR_NO_CREDENTIALS";
  return statusName(Number(/0x[0-9a-f]{2}/.exec(error)?.[0]));
}

for (const name of ["solo1", "canokey"]) {
  t.test(`what python-fido2 said to ${name}, we say`, async (t) => {
    const steps: readonly Step[] = recordedSteps(name);
    const [first, ...rest] = steps;
    assert(first?.step === "init+getInfo");
    const card = new RecordedCard(steps);
    const keepalives: Keepalive[] = [];

    card.begin(first);
    const nonce = exchangesOf(first)[0]?.request.data;
    const device = await CtapDevice.open(card.transport, { random: () => nonce ?? assert.fail() });
    const session = new Session(device, keepalives);
    const info = await session.ctap2.getInfo();
    t.equal(info.oddities.length, 0);
    t.equal(card.left, 0, "init+getInfo");

    for (const step of rest) {
      const run = RUN[step.step];
      assert(run !== undefined, `no test for the step ${step.step}`);
      card.begin(step);
      keepalives.length = 0;
      t.equal(await errorCodeOf(run(session, step)), expectedCode(step), step.step);
      t.equal(card.left, 0, `${step.step}: every request was sent`);
      t.equal(keepalives.length, step.frames.filter((frame) => /^< .{8}bb/.test(frame)).length, `${step.step}: every keepalive was told`);
    }
    await device.close();
  });
}

t.test("the recordings have as many steps and reports as they should", (t) => {
  const count = (name: string): readonly number[] => {
    const steps = recordedSteps(name);
    return [steps.length, steps.flatMap(({ frames }) => frames).length];
  };
  t.same(count("solo1"), [33, 275]);
  t.same(count("canokey"), [40, 370]);
  t.end();
});

t.test("the one request that differs means the same", (t) => {
  for (const name of ["solo1", "canokey"]) {
    const step = recordedSteps(name).find(({ step }) => step === "u2f-version");
    const [exchange] = step === undefined ? [] : exchangesOf(step);
    assert(exchange !== undefined);
    t.equal(hex(exchange.request.data), VERSION.recorded);
    t.equal(hex(exchange.request.data.subarray(0, 4)), VERSION.ours.slice(0, 8), "class, instruction and parameters");
    t.equal(parseApduResponse(exchange.answer.data).status, STATUS_WORD.noError);
  }
  t.end();
});
