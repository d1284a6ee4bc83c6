import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import fc from "fast-check";
import t from "tap";
import { concatBytes } from "../../../src/lib/bytes.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { choosePinProtocol, ClientPin, parsePin, PERMISSION, PinUvAuthToken } from "../../../src/lib/ctap/client-pin.ts";
import { Ctap2, CTAP2_COMMAND } from "../../../src/lib/ctap/ctap2.ts";
import { CtapDevice } from "../../../src/lib/ctap/device.ts";
import { parseGetInfo, type GetInfo } from "../../../src/lib/ctap/get-info.ts";
import type { Message } from "../../../src/lib/ctap/message.ts";
import { keyAgreement, pinProtocol, type PinProtocolNumber } from "../../../src/lib/ctap/pin-protocol.ts";
import { errorCode, errorCodeOf } from "../errors.ts";
import { cbor, scriptedCard } from "./scripted-card.ts";

const pin = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const pinHash = (text: string): Uint8Array => new Uint8Array(createHash("sha256").update(text).digest().subarray(0, 16));

const TOKEN = new Uint8Array(32).map((_, i) => i);

interface CardState {
  readonly options?: Readonly<Record<string, boolean>>;
  readonly info?: readonly (readonly [number, CborValue])[];
  pin?: string;
  retries?: number;
  /** Instead of what the card would answer to the subcommand. */
  readonly instead?: ReadonlyMap<number, Message>;
}

interface Asked {
  readonly subCommand: number;
  readonly params: CborMap;
}

/** The card's side of clientPIN, as plain as can be. */
class PinCard {
  readonly asked: Asked[] = [];
  readonly #state: CardState;
  #key = keyAgreement(1);

  constructor(state: CardState) {
    this.#state = state;
  }

  answer(data: Uint8Array): Message {
    if (data[0] === CTAP2_COMMAND.getInfo) return cbor(0, this.#info());
    assert.equal(data[0], CTAP2_COMMAND.clientPin);
    const { value, oddities } = parseCbor(data.subarray(1));
    assert.deepEqual(oddities, []);
    assert(isCborMap(value));
    const subCommand = Number(value.get(2));
    this.asked.push({ subCommand, params: value });
    return this.#state.instead?.get(subCommand) ?? this.#answer(subCommand, value);
  }

  #info(): Uint8Array {
    const options = Object.entries({ ...this.#state.options, clientPin: this.#state.pin !== undefined }).sort();
    return encodeCbor(new Map<CborValue, CborValue>([[1, ["FIDO_2_1"]], [4, new Map(options)], [6, [2, 1]], ...(this.#state.info ?? [])]));
  }

  #answer(subCommand: number, params: CborMap): Message {
    const number: PinProtocolNumber = params.get(1) === 2 ? 2 : 1;
    const protocol = pinProtocol(number);
    if (subCommand === 1) return ok([3, this.#state.retries ?? 8], [4, false]);
    if (subCommand === 7) return ok([5, 3]);
    if (subCommand === 2) {
      this.#key = keyAgreement(number);
      return ok([1, this.#key.publicKey]);
    }
    const peer = params.get(3);
    assert(isCborMap(peer ?? null));
    const secret = this.#key.sharedSecret(peer as CborMap);
    const part = (key: number): Uint8Array => {
      const value = params.get(key);
      assert(value instanceof Uint8Array, `no ${key}`);
      return value;
    };
    const isRight = (): boolean => Buffer.from(protocol.decrypt(secret, part(6))).equals(pinHash(this.#state.pin ?? ""));
    switch (subCommand) {
      case 3:
      case 4: {
        const message = subCommand === 3 ? part(5) : concatBytes(part(5), part(6));
        if (!protocol.verify(secret, message, part(4))) return cbor(0x33);
        if (subCommand === 4 && !isRight()) return cbor(0x31);
        this.#state.pin = Buffer.from(protocol.decrypt(secret, part(5))).toString().replace(/\0+$/, "");
        return cbor(0);
      }
      case 6:
        return ok([2, protocol.encrypt(secret, TOKEN)]);
      default:
        return isRight() ? ok([2, protocol.encrypt(secret, TOKEN)]) : cbor(0x31);
    }
  }
}

function ok(...entries: readonly (readonly [number, CborValue])[]): Message {
  return cbor(0, encodeCbor(new Map(entries)));
}

async function open(state: CardState, protocol?: PinProtocolNumber): Promise<{ readonly card: PinCard; readonly clientPin: ClientPin; readonly ctap2: Ctap2 }> {
  const card = new PinCard(state);
  const device = await CtapDevice.open(scriptedCard(({ data }) => [card.answer(data)]));
  t.teardown(() => device.close());
  const ctap2 = new Ctap2(device);
  return { card, ctap2, clientPin: new ClientPin(ctap2, protocol) };
}

const subCommands = ({ asked }: PinCard): readonly number[] => asked.map(({ subCommand }) => subCommand);

for (const number of [1, 2] as const) {
  t.test(`protocol ${number}: a PIN is set, changed and used`, async (t) => {
    const state: CardState = { options: { pinUvAuthToken: true } };
    const { card, clientPin, ctap2 } = await open(state, number);
    await clientPin.setPin(pin("1234"));
    t.equal(state.pin, "1234");
    t.equal((await ctap2.getInfo()).options.get("clientPin"), true, "what the card says of itself is asked anew");
    await clientPin.changePin(pin("1234"), pin("pässword"));
    t.equal(state.pin, "pässword");
    const token = await clientPin.getToken({ pin: pin("pässword") }, PERMISSION.mc | PERMISSION.ga, "example.com");
    t.equal(token.protocol, number);
    t.same(token.authenticate(pin("message")), pinProtocol(number).authenticate(TOKEN, pin("message")));
    t.same(subCommands(card), [2, 3, 2, 4, 2, 9]);
    const last = card.asked.at(-1)?.params;
    t.same([...(last?.keys() ?? [])], [1, 2, 3, 6, 9, 10]);
    t.equal(last?.get(1), number);
    t.equal(last?.get(9), 3);
    t.equal(last?.get(10), "example.com");
    t.equal(await errorCodeOf(clientPin.getToken({ pin: pin("wrong") }, PERMISSION.cm)), "CTAP2_ERR_PIN_INVALID");
    t.equal(await errorCodeOf(clientPin.changePin(pin("wrong"), pin("12345"))), "CTAP2_ERR_PIN_INVALID");
    t.equal(state.pin, "pässword");
  });
}

t.test("each key agreement is a new one", async (t) => {
  const { card, clientPin } = await open({ pin: "1234", options: { pinUvAuthToken: true } });
  for (let i = 0; i < 3; i++) await clientPin.getToken({ pin: pin("1234") }, PERMISSION.cm);
  const keys = card.asked.filter(({ subCommand }) => subCommand === 9).map(({ params }) => inspect(params.get(3), { depth: 5 }));
  t.equal(new Set(keys).size, 3);
});

t.test("a card of before CTAP 2.1 gives a token without permissions", async (t) => {
  const { card, clientPin } = await open({ pin: "1234" }, 1);
  await clientPin.getToken({ pin: pin("1234") }, PERMISSION.cm, "example.com");
  t.same(subCommands(card), [2, 5]);
  t.same([...(card.asked[1]?.params.keys() ?? [])], [1, 2, 3, 6]);
});

t.test("a token for the card's own user verification", async (t) => {
  const { card, clientPin } = await open({ options: { pinUvAuthToken: true, uv: true } });
  const token = await clientPin.getToken({ uv: true }, PERMISSION.cm);
  t.same(token.authenticate(pin("m")), pinProtocol(2).authenticate(TOKEN, pin("m")));
  t.same(subCommands(card), [2, 6]);
  t.same([...(card.asked[1]?.params.keys() ?? [])], [1, 2, 3, 9]);
  const { card: old, clientPin: without } = await open({ options: { uv: true } });
  t.equal(await errorCodeOf(without.getToken({ uv: true }, PERMISSION.cm)), "CTAP_UV_TOKEN");
  t.same(subCommands(old), [], "it is not even asked");
});

t.test("retries, of the PIN and of the card's own verification", async (t) => {
  const { card, clientPin } = await open({ pin: "1234", retries: 5 });
  t.same(await clientPin.retries(), { retries: 5, needsPowerCycle: false });
  t.equal(await clientPin.uvRetries(), 3);
  t.same(card.asked.map(({ params }) => [...params]), [[[1, 2], [2, 1]], [[1, 2], [2, 7]]]);
  const { clientPin: blocked } = await open({ pin: "1234", instead: new Map([[1, ok([3, 2], [4, true])]]) });
  t.same(await blocked.retries(), { retries: 2, needsPowerCycle: true });
  const { clientPin: short } = await open({ pin: "1234", instead: new Map([[1, ok([3, 8])], [7, ok()]]) });
  t.same(await short.retries(), { retries: 8, needsPowerCycle: false }, "a card of CTAP 2.0 says no more");
  t.equal(await errorCodeOf(short.uvRetries()), "CTAP_ANSWER");
  const { card: none, clientPin: nameless } = await open({ info: [[6, [3]]] });
  await nameless.uvRetries();
  t.same([...(none.asked[0]?.params ?? [])], [[2, 7]], "without a protocol that is known none is named");
});

t.test("what the card refuses has its name", async (t) => {
  for (const [status, code] of [[0x31, "CTAP2_ERR_PIN_INVALID"], [0x32, "CTAP2_ERR_PIN_BLOCKED"], [0x34, "CTAP2_ERR_PIN_AUTH_BLOCKED"], [0x40, "CTAP2_ERR_UNAUTHORIZED_PERMISSION"], [0x37, "CTAP_PIN_CHANGE"]] as const) {
    const { clientPin } = await open({ pin: "1234", options: { pinUvAuthToken: true }, instead: new Map([[9, cbor(status)]]) });
    await t.rejects(clientPin.getToken({ pin: pin("1234") }, PERMISSION.mc, "example.com"), { code, kind: "no" });
  }
  const { clientPin } = await open({ pin: "1234", instead: new Map([[4, cbor(0x37)]]) });
  t.equal(await errorCodeOf(clientPin.changePin(pin("1234"), pin("1111"))), "CTAP2_ERR_PIN_POLICY_VIOLATION", "a new PIN is against another policy");
});

t.test("a PIN that must be changed is not tried", async (t) => {
  const { card, clientPin } = await open({ pin: "1234", info: [[0x0c, true]] });
  await t.rejects(clientPin.getToken({ pin: pin("1234") }, PERMISSION.mc, "example.com"), { code: "CTAP_PIN_CHANGE", kind: "no", hint: /pin change/ });
  t.same(subCommands(card), []);
  await clientPin.changePin(pin("1234"), pin("12345"));
  t.same(subCommands(card), [2, 4]);
});

t.test("without a PIN, or without PINs, nothing is sent but getInfo", async (t) => {
  const { card, clientPin } = await open({});
  t.equal(await errorCodeOf(clientPin.getToken({ pin: pin("1234") }, PERMISSION.cm)), "CTAP2_ERR_PIN_NOT_SET");
  t.equal(await errorCodeOf(clientPin.changePin(pin("1234"), pin("12345"))), "CTAP2_ERR_PIN_NOT_SET");
  t.same(subCommands(card), []);
  const { card: set, clientPin: withPin } = await open({ pin: "1234" });
  await t.rejects(withPin.setPin(pin("12345")), { code: "CTAP_PIN_SET", kind: "no" });
  t.same(subCommands(set), []);
  const { card: without, clientPin: none } = await open({ info: [[4, new Map([["rk", true]])]] });
  t.equal(await errorCodeOf(none.setPin(pin("1234"))), "CTAP_PIN_UNSUPPORTED");
  t.equal(await errorCodeOf(none.changePin(pin("1234"), pin("12345"))), "CTAP_PIN_UNSUPPORTED");
  t.same(subCommands(without), []);
});

t.test("the card's own limits decide, before it hears of the PIN", async (t) => {
  const { card, clientPin } = await open({ info: [[0x0d, 6], [0x1d, 8]] });
  await t.rejects(clientPin.setPin(pin("äöü12")), { code: "CTAP_PIN", kind: "input", message: "PIN has 5 characters, this card wants at least 6" });
  t.equal(await errorCodeOf(clientPin.setPin(pin("123456789"))), "CTAP_PIN");
  t.same(subCommands(card), []);
  await clientPin.setPin(pin("äöü123"));
  t.same(subCommands(card), [2, 3]);
  t.equal(await errorCodeOf(clientPin.changePin(pin("äöü123"), pin("1234"))), "CTAP_PIN");
  t.same(subCommands(card), [2, 3]);
});

t.test("what is no answer is an error", async (t) => {
  const bad: readonly (readonly [number, Message, string])[] = [
    [2, ok(), "CTAP_ANSWER"],
    [2, ok([1, new Map()]), "CTAP_COSE_KEY"],
    [9, ok(), "CTAP_ANSWER"],
    [9, ok([2, new Uint8Array(17)]), "CTAP_PIN_PROTOCOL"],
    [9, ok([2, new Uint8Array()]), "CTAP_PIN_PROTOCOL"],
    [9, ok([2, new Uint8Array(16 + 48)]), "CTAP_ANSWER"],
    [9, ok([2, new Uint8Array(16 + 16)]), "CTAP_ANSWER"],
  ];
  for (const [subCommand, message, code] of bad) {
    const { clientPin } = await open({ pin: "1234", options: { pinUvAuthToken: true }, instead: new Map([[subCommand, message]]) }, 2);
    t.equal(await errorCodeOf(clientPin.getToken({ pin: pin("1234") }, PERMISSION.cm)), code, `subcommand ${subCommand}, ${message.data.length} bytes`);
  }
});

const infoWith = (...protocols: readonly number[]): GetInfo => parseGetInfo(encodeCbor(new Map([[6, [...protocols]]])));

t.test("the protocol is the one that the card likes best, or the one asked for", async (t) => {
  t.equal(choosePinProtocol(infoWith(2, 1)), 2);
  t.equal(choosePinProtocol(infoWith(1, 2)), 1);
  t.equal(choosePinProtocol(infoWith(3, 2)), 2, "an unknown one is passed over");
  t.equal(choosePinProtocol(infoWith(3)), undefined);
  t.equal(choosePinProtocol(infoWith()), undefined);
  t.equal(choosePinProtocol(infoWith(2, 1), 1), 1);
  t.equal(choosePinProtocol(infoWith(), 2), 2, "a card that lists none may have it");
  t.equal(errorCode(() => choosePinProtocol(infoWith(1), 2)), "CTAP_NO_PIN_PROTOCOL");
  const { card, clientPin } = await open({ info: [[6, [3]]], pin: "1234" });
  t.equal(await errorCodeOf(clientPin.getToken({ pin: pin("1234") }, PERMISSION.cm)), "CTAP_NO_PIN_PROTOCOL");
  t.same(subCommands(card), []);
});

t.test("PINs that no card would take are refused as they are read", (t) => {
  const code = (text: string): string | undefined => errorCode(() => parsePin(pin(text)));
  t.equal(code("123"), "CTAP_PIN");
  t.equal(code(""), "CTAP_PIN");
  t.equal(code("1234"), undefined);
  t.equal(code("äöü"), "CTAP_PIN", "3 characters, however many bytes");
  t.equal(code("äöüß"), undefined);
  t.equal(code("🔑🔑🔑"), "CTAP_PIN");
  t.equal(code("🔑🔑🔑🔑"), undefined);
  t.equal(code("x".repeat(63)), undefined);
  t.equal(code("x".repeat(64)), "CTAP_PIN");
  t.equal(code("ä".repeat(32)), "CTAP_PIN", "64 bytes");
  t.equal(code("a\u0308bcd"), "CTAP_PIN", "not in normal form C");
  t.equal(code("12\u000034"), "CTAP_PIN");
  t.equal(errorCode(() => parsePin(Uint8Array.of(0x31, 0x32, 0x33, 0xff))), "CTAP_PIN", "not UTF-8");
  t.throws(() => parsePin(pin("1")), { kind: "input", message: "PIN has 1 character, expected at least 4" });
  try {
    parsePin(pin("hunter2u\u0308"));
    t.fail("it is not in normal form C");
  } catch (error) {
    t.notMatch(inspect(error), /hunter/, "no error shows a PIN");
  }
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 4, maxLength: 20 }), (text) => {
      const normal = text.normalize("NFC").replaceAll("\0", "0");
      const encoded = pin(normal);
      if (encoded.length > 63 || Array.from(normal).length < 4) return;
      assert.deepEqual(parsePin(encoded), encoded);
    }),
  );
  const original = pin("1234");
  const copy = parsePin(original);
  original.fill(0);
  t.same(copy, pin("1234"), "it is a copy");
  t.end();
});

t.test("a token shows nothing of itself", (t) => {
  const bytes = new Uint8Array(32).fill(0x41);
  const token = new PinUvAuthToken(bytes, 2);
  const before = token.authenticate(pin("m"));
  bytes.fill(0);
  t.same(token.authenticate(pin("m")), before, "it keeps a copy");
  t.notMatch(inspect(token), /65|41|AAAA/);
  t.equal(JSON.stringify({ token }), '{"token":"[PIN/UV auth token]"}');
  token.destroy();
  t.same(token.authenticate(pin("m")), pinProtocol(2).authenticate(new Uint8Array(32), pin("m")));
  t.end();
});
