import assert from "node:assert/strict";
import fc from "fast-check";
import t from "tap";
import { encodeCbor, type CborValue } from "../../../src/lib/ctap/cbor.ts";
import { GET_INFO_NAMES, hasOption, isCtap21, parseGetInfo, supportsOption } from "../../../src/lib/ctap/get-info.ts";
import { errorCode } from "../errors.ts";
import { bytes, fromJson, hex, readVectors, type JsonCbor } from "./vectors.ts";

interface Recorded {
  readonly device: string;
  readonly state?: string;
  readonly hex: string;
  readonly decoded?: JsonCbor;
}

const { responses } = readVectors("getinfo") as { readonly responses: readonly Recorded[] };
const { getInfo: messages } = readVectors("ctap2-messages") as { readonly getInfo: readonly Recorded[] };

function find(device: string, state?: string): Uint8Array {
  const response = responses.find((response) => response.device.startsWith(device) && response.state === state);
  assert(response !== undefined);
  return bytes(response.hex);
}

const encode = (...entries: readonly (readonly [CborValue, CborValue])[]): Uint8Array => encodeCbor(new Map(entries));

t.test("every recorded answer is read, and kept as it came", (t) => {
  t.equal(responses.length, 9);
  t.equal(messages.length, 2);
  for (const { device, state, hex: encoded, decoded } of [...responses, ...messages.map((message) => ({ ...message, device: "python-fido2" }))]) {
    const info = parseGetInfo(bytes(encoded));
    const name = `${device} ${state ?? ""}`;
    assert.deepEqual(info.oddities, [], name);
    assert.equal(hex(encodeCbor(info.raw)), encoded, name);
    if (decoded !== undefined) assert.deepEqual(info.raw, fromJson(decoded), name);
    assert.deepEqual(info.versions, info.raw.get(1), name);
    assert.equal(info.aaguid, info.raw.get(3), name);
    assert.equal(info.maxMsgSize, info.raw.get(5), name);
    assert.deepEqual(info.pinUvAuthProtocols, info.raw.get(6), name);
  }
  t.end();
});

t.test("a CTAP 2.1 card", (t) => {
  const info = parseGetInfo(find("canokey simulator", "init+getInfo"));
  t.same(info.versions, ["U2F_V2", "FIDO_2_0", "FIDO_2_1"]);
  t.ok(isCtap21(info));
  t.same(info.extensions, ["credBlob", "credProtect", "hmac-secret", "largeBlobKey"]);
  t.equal(hex(info.aaguid), "244eb29ee0904e4981fe1f20f8d3b8f4");
  t.ok(hasOption(info, "pinUvAuthToken"));
  t.notOk(hasOption(info, "clientPin"));
  t.ok(supportsOption(info, "clientPin"), "it has PINs, and none is set");
  t.notOk(supportsOption(info, "uv"));
  t.equal(info.maxMsgSize, 1300);
  t.same(info.pinUvAuthProtocols, [1, 2]);
  t.equal(info.maxCredentialCountInList, 8);
  t.equal(info.maxCredentialIdLength, 70);
  t.same(info.transports, ["nfc", "usb"]);
  t.same(info.algorithms, [-7, -8, -48].map((alg) => ({ type: "public-key", alg })));
  t.equal(info.maxSerializedLargeBlobArray, 4096);
  t.equal(info.firmwareVersion, 201);
  t.equal(info.maxCredBlobLength, 32);
  t.equal(info.minPinLength, 4, "by default");
  t.equal(info.maxPinLength, 63, "by default");
  t.notOk(info.forcePinChange);
  t.end();
});

t.test("a card with what CTAP 2.2 added", (t) => {
  const info = parseGetInfo(find("libfido2"));
  t.same(info.versions, ["U2F_V2", "FIDO_2_0", "FIDO_2_1_PRE", "FIDO_2_1", "FIDO_2_3"]);
  t.ok(isCtap21(info));
  t.same(info.pinUvAuthProtocols, [2, 1]);
  t.notOk(info.forcePinChange);
  t.equal(info.minPinLength, 4);
  t.equal(info.maxRpIdsForSetMinPinLength, 1);
  t.equal(info.remainingDiscoverableCredentials, 100);
  t.same(info.attestationFormats, ["packed"]);
  t.equal(info.longTouchForReset, true);
  t.equal(info.encIdentifier?.length, 32);
  t.same(info.transportsForReset, ["usb", "smart-card"]);
  t.equal(info.pinComplexityPolicy, true);
  t.equal(Buffer.from(info.pinComplexityPolicyUrl ?? []).toString(), "https://example.com");
  t.equal(info.maxPinLength, 63);
  t.equal(info.encCredStoreState?.length, 32);
  t.same(info.authenticatorConfigCommands, [1, 2, 3]);
  t.ok([...info.raw.keys()].every((key) => GET_INFO_NAMES.has(Number(key))), "each key has a name");
  t.end();
});

t.test("cards of CTAP 2.0 and its successor's preview", (t) => {
  t.notOk(isCtap21(parseGetInfo(find("solo simulator", "init+getInfo"))), "FIDO_2_1_PRE is not FIDO_2_1");
  const info = parseGetInfo(find("python-fido2 test with unknown keys"));
  t.same(info.extensions, ["uvm", "hmac-secret"]);
  t.notOk(isCtap21(info));
  t.end();
});

t.test("what a card leaves out has its default", (t) => {
  const info = parseGetInfo(encode([1, ["FIDO_2_0"]]));
  t.equal(hex(info.aaguid), "00".repeat(16));
  t.equal(info.maxMsgSize, 1024);
  t.same(info.pinUvAuthProtocols, [], "without PINs no protocol");
  t.same(parseGetInfo(encode([4, new Map([["clientPin", false]])])).pinUvAuthProtocols, [1], "with PINs the first");
  t.same(parseGetInfo(encode([4, new Map([["clientPin", true]])], [6, [3]])).pinUvAuthProtocols, [3], "unless it says which");
  t.same(info.attestationFormats, ["packed"]);
  t.equal(info.maxCredentialCountInList, undefined);
  t.equal(info.pinComplexityPolicy, undefined);
  t.same(parseGetInfo(encode()).versions, []);
  t.end();
});

t.test("unknown keys are kept and do not disturb, numbers of 64 bits fit", (t) => {
  const info = parseGetInfo(encode([0x0e, 2n ** 60n], [0x15, [1, 2n ** 63n]], [0x7f, "x"], [-1, [1]], ["text", null]));
  t.equal(info.firmwareVersion, 2n ** 60n);
  t.same(info.vendorPrototypeConfigCommands, [1, 2n ** 63n]);
  t.equal(info.raw.get(0x7f), "x");
  t.equal(info.raw.size, 5);
  t.end();
});

t.test("a known key of another type is refused, whichever it is", (t) => {
  for (const key of GET_INFO_NAMES.keys()) {
    for (const wrong of [null, -1.5, new Map([[1, [null]]]), [[null]]]) {
      assert.equal(errorCode(() => parseGetInfo(encode([key, wrong]))), "CTAP_ANSWER", `0x${key.toString(16)}`);
    }
  }
  t.equal(errorCode(() => parseGetInfo(encode([5, -1]))), "CTAP_ANSWER");
  t.equal(errorCode(() => parseGetInfo(encode([3, new Uint8Array(15)]))), "CTAP_ANSWER");
  t.equal(errorCode(() => parseGetInfo(encode([4, new Map([["rk", 1]])]))), "CTAP_ANSWER");
  t.equal(errorCode(() => parseGetInfo(encode([10, [new Map([["alg", -7]])]]))), "CTAP_ANSWER");
  t.equal(errorCode(() => parseGetInfo(encodeCbor([1, 2]))), "CTAP_ANSWER", "a list");
  t.equal(errorCode(() => parseGetInfo(new Uint8Array())), "CTAP_CBOR", "nothing");
  t.throws(() => parseGetInfo(encode([5, "x"])), { message: "answer to getInfo has another type or value under 0x05, expected an unsigned integer" });
  t.end();
});

t.test("cut short anywhere it is refused", (t) => {
  for (const { hex: encoded } of responses) {
    const whole = bytes(encoded);
    for (let length = 0; length < whole.length; length++) {
      assert.equal(errorCode(() => parseGetInfo(whole.subarray(0, length))), "CTAP_CBOR", `${length} of ${whole.length} bytes`);
    }
    assert.equal(errorCode(() => parseGetInfo(Uint8Array.of(...whole, 0))), "CTAP_CBOR", "a byte too many");
  }
  t.end();
});

t.test("with any byte changed it is read or refused", (t) => {
  const whole = find("libfido2");
  fc.assert(
    fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const code = errorCode(() => parseGetInfo(whole.map((byte, i) => (i === at ? byte ^ change : byte))));
      assert(code === undefined || code === "CTAP_ANSWER" || code === "CTAP_CBOR", code);
    }),
    { numRuns: 1000 },
  );
  t.end();
});

t.test("what is not canonical is told, and read all the same", (t) => {
  // {2: [], 1: []} with the keys the wrong way round.
  const info = parseGetInfo(bytes("a202800180"));
  t.same(info.oddities, [{ offset: 3, message: "map key out of order" }]);
  // {1: [(_ "FIDO_", "2_0")]}
  const { versions, oddities } = parseGetInfo(bytes("a101817f654649444f5f63325f30ff"));
  t.same(versions, ["FIDO_2_0"]);
  t.same(oddities, [{ offset: 3, message: "text of indefinite length" }]);
  t.end();
});
