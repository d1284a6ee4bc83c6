import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { concatBytes } from "../../src/lib/bytes.ts";
import { parseApduResponse } from "../../src/lib/ctap/apdu.ts";
import { Authenticator } from "../../src/lib/ctap/authenticator/authenticator.ts";
import { CardMachine } from "../../src/lib/ctap/authenticator/card-machine.ts";
import { parseEvent } from "../../src/lib/ctap/authenticator/uhid-event.ts";
import { encodeAuthenticatorData, parseAuthenticatorData } from "../../src/lib/ctap/authenticator-data.ts";
import { cborLength } from "../../src/lib/ctap/cbor-check.ts";
import { readCborNode, type CborNode } from "../../src/lib/ctap/cbor-node.ts";
import { cborToJson, formatCbor } from "../../src/lib/ctap/cbor-text.ts";
import { encodeCbor, parseCbor } from "../../src/lib/ctap/cbor.ts";
import { parseCosePublicKey } from "../../src/lib/ctap/cose.ts";
import { parseCredentialFile } from "../../src/lib/ctap/credential-file.ts";
import { parseDeviceUri } from "../../src/lib/ctap/device-uri.ts";
import { parseAssertion } from "../../src/lib/ctap/get-assertion.ts";
import { parseGetInfo } from "../../src/lib/ctap/get-info.ts";
import { capabilities, encodeInitResponse, parseInitResponse } from "../../src/lib/ctap/init.ts";
import { findLargeBlob, listLargeBlobs, parseLargeBlobArray } from "../../src/lib/ctap/large-blobs.ts";
import { parseMadeCredential } from "../../src/lib/ctap/make-credential.ts";
import { MessageAssembler } from "../../src/lib/ctap/message.ts";
import { encodeMessage, MAX_MESSAGE_LENGTH, parsePacket, REPORT_LENGTH } from "../../src/lib/ctap/packet.ts";
import { parseReportDescriptor } from "../../src/lib/ctap/report-descriptor.ts";
import { parseTrace } from "../../src/lib/ctap/trace/parse.ts";
import { redactTrace } from "../../src/lib/ctap/trace/redact.ts";
import { showTrace } from "../../src/lib/ctap/trace/show.ts";
import type { Trace } from "../../src/lib/ctap/trace/trace.ts";
import { parseAuthentication, parseRegistration } from "../../src/lib/ctap/u2f.ts";
import { encodeJsonLine } from "../../src/lib/text.ts";
import { valueOf } from "../lib/ctap/cbor-value.ts";
import { ANY, ASSERTIONS, AUTHENTICATIONS, AUTHENTICATOR_DATA, CBOR, COSE_KEYS, GET_INFO, INDEFINITE_CBOR, MADE_CREDENTIALS, mapIn, MESSAGES, REGISTRATIONS, REPORT, REPORTS, reportsIn, REQUESTS } from "./corpus.ts";
import { expectRefusal, type Target } from "./target.ts";
import { CREDENTIAL_FILES, DEVICE_URIS, FIDO_DEBUGS, LARGE_BLOBS, REPORT_DESCRIPTORS, TRACES } from "./text-corpus.ts";
import { WORMHOLE_TARGETS } from "./wormhole-targets.ts";

export const TARGETS: readonly Target[] = [
  { name: "packet", count: 200_000, corpus: REPORT, run: packet },
  { name: "assembler", count: 200_000, corpus: REPORTS, run: assembler },
  { name: "cbor", count: 400_000, corpus: CBOR, run: cbor },
  { name: "cbor of indefinite length", count: 100_000, corpus: INDEFINITE_CBOR, run: cbor },
  { name: "cbor text", count: 50_000, corpus: CBOR, run: cborText },
  { name: "cbor within more", count: 150_000, corpus: MESSAGES, run: (input) => void cborLength(input.subarray(1)) },
  { name: "INIT", count: 20_000, corpus: MESSAGES, run: init },
  { name: "authenticator data", count: 50_000, corpus: AUTHENTICATOR_DATA, run: authenticatorData },
  { name: "getInfo", count: 50_000, corpus: GET_INFO, run: (input) => void parseGetInfo(input) },
  { name: "makeCredential", count: 30_000, corpus: MADE_CREDENTIALS, run: (input) => void parseMadeCredential(mapIn(input)) },
  { name: "getAssertion", count: 30_000, corpus: ASSERTIONS, run: (input) => void parseAssertion(mapIn(input)) },
  { name: "COSE key", count: 20_000, corpus: COSE_KEYS, run: (input) => void parseCosePublicKey(mapIn(input)) },
  { name: "large blobs", count: 20_000, corpus: LARGE_BLOBS, run: largeBlobs },
  { name: "U2F registration", count: 30_000, corpus: REGISTRATIONS, run: (input) => void parseRegistration(input, new Uint8Array(32)) },
  { name: "U2F authentication", count: 20_000, corpus: AUTHENTICATIONS, run: (input) => void parseAuthentication(input, new Uint8Array(32)) },
  { name: "APDU", count: 20_000, corpus: MESSAGES, run: (input) => void parseApduResponse(input) },
  { name: "report descriptor", count: 30_000, corpus: REPORT_DESCRIPTORS, run: (input) => void parseReportDescriptor(input) },
  { name: "uhid event", count: 10_000, corpus: ANY, run: (input) => void parseEvent(input) },
  { name: "device URI", count: 20_000, corpus: DEVICE_URIS, run: (input) => void parseDeviceUri(Buffer.from(input).toString()) },
  { name: "credential file", count: 20_000, corpus: CREDENTIAL_FILES, run: (input) => void parseCredentialFile(input) },
  { name: "trace", count: 10_000, corpus: TRACES, run: trace },
  { name: "FIDO_DEBUG", count: 10_000, corpus: FIDO_DEBUGS, run: trace },
  { name: "conversation", count: 20_000, corpus: REPORTS, run: conversation },
  { name: "card", count: 50_000, corpus: REPORTS, run: card },
  { name: "authenticator", count: 20_000, corpus: REQUESTS, run: authenticator },
  ...WORMHOLE_TARGETS,
];

function packet(input: Uint8Array): void {
  const parsed = parsePacket(input.subarray(0, REPORT_LENGTH));
  assert(parsed.channel >= 0 && parsed.channel <= 0xffffffff);
  if (parsed.type === "init") assert(parsed.command < 0x80 && parsed.length <= 0xffff && parsed.data.length === 57);
  else assert(parsed.sequence < 0x80 && parsed.data.length === 59);
}

/** Fed on after an error too, as a card's other reports come whatever one of them was. */
function assembler(input: Uint8Array): void {
  const reports = reportsIn(input);
  const [first] = reports;
  if (first === undefined || first.length < 4) return;
  const own = Buffer.from(first).readUInt32BE(0);
  const assembler = new MessageAssembler(own);
  let received = 0;
  for (const report of reports) {
    expectRefusal(() => {
      const message = assembler.receive(parsePacket(report));
      received += report.length;
      if (message === undefined) return;
      assert(message.data.length <= MAX_MESSAGE_LENGTH && message.data.length < received);
      assert(!assembler.isWithin);
      // It is what these bytes make, cut up and put together.
      const again = new MessageAssembler(own);
      const [last] = encodeMessage(own, message.command, message.data).map((report) => again.receive(parsePacket(report))).slice(-1);
      assert.deepEqual(last, message);
    });
  }
}

function cbor(input: Uint8Array): void {
  const { value, oddities } = parseCbor(input);
  for (const { offset } of oddities) assert(offset < input.length);
  const { node } = readCborNode(input);
  assert.deepEqual(value, valueOf(node));
  // An entry that is undefined is written as one that is not there.
  if (hasSimple(node, ({ head }) => head[0] === 0xf7)) return;
  const encoded = encodeCbor(value);
  assert.deepEqual(parseCbor(encoded).value, value);
  // Of a float its length is not kept.
  if (oddities.length === 0 && !hasSimple(node, ({ argument }) => argument.length > 0)) assert.equal(Buffer.compare(encoded, input), 0);
}

function hasSimple(node: CborNode, is: (node: CborNode) => boolean): boolean {
  return (node.type === "simple" && is(node)) || node.children.some((child) => hasSimple(child, is));
}

function cborText(input: Uint8Array): void {
  const { value } = parseCbor(input);
  assert.doesNotMatch(formatCbor(value), /[\p{Cc}\p{Zl}\p{Zp}]/u);
  JSON.stringify(cborToJson(value));
}

function init(input: Uint8Array): void {
  const parsed = parseInitResponse(input);
  assert.equal(Buffer.compare(encodeInitResponse(parsed), input.subarray(0, 17)), 0);
}

function authenticatorData(input: Uint8Array): void {
  const { raw, rpIdHash, flags, counter, attested, extensions } = parseAuthenticatorData(input);
  assert.equal(Buffer.compare(raw, input), 0);
  assert.equal(rpIdHash.length, 32);
  assert.equal(attested !== undefined, flags.at);
  assert.equal(extensions !== undefined, flags.ed);
  const { up, uv } = flags;
  parseAuthenticatorData(encodeAuthenticatorData({ rpIdHash, up, uv, counter, ...(attested === undefined ? {} : { attested }), ...(extensions === undefined ? {} : { extensions }) }));
}

/** With a checksum that fits, which no change to the array would hit. */
function largeBlobs(input: Uint8Array): void {
  const checksum = createHash("sha256").update(input).digest().subarray(0, 16);
  const { entries, isCorrupt } = parseLargeBlobArray(concatBytes(input, checksum));
  const blobs = listLargeBlobs({ entries, isCorrupt, length: input.length });
  assert(blobs.length <= entries.length);
  expectRefusal(() => findLargeBlob({ entries, isCorrupt, length: input.length }, new Uint8Array(32)));
}

function trace(input: Uint8Array): void {
  readBack(parseTrace(input));
}

/** Reports as they may pass between any host and card. */
function conversation(input: Uint8Array): void {
  const reports = reportsIn(input);
  readBack({
    format: "keyhole",
    isCut: false,
    events: reports.map((bytes, i) => ({ kind: "report", report: { direction: (input[i] ?? 0) % 2 === 0 ? "to-card" : "from-card", bytes }, redacted: [] })),
  });
}

function readBack(trace: Trace): void {
  for (const line of showTrace(trace)) assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}]/u);
  const redacted = redactTrace(trace).map((line) => `${encodeJsonLine(line)}\n`);
  if (redacted.length === 0) return;
  const again = parseTrace(Buffer.from(redacted.join("")));
  const lengths = ({ events }: Trace): readonly number[] => events.flatMap((event) => (event.kind === "report" ? [event.report.bytes.length] : []));
  assert.deepEqual(lengths(again), lengths(trace));
}

function card(input: Uint8Array): void {
  const machine = new CardMachine({ firstChannel: 1, capabilities: capabilities({ wink: true, cbor: true, msg: true }), deviceVersion: [1, 0, 0] });
  let nowMs = 0;
  for (const report of reportsIn(input)) {
    for (const effect of machine.receive(report, (nowMs += 10))) {
      if (effect.kind === "send") for (const sent of effect.reports) assert.equal(sent.length, REPORT_LENGTH);
      if (effect.kind === "request") machine.answer(Uint8Array.of(0));
    }
  }
}

function authenticator(input: Uint8Array): void {
  const authenticator = new Authenticator({ now: () => 0 });
  for (const conversation of [authenticator.cbor(input, 1), authenticator.msg(input)]) {
    let step = conversation.next();
    for (let touches = 0; step.done !== true; touches++) {
      assert(touches < 10, "it asks for a touch again and again");
      step = conversation.next();
    }
    assert(step.value.length > 0 && step.value.length <= MAX_MESSAGE_LENGTH);
  }
}
