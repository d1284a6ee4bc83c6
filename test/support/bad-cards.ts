import { cborMap, encodeCbor, type CborMap, type CborValue } from "../../src/lib/ctap/cbor.ts";
import { capabilities } from "../../src/lib/ctap/init.ts";
import { encodeMessage, HID_COMMAND } from "../../src/lib/ctap/packet.ts";
import { answer, CHANNEL, GET_INFO, getInfoAnswer, good, goodBut, hidError, initResponse, keepalive, type Request, type Script, type Wire } from "./hid-card.ts";

const { init, ping, wink, cbor, msg, cancel } = HID_COMMAND;

const OTHER_CHANNEL = 0x00000007;

/** Every card with something wrong that `ctap probe` tells apart, and what it says of it. */
export const BAD_CARDS: Readonly<Record<string, BadCard>> = {
  "a good one": { script: () => good, code: "ok", status: 0 },
  mute: { script: () => mute, code: "mute", status: 3 },
  "half-mute": { script: () => goodBut([ping, mute], [wink, mute], [cbor, mute], [msg, mute]), code: "half-mute", status: 1 },
  "mute to WINK alone": { script: () => goodBut([wink, mute]), code: "half-mute", status: 1 },
  "mute to getInfo alone": { script: () => goodBut([cbor, mute], [cancel, mute]), code: "half-mute", status: 1 },
  "deaf to the first INIT": { script: () => afterFirstInit(good), code: "slow-init", status: 0 },
  "slow to answer INIT": { script: () => lateByOneInit(), code: "mute", status: 3 },
  babbling: { script: () => withNoise(good), code: "other-traffic", status: 0 },
  "talking to others alone": { script: () => withNoise(() => undefined), code: "busy", status: 3 },
  "talking to others after INIT": { script: () => goodBut([ping, withNoise(mute)]), code: "busy", status: 3 },
  "busy on another channel": { script: () => goodBut([ping, busy], [wink, busy], [cbor, busy], [msg, busy]), code: "busy", status: 3 },
  "busy at INIT": { script: () => busy, code: "busy", status: 3 },
  "in keepalives for ever": { script: () => goodBut([cbor, keepaliveForEver(1)], [cancel, mute]), code: "keepalive-forever", status: 1 },
  "waiting for a touch for ever": { script: () => goodBut([cbor, keepaliveForEver(2)], [cancel, mute]), code: "keepalive-forever", status: 1 },
  "dead in the middle of an answer": { script: () => goodBut([cbor, cutOff], [cancel, mute]), code: "cut-off", status: 1 },
  "saying everything twice": { script: () => twice, code: "duplicate-replies", status: 0 },
  "sending every packet twice": { script: () => everyPacketTwice, code: "duplicate-replies", status: 0 },
  "answering with a wrong nonce": { script: () => goodBut([init, wrongNonce]), code: "wrong-nonce", status: 1 },
  "answering INIT on the new channel": { script: () => goodBut([init, (request, wire) => answer(request, wire, initResponse(request), init, CHANNEL)]), code: "wrong-channel", status: 1 },
  "answering PING on another channel": { script: () => goodBut([ping, (request, wire) => answer(request, wire, request.data, ping, OTHER_CHANNEL)]), code: "wrong-channel", status: 1 },
  "giving a reserved channel": { script: () => goodBut([init, (request, wire) => answer(request, wire, initResponse(request, 0))]), code: "bad-init", status: 1 },
  "giving half an answer to INIT": { script: () => goodBut([init, (request, wire) => answer(request, wire, initResponse(request).subarray(0, 12))]), code: "bad-init", status: 1 },
  "refusing INIT": { script: () => goodBut([init, (request, wire) => hidError(request, wire, 0x7f)]), code: "hid-error", status: 1 },
  "answering with a wrong command": { script: () => goodBut([ping, (request, wire) => answer(request, wire, request.data, wink)]), code: "wrong-command", status: 1 },
  "counting packets wrong": { script: () => goodBut([ping, wrongSequence]), code: "framing", status: 1 },
  "announcing more than fits a message": { script: () => goodBut([ping, overlong]), code: "framing", status: 1 },
  "sending short reports": { script: () => goodBut([ping, (_request, wire) => wire.send(new Uint8Array(63))]), code: "framing", status: 1 },
  "behind Qubes' proxy": { script: () => goodBut([cbor, qubes]), code: "qubes-proxy", status: 1 },
  "of U2F alone": { script: () => offering({ wink: false, cbor: false, msg: true }), code: "u2f-only", status: 0 },
  "of CTAP2 alone": { script: () => offering({ wink: true, cbor: true, msg: false }), code: "ok", status: 0 },
  "of neither": { script: () => offering({ wink: false, cbor: false, msg: false }), code: "no-protocol", status: 1 },
  "of a broken U2F alone": { script: () => offering({ wink: false, cbor: false, msg: true }, goodBut([msg, u2fRefused])), code: "no-protocol", status: 1 },
  "of a broken U2F": { script: () => goodBut([msg, u2fRefused]), code: "u2f-refused", status: 0 },
  "answering U2F with a byte": { script: () => goodBut([msg, (request, wire) => answer(request, wire, Uint8Array.of(0x90))]), code: "u2f-refused", status: 0 },
  "changing what PING carries": { script: () => goodBut([ping, (request, wire) => answer(request, wire, request.data.map((byte) => byte ^ 1))]), code: "ping-echo", status: 0 },
  "refusing PING": { script: () => goodBut([ping, invalidCommand]), code: "ping-refused", status: 0 },
  "refusing WINK": { script: () => goodBut([wink, invalidCommand]), code: "wink-refused", status: 0 },
  "refusing CBOR": { script: () => goodBut([cbor, invalidCommand]), code: "hid-error", status: 1 },
  "refusing getInfo": { script: () => getInfo(Uint8Array.of(0x01)), code: "get-info-refused", status: 1 },
  "with an empty getInfo": { script: () => getInfo(new Uint8Array()), code: "get-info-refused", status: 1 },
  "with a getInfo that is not CBOR": { script: () => getInfo(Uint8Array.of(0, 0xa1, 0xff)), code: "get-info-not-cbor", status: 1 },
  "with a getInfo that ends early": { script: () => getInfo(getInfoAnswer(GET_INFO).subarray(0, 20)), code: "get-info-not-cbor", status: 1 },
  "with a getInfo that is a list": { script: () => getInfo(Uint8Array.of(0, ...encodeCbor([]))), code: "get-info-invalid", status: 1 },
  "with a getInfo of other types": { script: () => getInfo(getInfoAnswer(new Map<CborValue, CborValue>([[1, 7]]))), code: "get-info-invalid", status: 1 },
  "with a getInfo that is not canonical": { script: () => getInfo(outOfOrder()), code: "get-info-not-canonical", status: 0 },
  "with a getInfo whose text is in chunks": { script: () => getInfo(inChunks()), code: "get-info-not-canonical", status: 0 },
  "with built-in verification and no PIN/UV protocol": { script: () => getInfo(getInfoAnswer(withOptions({ uv: true }))), code: "pin-uv-protocols", status: 0 },
  "with unknown PIN/UV protocols": { script: () => getInfo(getInfoAnswer(new Map([...withOptions({ clientPin: true }), [6, [7]]]))), code: "pin-uv-protocols", status: 0 },
  "with a PIN": { script: () => pinRetries(cborMap([3, 8])), code: "ok", status: 0 },
  "with a blocked PIN": { script: () => pinRetries(cborMap([3, 0], [4, true])), code: "pin-blocked", status: 0 },
  "that wants to be without power before the next PIN": { script: () => pinRetries(cborMap([3, 5], [4, true])), code: "pin-power-cycle", status: 0 },
  "with a blocked PIN, and refusing WINK": { script: () => pinRetries(cborMap([3, 0]), [wink, invalidCommand]), code: "pin-blocked", status: 0 },
  "refusing to tell PIN retries": { script: () => pinRetries(0x01), code: "pin-retries-refused", status: 0 },
  "telling no PIN retries": { script: () => pinRetries(new Map()), code: "pin-retries-refused", status: 0 },
  "mute when asked for PIN retries": { script: () => pinRetries(undefined), code: "half-mute", status: 1 },
  "gone at the first PING": { script: () => goodBut([ping, (_request, wire) => wire.unplug()]), code: "lost", status: 3 },
  "gone in the middle of getInfo": { script: () => goodBut([cbor, goneMeanwhile]), code: "lost", status: 3 },
};

export interface BadCard {
  /** A new one each time, as some remember what was. */
  readonly script: () => Script;
  /** What the probe says of it. */
  readonly code: string;
  /** The exit status that goes with it. */
  readonly status: number;
}

function mute(): void {
  // Nothing.
}

function busy(request: Request, wire: Wire): void {
  hidError(request, wire, 0x06);
}

function invalidCommand(request: Request, wire: Wire): void {
  hidError(request, wire, 0x01);
}

function u2fRefused(request: Request, wire: Wire): void {
  answer(request, wire, Uint8Array.of(0x6d, 0x00));
}

function wrongNonce(request: Request, wire: Wire): void {
  answer(request, wire, initResponse({ ...request, data: request.data.map((byte) => byte ^ 1) }));
}

function qubes(request: Request, wire: Wire): void {
  answer(request, wire, getInfoAnswer(GET_INFO), msg);
}

function getInfo(data: Uint8Array): Script {
  return goodBut([cbor, (request, wire) => answer(request, wire, data)]);
}

/** A card with a PIN. @param reply - a status, or what it says of the PIN; nothing: it is mute then */
function pinRetries(reply: number | CborMap | undefined, ...exceptions: readonly (readonly [command: number, script: Script])[]): Script {
  const info = getInfoAnswer(new Map([...withOptions({ clientPin: true }), [6, [1]]]));
  const answerCbor: Script = (request, wire) => {
    if (request.data[0] === 0x04) answer(request, wire, info);
    else if (typeof reply === "number") answer(request, wire, Uint8Array.of(reply));
    else if (reply !== undefined) answer(request, wire, Uint8Array.of(0, ...encodeCbor(reply)));
  };
  return goodBut([cbor, answerCbor], [cancel, mute], ...exceptions);
}

function withOptions(options: Readonly<Record<string, boolean>>): CborMap {
  return new Map<CborValue, CborValue>([...GET_INFO, [4, new Map(Object.entries(options))]]);
}

/** Key 3 before key 1. */
function outOfOrder(): Uint8Array {
  return Uint8Array.of(0, 0xa2, 0x03, ...encodeCbor(new Uint8Array(16)), 0x01, ...encodeCbor(["FIDO_2_0"]));
}

/** A version of indefinite length. */
function inChunks(): Uint8Array {
  return Uint8Array.of(0, 0xa2, 0x01, 0x81, 0x7f, ...encodeCbor("FIDO_"), ...encodeCbor("2_0"), 0xff, 0x03, ...encodeCbor(new Uint8Array(16)));
}

function offering(offers: Parameters<typeof capabilities>[0], script: Script = good): Script {
  return (request, wire) => {
    if (request.command === init) answer(request, wire, initResponse(request, CHANNEL, capabilities(offers)));
    else script(request, wire);
  };
}

function afterFirstInit(script: Script): Script {
  let inits = 0;
  return (request, wire) => {
    if (request.command === init) inits += 1;
    if (inits > 1) script(request, wire);
  };
}

/** Answers each INIT when the next one comes. */
function lateByOneInit(): Script {
  let before: Request | undefined;
  return (request, wire) => {
    if (before !== undefined) good(before, wire);
    before = request;
  };
}

/** Packets of others before and after each answer: an INIT of theirs cut short, a conversation, a stray end of one. */
function withNoise(script: Script): Script {
  const noise = (wire: Wire): void => {
    for (let i = 0; i < 5; i++) {
      for (const report of encodeMessage(OTHER_CHANNEL, cbor, new Uint8Array(100))) wire.send(report);
      for (const report of encodeMessage(OTHER_CHANNEL + 1, HID_COMMAND.keepalive, Uint8Array.of(2))) wire.send(report);
      wire.send(Uint8Array.of(0, 0, 0, 9, 5, ...new Uint8Array(59)));
    }
  };
  return (request, wire) => {
    noise(wire);
    script(request, wire);
    noise(wire);
  };
}

function keepaliveForEver(status: number): Script {
  return (request, wire) => {
    const timer = setInterval(() => keepalive(request, wire, status), 20);
    // Long after any probe, so that the test ends.
    setTimeout(() => clearInterval(timer), 15_000).unref();
    timer.unref();
  };
}

function cutOff(request: Request, wire: Wire): void {
  const [first] = encodeMessage(request.channel, request.command, new Uint8Array(200));
  if (first !== undefined) wire.send(first);
}

function goneMeanwhile(request: Request, wire: Wire): void {
  cutOff(request, wire);
  wire.unplug();
}

function twice(request: Request, wire: Wire): void {
  good(request, wire);
  good(request, wire);
}

function everyPacketTwice(request: Request, wire: Wire): void {
  const send = (report: Uint8Array): void => {
    wire.send(report);
    wire.send(report);
  };
  good(request, { ...wire, send });
}

function wrongSequence(request: Request, wire: Wire): void {
  good(request, { ...wire, send: (report) => wire.send((report[4] ?? 0) < 0x80 ? report.with(4, 1) : report) });
}

function overlong(request: Request, wire: Wire): void {
  const [first] = encodeMessage(request.channel, request.command, new Uint8Array(200));
  // Length 7610.
  if (first !== undefined) wire.send(first.with(5, 0x1d).with(6, 0xba));
}

