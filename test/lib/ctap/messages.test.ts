import assert from "node:assert/strict";
import t from "tap";
import { KeyholeError } from "../../../src/lib/errors.ts";
import { Answer, BYTES, MAP, UNSIGNED } from "../../../src/lib/ctap/answer.ts";
import { parseApduResponse, STATUS_WORD } from "../../../src/lib/ctap/apdu.ts";
import { encodeCbor, isCborMap, parseCbor, type CborMap } from "../../../src/lib/ctap/cbor.ts";
import { encodeP256Key, parseCosePublicKey, parseP256Key } from "../../../src/lib/ctap/cose.ts";
import { encodeGetAssertion, parseAssertion } from "../../../src/lib/ctap/get-assertion.ts";
import { parseGetInfo } from "../../../src/lib/ctap/get-info.ts";
import { parseInitResponse } from "../../../src/lib/ctap/init.ts";
import { encodeMakeCredential, parseMadeCredential } from "../../../src/lib/ctap/make-credential.ts";
import { MessageAssembler, type Message } from "../../../src/lib/ctap/message.ts";
import { HID_COMMAND, parsePacket, REPORT_LENGTH } from "../../../src/lib/ctap/packet.ts";
import { parseAuthentication, parseRegistration } from "../../../src/lib/ctap/u2f.ts";
import { errorCode } from "../errors.ts";
import { bytes, fromJson, hex, readVectors, type JsonCbor } from "./vectors.ts";

// The parsers of answers, on what real cards sent.

interface Encoded {
  readonly hex: string;
  readonly decoded: JsonCbor;
}

interface Messages {
  readonly authData_makeCredential: string;
  readonly authData_getAssertion: string;
  readonly credentialId: string;
  readonly rpIdHash: string;
  readonly signature: string;
  readonly makeCredential_response: Encoded;
  readonly getAssertion_response: Encoded;
  readonly attestation_objects: readonly string[];
}

interface WireMessage {
  readonly cid: string;
  readonly cmd: number;
  readonly payload: string;
  readonly status?: number;
  readonly decoded?: JsonCbor;
}

interface Wire {
  readonly reports?: readonly string[];
  readonly messages?: readonly WireMessage[];
}

const messages = readVectors("ctap2-messages") as Messages;
const { data: wiredata } = readVectors("libfido2-wiredata") as { readonly data: Readonly<Record<string, Wire>> };

function parseMap(encoded: Uint8Array): CborMap {
  const { value } = parseCbor(encoded);
  if (!isCborMap(value)) throw new KeyholeError("TEST_NO_MAP", "not a map");
  return value;
}

function checkEveryCut(name: string, whole: Uint8Array, parse: (bytes: Uint8Array) => unknown, codes: RegExp): void {
  assert.equal(errorCode(() => parse(whole)), undefined, name);
  for (let length = 0; length < whole.length; length++) {
    assert.match(errorCode(() => parse(whole.subarray(0, length))) ?? "none", codes, `${name}, ${length} of ${whole.length} bytes`);
  }
}

t.test("the makeCredential answer of the vectors", (t) => {
  const { hex: encoded, decoded } = messages.makeCredential_response;
  const map = parseMap(bytes(encoded));
  t.same(map, fromJson(decoded));
  const made = parseMadeCredential(map);
  t.equal(made.fmt, "packed");
  t.equal(hex(made.authData.raw), messages.authData_makeCredential);
  t.equal(hex(made.credential.credentialId), messages.credentialId);
  t.same([...made.attStmt.keys()], ["alg", "sig", "x5c"]);
  t.equal(made.epAtt, false);
  t.equal(made.largeBlobKey, undefined);
  checkEveryCut("makeCredential", bytes(encoded), (cut) => parseMadeCredential(parseMap(cut)), /^CTAP_CBOR$/);
  t.end();
});

t.test("the getAssertion answer of the vectors", (t) => {
  const { hex: encoded, decoded } = messages.getAssertion_response;
  const map = parseMap(bytes(encoded));
  t.same(map, fromJson(decoded));
  const assertion = parseAssertion(map);
  t.equal(hex(assertion.credential.id), messages.credentialId);
  t.equal(assertion.credential.type, "public-key");
  t.equal(hex(assertion.authData.raw), messages.authData_getAssertion);
  t.equal(hex(assertion.signature), messages.signature);
  t.equal(assertion.user, undefined);
  t.equal(assertion.userSelected, false);
  checkEveryCut("getAssertion", bytes(encoded), (cut) => parseAssertion(parseMap(cut)), /^CTAP_CBOR$/);
  t.end();
});

t.test("the other objects of the vectors", (t) => {
  const [, , makeCredential, getAssertion, registration, attested] = messages.attestation_objects.map(bytes);
  assert(makeCredential !== undefined && getAssertion !== undefined && registration !== undefined && attested !== undefined);
  t.equal(parseMadeCredential(parseMap(makeCredential)).fmt, "packed");
  t.equal(hex(parseAssertion(parseMap(getAssertion)).signature), messages.signature);
  t.equal(parseRegistration(registration, new Uint8Array(32)).credential.credentialId.length, 0x40);
  const made = parseMadeCredential(parseMap(attested));
  t.equal(hex(made.authData.rpIdHash), messages.rpIdHash);
  t.equal(made.authData.counter, 3);
  t.end();
});

t.test("every answer of the rest of CTAP 2.1 that is not there, or of another type", (t) => {
  const made = new Map(parseMap(bytes(messages.makeCredential_response.hex)));
  const asserted = new Map(parseMap(bytes(messages.getAssertion_response.hex)));
  const makes = (key: number, value: Parameters<typeof encodeCbor>[0]): string | undefined => errorCode(() => parseMadeCredential(new Map([...made, [key, value]])));
  const asserts = (key: number, value: Parameters<typeof encodeCbor>[0]): string | undefined => errorCode(() => parseAssertion(new Map([...asserted, [key, value]])));
  t.equal(makes(1, 1), "CTAP_ANSWER");
  t.equal(makes(2, "x"), "CTAP_ANSWER");
  t.equal(makes(2, bytes(messages.authData_getAssertion)), "CTAP_ANSWER", "authenticator data without a credential");
  t.equal(makes(3, []), "CTAP_ANSWER");
  t.equal(makes(4, 1), "CTAP_ANSWER");
  t.equal(makes(5, new Uint8Array(31)), "CTAP_ANSWER");
  t.equal(makes(6, "x"), "CTAP_ANSWER");
  t.equal(errorCode(() => parseMadeCredential(new Map())), "CTAP_ANSWER");
  t.equal(asserts(1, new Map([["type", "public-key"]])), "CTAP_ANSWER", "a credential without an id");
  t.equal(asserts(3, "x"), "CTAP_ANSWER");
  t.equal(asserts(4, new Map([["name", "alice"]])), "CTAP_ANSWER", "a user without an id");
  t.equal(asserts(5, -1), "CTAP_ANSWER");
  t.equal(asserts(5, 1001), "CTAP_ANSWER", "more credentials than any card has");
  t.equal(asserts(6, 1), "CTAP_ANSWER");
  t.equal(asserts(7, new Uint8Array(33)), "CTAP_ANSWER");

  const full = parseAssertion(new Map([...asserted, [4, new Map<string, string | Uint8Array>([["id", Uint8Array.of(1)], ["name", "alice"]])], [5, 2], [6, true], [7, new Uint8Array(32)]]));
  t.same(full.user, { id: Uint8Array.of(1), name: "alice", displayName: undefined });
  t.equal(full.numberOfCredentials, 2);
  t.equal(full.userSelected, true);
  t.equal(full.largeBlobKey?.length, 32);
  const withAll = parseMadeCredential(new Map([...made, [4, true], [5, new Uint8Array(32)], [6, new Map([["x", 1]])]]));
  t.equal(withAll.epAtt, true);
  t.equal(withAll.largeBlobKey?.length, 32);
  t.same(withAll.unsignedExtensionOutputs, new Map([["x", 1]]));
  t.end();
});

t.test("a card may leave out the credential that was the only one allowed", (t) => {
  const map = new Map(parseMap(bytes(messages.getAssertion_response.hex)));
  map.delete(1);
  const only = { id: Uint8Array.of(1, 2, 3) };
  t.same(parseAssertion(map, [only]).credential, only);
  t.equal(errorCode(() => parseAssertion(map, [only, only])), "CTAP_ANSWER");
  t.equal(errorCode(() => parseAssertion(map)), "CTAP_ANSWER");
  t.end();
});

t.test("requests hold what was asked for and nothing else", (t) => {
  const clientDataHash = new Uint8Array(32);
  t.same([...encodeMakeCredential({ clientDataHash, rp: { id: "example.com" }, user: { id: Uint8Array.of(1) }, algorithms: [-7], excludeList: [], extensions: new Map(), options: {} }).keys()], [1, 2, 3, 4]);
  t.same([...encodeGetAssertion({ rpId: "example.com", clientDataHash, allowList: [], extensions: new Map(), options: { up: undefined } }).keys()], [1, 2]);
  const all = encodeMakeCredential({
    clientDataHash,
    rp: { id: "example.com", name: "Example" },
    user: { id: Uint8Array.of(1), name: "alice", displayName: "Alice" },
    algorithms: [-7, -8],
    excludeList: [{ id: Uint8Array.of(2), transports: ["usb"] }],
    extensions: new Map([["credProtect", 2]]),
    options: { rk: true, uv: false },
    enterpriseAttestation: 2,
    attestationFormats: ["packed", "none"],
  });
  t.equal(
    hex(encodeCbor(all)),
    "a901582000000000000000000000000000000000000000000000000000000000000000000" +
      "2a26269646b6578616d706c652e636f6d646e616d65674578616d706c65" +
      "03a3626964410" +
      "1646e616d6565616c6963656b646973706c61794e616d6565416c696365" +
      "0482a263616c672664747970656a7075626c69632d6b6579a263616c672764747970656a7075626c69632d6b6579" +
      "0581a362696441026474" +
      "7970656a7075626c69632d6b65796a7472616e73706f7274738163757362" +
      "06a16b6372656450726f7465637402" +
      "07a262726bf5627576f4" +
      "0a020b82667061636b6564646e6f6e65",
  );
  t.end();
});

/**
 * What packets make, in order. The continuation packets of libfido2's assertion
 * carry the channel of another recording, so the init packet's counts; a report
 * of its enrolment leaves out zeros at the end.
 */
function assemble(reports: readonly string[]): readonly (Message & { readonly channel: string })[] {
  let channel = 0;
  let assembler = new MessageAssembler(channel);
  return reports.flatMap((report) => {
    const packet = parsePacket(bytes(report.padEnd(2 * REPORT_LENGTH, "0")));
    if (packet.type === "init" && packet.channel !== channel) assembler = new MessageAssembler((channel = packet.channel));
    const message = assembler.receive({ ...packet, channel });
    return message === undefined ? [] : [{ ...message, channel: channel.toString(16).padStart(8, "0") }];
  });
}

function wire(name: string, index = 0): Uint8Array {
  const message = assemble(wiredata[name]?.reports ?? [])[index];
  assert(message !== undefined, name);
  return message.command === HID_COMMAND.cbor ? message.data.subarray(1) : message.data;
}

t.test("libfido2's recorded reports make the messages that they should", (t) => {
  let count = 0;
  for (const [name, { reports, messages }] of Object.entries(wiredata)) {
    if (reports === undefined || messages === undefined) continue;
    const found = assemble(reports);
    assert.deepEqual(
      found.map(({ channel, command, data }) => ({ cid: channel, cmd: command, payload: hex(data) })),
      messages.map(({ cid, cmd, payload }) => ({ cid, cmd, payload })),
      name,
    );
    for (const [i, { decoded, status }] of messages.entries()) {
      if (decoded === undefined) continue;
      const data = found[i]?.data ?? new Uint8Array();
      assert.equal(data[0], status, name);
      assert.deepEqual(parseCbor(data.subarray(1)).value, fromJson(decoded), name);
      count++;
    }
  }
  t.equal(count, 21);
  t.end();
});

t.test("libfido2's recorded answers are read by the parser of each", (t) => {
  const init = parseInitResponse(wire("WIREDATA_CTAP_INIT"));
  t.equal(init.channel, 0x00220002);
  t.ok(init.capabilities.cbor);

  const info = parseGetInfo(wire("WIREDATA_CTAP_CBOR_INFO"));
  t.equal(wire("WIREDATA_CTAP_CBOR_INFO").length, 596);
  t.equal(info.versions.length, 5);

  const key = new Answer(parseMap(wire("WIREDATA_CTAP_CBOR_AUTHKEY")), "clientPIN").required(1, MAP);
  t.equal(parseP256Key(key, -25).x.length, 32);
  t.same(encodeP256Key(-25, parseP256Key(key, -25)), key);
  t.equal(new Answer(parseMap(wire("WIREDATA_CTAP_CBOR_PINTOKEN")), "clientPIN").required(2, BYTES).length, 16);
  t.equal(new Answer(parseMap(wire("WIREDATA_CTAP_CBOR_RETRIES")), "clientPIN").required(3, UNSIGNED), 8);
  t.equal(wire("WIREDATA_CTAP_CBOR_STATUS").length, 0);

  const assertion = parseAssertion(parseMap(wire("WIREDATA_CTAP_CBOR_ASSERT")));
  t.equal(assertion.credential.id.length, 64);
  checkEveryCut("assertion", wire("WIREDATA_CTAP_CBOR_ASSERT"), (cut) => parseAssertion(parseMap(cut)), /^CTAP_CBOR$/);

  const made = parseMadeCredential(parseMap(wire("WIREDATA_CTAP_CBOR_CRED")));
  t.equal(made.fmt, "packed");
  t.equal(parseCosePublicKey(made.credential.publicKey).asymmetricKeyType, "ec");

  t.same(parseMap(wire("WIREDATA_CTAP_CBOR_CREDMAN_META")), new Map([[1, 0], [2, 25]]));
  const blobs = new Answer(parseMap(wire("WIREDATA_CTAP_CBOR_LARGEBLOB_GET_ARRAY")), "largeBlobs").required(1, BYTES);
  t.equal(blobs.length, 480);

  t.equal(parseApduResponse(wire("WIREDATA_CTAP_U2F_6985")).status, STATUS_WORD.conditionsNotSatisfied);
  const rpIdHash = new Uint8Array(32);
  const registration = parseApduResponse(wire("WIREDATA_CTAP_U2F_REGISTER"));
  t.equal(registration.status, STATUS_WORD.noError);
  t.equal(parseRegistration(registration.data, rpIdHash).credential.credentialId.length, 64);
  const authentication = parseApduResponse(wire("WIREDATA_CTAP_U2F_AUTH"));
  t.equal(authentication.status, STATUS_WORD.noError);
  t.equal(parseAuthentication(authentication.data, rpIdHash).authData.flags.up, true);
  t.equal(hex(parseApduResponse(bytes("5532465f56329000")).data), "5532465f5632");
  t.end();
});
